"""What the fake of the API holds: everything in memory, no cloud behind it.

Connections move along ``script``, one state each time somebody waits for a change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from fastapi import Request, Response

Thing = dict[str, Any]
NOW = "2026-11-23T10:00:00Z"
LIVE = ("PENDING_APPROVAL", "REQUESTED", "PROVISIONING", "ESTABLISHED", "DELETING")


class Refused(Exception):
    def __init__(self, status: int, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.members = {"type": "about:blank", "title": "no", "status": status, "detail": detail, **members}


@dataclass
class FakeApi:
    """What it holds, and how it misbehaves.

    Args:
        vpcs: native ids and CIDR blocks by account: what a provider turns out to hold.
        shy: how many reads of the directory it takes until a new provider's resources show.
        script: states that connections go through, in order.
        faults: answers to give instead of the next ones.
        away: answers to give at these paths, again and again.
        traffic, busiest, edges: what was carried, for whoever asks.
        largest: edges in one answer.
        attempts: what was delivered to every webhook; the first is what a test comes to.
        told: the bodies of what was asked of webhooks by a verb.
        mail: what whoever asks is told by mail.
    """

    url: str = ""
    issuer: str = "http://127.0.0.1:1"
    vpcs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    shy: int = 0
    script: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    faults: list[Response] = field(default_factory=list)
    away: dict[str, Response] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    tables: dict[str, dict[str, Thing]] = field(
        default_factory=lambda: {
            "services": {},
            "providers": {},
            "resources": {},
            "connections": {},
            "findings": {},
            "webhooks": {},
        }
    )
    events: list[Thing] = field(default_factory=list)
    letters: list[Thing] = field(default_factory=list)
    health: Thing = field(default_factory=lambda: {"health": "UNKNOWN"})
    traffic: Thing = field(default_factory=dict)
    busiest: list[Thing] = field(default_factory=list)
    edges: list[Thing] = field(default_factory=list)
    largest: int = 1_000
    attempts: list[Thing] = field(default_factory=list)
    told: list[Thing] = field(default_factory=list)
    mail: Thing = field(
        default_factory=lambda: {"address": None, "everything": {"when": "off", "types": []}, "services": {}}
    )
    answered: dict[str, Response] = field(default_factory=dict)

    def add_service(self, name: str, *owners: str, vpcs: Sequence[tuple[str, str]] = ()) -> Thing:
        service = self.store("services", {"name": name, "description": "", "owners": list(owners)})
        for native, cidr in vpcs:
            self.add_resource(service, native, cidr)
        return service

    def add_resource(self, service: Thing, native: str, cidr: str, provider: str | None = None) -> Thing:
        resource = {
            "id": str(uuid5(NAMESPACE_URL, native)),
            "name": f"AWS\\{native}",
            "service": service["id"],
            "provider": provider or str(uuid4()),
            "native_id": native,
            "region": "eu-north-1",
            "subnet": cidr,
            "subnets": [cidr],
            "state": "PRESENT",
        }
        return self.store("resources", resource)

    def add_letter(self, number: int, **other: Any) -> Thing:
        """A dead letter; ``outcome`` is what a replay of it comes to."""
        letter: Thing = {
            "id": f"onenet.health:0:{number}",
            "time": NOW,
            "topic": "onenet.health",
            "code": "wrong_schema",
            "reason": "sample: Field required",
            "key": None,
            "value": {"encoding": "utf-8", "data": '{"a": 1}', "size": 8},
            "headers": [],
            "outcome": "replayed",
        }
        self.letters.insert(0, letter | other)
        return self.letters[0]

    def add_webhook(self, service: Thing, number: int, **other: Any) -> Thing:
        """One webhook; its id begins with ``e00`` and the number."""
        webhook: Thing = {
            "id": f"e00{number:05x}-0000-4000-8000-000000000000",
            "service": service["id"],
            "url": f"https://example.com/{number}",
            "description": "",
            "types": [],
            "enabled": True,
            "disabled_reason": None,
            "previous_until": None,
            "waiting": 0,
            "created_by": "alice",
            "secret": None,
        }
        return self.store("webhooks", webhook | other)

    def store(self, table: str, thing: Thing) -> Thing:
        thing = {"id": str(uuid4()), "version": 1, "created_at": NOW, "updated_at": NOW, **thing}
        self.tables[table][thing["id"]] = thing
        return thing

    def only(self, table: str) -> Thing:
        [thing] = self.tables[table].values()
        return thing

    def sent(self, method: str) -> list[str]:
        """The paths that were called with this method."""
        return [request.url.path for request in self.requests if request.method == method]

    def mine(self, user: str) -> set[str]:
        return {one["id"] for one in self.tables["services"].values() if user in one["owners"]}

    def services_of(self, table: str, thing: Thing) -> set[str]:
        if table == "connections":
            ends = (thing["resource_left"], thing["resource_right"])
            return {self.tables["resources"][end]["service"] for end in ends}
        return {thing["id"] if table == "services" else thing["service"]}

    def visible(self, table: str, user: str) -> Iterator[Thing]:
        mine = self.mine(user)
        return (one for one in self.tables[table].values() if self.services_of(table, one) & mine)

    def find(self, table: str, user: str, key: str) -> Thing:
        for thing in self.visible(table, user):
            if thing["id"] == key:
                return thing
        raise Refused(404, f"no such {table[:-1]}")

    def move(self, connection: Thing, state: str) -> None:
        connection |= {"state": state, "version": connection["version"] + 1}
        if state in ("REJECTED", "FAILED"):
            connection["reasons"] = self.reasons

    def request_connection(self, user: str, body: Thing) -> Thing:
        pair = {body["resource_left"], body["resource_right"]}
        for one in self.tables["connections"].values():
            if {one["resource_left"], one["resource_right"]} != pair or one["state"] not in LIVE:
                continue
            if set(one["consent"]["needed_from"]) & self.mine(user):
                self.agree(one, user)
                return one
            raise Refused(409, f"connection {one['id']} connects them already", connection=one["id"])
        connection = {
            "name": "unnamed",
            "l4filters": [],
            "requirements": {"encryption": False},
            "desired_state": "ESTABLISHED",
            "health": "UNKNOWN",
            "reasons": [],
            **body,
            "requested_by": user,
            **{side: self.side(body[f"resource_{side}"]) for side in ("left", "right")},
        }
        others = sorted(self.services_of("connections", connection) - self.mine(user))
        connection["consent"] = {"terms": "digest-1", "needed_from": others, "given": []}
        connection["state"] = "PENDING_APPROVAL" if others else "REQUESTED"
        return self.store("connections", connection)

    def side(self, key: str) -> Thing:
        if key not in self.tables["resources"]:
            raise Refused(422, "resource_left: there is no such resource")
        resource = self.tables["resources"][key]
        return {
            "resource": key,
            "name": resource["name"],
            "service": resource["service"],
            "service_name": self.tables["services"][resource["service"]]["name"],
            "subnets": resource["subnets"],
            "account": "111111111111",
            "region": resource["region"],
        }

    def agree(self, connection: Thing, user: str) -> None:
        needed = [one for one in connection["consent"]["needed_from"] if one not in self.mine(user)]
        connection["consent"]["needed_from"] = needed
        self.move(connection, connection["state"] if needed else "REQUESTED")

    def register(self, user: str, table: str, body: Thing) -> Thing:
        """What a POST creates."""
        if table == "connections":
            return self.request_connection(user, body)
        if table == "services":
            owners = body.get("owners", [])
            owners = owners if user in owners else [*owners, user]
            return self.store(table, {"description": "", **body, "owners": owners})
        service = self.find("services", user, body["service"])
        role = f"arn:aws:iam::{body['account']}:role/OneNet"
        provider = self.store(table, {"role_arn": role, "status": "REACHABLE", **body})
        for native, cidr in self.vpcs.get(body["account"], []):
            self.add_resource(service, native, cidr, provider["id"])
        return provider
