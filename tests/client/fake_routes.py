"""The fake API's routes: the same paths and answers as the real one's, over real HTTP.

A bearer token is the user's name, or a JWT of the local issuer, which is not verified.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from tests.client.fake_api import NOW, FakeApi, Refused, Thing

SECRET = "whsec_c2VjcmV0"


def create(api: FakeApi) -> FastAPI:
    app = FastAPI()
    routes = Routes(api)
    app.middleware("http")(routes.misbehave)
    app.exception_handler(Refused)(refuse)
    for method, path, route in (
        ("GET", "/.well-known/onenet", routes.sign_in),
        ("GET", "/v1/me", routes.me),
        ("GET", "/v1/audit", routes.audit),
        ("GET", "/v1/directory/services", routes.listed_services),
        ("GET", "/v1/directory/resources", routes.listed_resources),
        ("GET", "/v1/connections/{key}/timeline", routes.timeline),
        ("GET", "/v1/events", routes.events),
        ("GET", "/v1/connections/{key}/health", routes.health),
        ("GET", "/v1/connections/{key}/traffic", routes.traffic),
        ("GET", "/v1/traffic", routes.busiest),
        ("GET", "/v1/dependencies", routes.dependencies),
        ("GET", "/v1/findings", routes.findings),
        ("GET", "/v1/findings/{finding}", routes.finding),
        ("POST", "/v1/findings/{finding}/{verb}", routes.mark),
        ("GET", "/v1/services/{service}/webhooks", routes.webhooks),
        ("POST", "/v1/services/{service}/webhooks", routes.create_webhook),
        ("GET", "/v1/services/{service}/webhooks/{webhook}", routes.webhook),
        ("PATCH", "/v1/services/{service}/webhooks/{webhook}", routes.change_webhook),
        ("DELETE", "/v1/services/{service}/webhooks/{webhook}", routes.delete_webhook),
        ("POST", "/v1/services/{service}/webhooks/{webhook}/{verb}", routes.work_on_webhook),
        ("GET", "/v1/services/{service}/webhooks/{webhook}/attempts", routes.attempts),
        ("GET", "/v1/me/mail", routes.read_mail),
        ("PUT", "/v1/me/mail", routes.choose_mail),
        ("GET", "/v1/dead-letters", routes.dead_letters),
        ("GET", "/v1/dead-letters/{letter}", routes.dead_letter),
        ("POST", "/v1/dead-letter-replays", routes.replay),
        ("POST", "/v1/{table}", routes.post),
        ("GET", "/v1/{table}", routes.listing),
        ("GET", "/v1/{table}/{key}", routes.one),
        ("PATCH", "/v1/{table}/{key}", routes.patch),
        ("DELETE", "/v1/{table}/{key}", routes.delete),
        ("POST", "/v1/{table}/{key}/{verb}", routes.act),
    ):
        app.add_api_route(path, route, methods=[method], response_model=None)
    return app


class Routes:
    def __init__(self, api: FakeApi) -> None:
        self.api = api

    async def misbehave(self, request: Request, serve: Callable[[Request], Awaitable[Response]]) -> Response:
        self.api.requests.append(request)
        if self.api.faults:
            return self.api.faults.pop(0)
        return self.api.away.get(request.url.path) or await serve(request)

    async def sign_in(self) -> Thing:
        return {"issuer": self.api.issuer, "audience": "onenet", "client_id": "onenet-cli"}

    async def me(self, request: Request) -> Thing:
        return {"user": user_of(request), "groups": ["team"], "admin": user_of(request) == "root"}

    async def audit(self, request: Request) -> Thing:
        entry = {"id": str(uuid4()), "time": NOW, "actor": user_of(request), "action": "service.create"}
        return page(request, [entry, entry])

    async def events(self, request: Request) -> Response:
        """Two events and the connection breaks; the next request gets those that are left."""
        start = int(request.headers.get("last-event-id", 0))
        told = [
            f"id: {number + 1}\ndata: {json.dumps(event)}\n\n"
            for number, event in enumerate(self.api.events)
            if start <= number < start + 2
        ]
        over = start + 2 >= len(self.api.events)
        end = 'event: end\ndata: {"code": "caught_up"}\n\n' if over else ""
        return Response(
            "".join((": hello\nid: 0\n\n" if not start else "", *told, end)), media_type="text/event-stream"
        )

    async def dead_letters(self, request: Request) -> Thing:
        letters = self.letters(request)
        return page(
            request, [one for one in letters if request.query_params.get("code", one["code"]) == one["code"]]
        )

    async def dead_letter(self, request: Request, letter: str) -> Thing:
        for one in self.letters(request):
            if one["id"] == letter:
                return one
        raise Refused(404, f"there is no dead letter {letter}")

    async def replay(self, request: Request) -> Thing:
        known = {one["id"]: one for one in self.letters(request)}
        return {
            "items": [
                {"id": one, "outcome": known[one]["outcome"] if one in known else "gone"}
                for one in (await request.json())["ids"]
            ]
        }

    def letters(self, request: Request) -> list[Thing]:
        if user_of(request) != "root":
            raise Refused(404, "there is nothing here")
        return self.api.letters

    async def listed_services(self, request: Request) -> Thing:
        user_of(request)
        services = self.api.tables["services"].values()
        return page(request, [one for one in services if matches(request, one["name"])])

    async def listed_resources(self, request: Request) -> Thing:
        user_of(request)
        self.api.shy = max(0, self.api.shy - 1)
        wanted = request.query_params.get("service")
        found = [
            one | {"service_name": self.api.tables["services"][one["service"]]["name"], "platform": "AWS"}
            for one in self.api.tables["resources"].values()
            if wanted in (None, one["service"]) and not self.api.shy
        ]
        return page(request, [one for one in found if matches(request, one["name"], one["service_name"])])

    async def timeline(self, request: Request, key: str) -> Thing:
        thing = self.api.find("connections", user_of(request), key)
        return page(request, [event(thing, kind) for kind in ("requested", "evaluated", "established")])

    async def health(self, request: Request, key: str) -> Thing:
        thing = self.api.find("connections", user_of(request), key)
        return {"connection": thing["id"], **self.api.health}

    async def traffic(self, request: Request, key: str) -> Thing:
        thing = self.api.find("connections", user_of(request), key)
        return {"connection": thing["id"], "step": request.query_params["step"], **self.api.traffic}

    async def busiest(self, request: Request) -> Thing:
        user_of(request)
        return {"since": NOW, "until": NOW, "items": self.api.busiest}

    async def dependencies(self, request: Request) -> Thing:
        user_of(request)
        start = int(request.query_params.get("cursor", 0))
        end = start + self.api.largest
        edges = self.api.edges[start:end]
        ends = {edge[side] for edge in edges for side in ("client", "server")}
        services = self.api.tables["services"]
        nodes = [
            {
                "resource": one["id"],
                "name": one["name"],
                "service": one["service"],
                "service_name": services[one["service"]]["name"],
            }
            for one in self.api.tables["resources"].values()
            if one["id"] in ends
        ]
        following = str(end) if end < len(self.api.edges) else None
        return {"nodes": nodes, "edges": edges, "next": following}

    async def findings(self, request: Request) -> Thing:
        user_of(request)
        states = request.query_params.getlist("state") or ["OPEN"]
        found = [one for one in self.api.tables["findings"].values() if one["state"] in states]
        return page(request, found)

    async def finding(self, request: Request, finding: str) -> Thing:
        user_of(request)
        if finding not in self.api.tables["findings"]:
            raise Refused(404, "no such finding")
        return self.api.tables["findings"][finding]

    async def mark(self, request: Request, finding: str, verb: str) -> Thing:
        thing = await self.finding(request, finding)
        body = {"note": "", "until": None} | json.loads(await request.body() or b"{}")
        states = {"acknowledge": "ACKNOWLEDGED", "mute": "MUTED", "reopen": "OPEN"}
        thing |= {"state": states[verb], "note": body["note"], "muted_until": body["until"]}
        return thing

    async def webhooks(self, request: Request, service: str) -> Thing:
        self.api.find("services", user_of(request), service)
        every = self.api.tables["webhooks"].values()
        return page(request, [one for one in every if one["service"] == service])

    async def webhook(self, request: Request, service: str, webhook: str) -> Thing:
        self.api.find("services", user_of(request), service)
        found = self.api.tables["webhooks"].get(webhook)
        if found is None or found["service"] != service:
            raise Refused(404, "no such webhook")
        return found

    async def create_webhook(self, request: Request, service: str) -> Response:
        of = self.api.find("services", user_of(request), service)
        made = self.api.add_webhook(of, len(self.api.tables["webhooks"]), **await request.json())
        return JSONResponse(made | {"secret": SECRET}, 201)

    async def change_webhook(self, request: Request, service: str, webhook: str) -> Thing:
        thing = await self.webhook(request, service, webhook)
        thing |= await request.json()
        return thing

    async def delete_webhook(self, request: Request, service: str, webhook: str) -> Response:
        await self.webhook(request, service, webhook)
        del self.api.tables["webhooks"][webhook]
        return Response(status_code=204)

    async def work_on_webhook(self, request: Request, service: str, webhook: str, verb: str) -> Response:
        thing = await self.webhook(request, service, webhook)
        answers = {
            "rotate": (200, thing | {"secret": SECRET, "previous_until": NOW}),
            "replay": (202, {"deliveries": 2}),
            "test": (200, self.api.attempts[0] if self.api.attempts else {}),
        }
        self.api.told.append(json.loads(await request.body() or b"{}"))
        status, answer = answers[verb]
        return JSONResponse(answer, status)

    async def attempts(self, request: Request, service: str, webhook: str) -> Thing:
        await self.webhook(request, service, webhook)
        return page(request, self.api.attempts)

    async def read_mail(self, request: Request) -> Thing:
        user_of(request)
        return self.api.mail

    async def choose_mail(self, request: Request) -> Thing:
        self.api.mail = {"address": f"{user_of(request)}@example.com", **await request.json()}
        return self.api.mail

    async def post(self, request: Request, table: str) -> Response:
        user, key = user_of(request), request.headers["Idempotency-Key"]
        if key not in self.api.answered:
            created = self.api.register(user, table, await request.json())
            self.api.answered[key] = JSONResponse(created, 201)
        return self.api.answered[key]

    async def listing(self, request: Request, table: str) -> Thing:
        visible = self.api.visible(table, user_of(request))
        return page(request, [one for one in visible if chosen(request, one)])

    async def one(self, request: Request, table: str, key: str) -> Response:
        thing = self.api.find(table, user_of(request), key)
        if "wait" in request.query_params and request.headers["If-None-Match"] == tag(thing):
            if not self.api.script:
                return Response(status_code=304)
            self.api.move(thing, self.api.script.pop(0))
        return JSONResponse(thing, headers={"ETag": tag(thing)})

    async def patch(self, request: Request, table: str, key: str) -> Thing:
        thing = self.api.find(table, user_of(request), key)
        if request.headers.get("If-Match", tag(thing)) != tag(thing):
            raise Refused(412, "it has another version by now")
        thing |= await request.json() | {"version": thing["version"] + 1}
        return thing

    async def delete(self, request: Request, table: str, key: str) -> Response:
        thing = self.api.find(table, user_of(request), key)
        if table == "connections":
            self.api.move(thing, "DELETING")
            return JSONResponse(thing, 202)
        if any(one["service"] == key for one in self.api.tables["providers"].values()):
            raise Refused(409, "the service still has providers; delete them first")
        del self.api.tables[table][key]
        return Response(status_code=204)

    async def act(self, request: Request, table: str, key: str, verb: str) -> Response:
        user = user_of(request)
        thing = self.api.find(table, user, key)
        body = json.loads(await request.body() or b"{}")
        if verb == "approve":
            if body["terms"] != thing["consent"]["terms"]:
                raise Refused(409, "these are not the terms any more")
            self.api.agree(thing, user)
        if verb == "refuse":
            self.api.reasons = [f"{user} refused: {body['reason']}"]
            self.api.move(thing, "REJECTED")
        if verb == "retry":
            self.api.move(thing, "REQUESTED")
        return JSONResponse(thing, 202)


async def refuse(_: Request, refused: Exception) -> Response:
    if not isinstance(refused, Refused):
        raise refused
    return JSONResponse(refused.members, refused.status, media_type="application/problem+json")


def user_of(request: Request) -> str:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or token == "expired":
        raise Refused(401, "the token is not valid")
    if "." not in token:
        return token
    payload = token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["preferred_username"])


def event(connection: Thing, kind: str) -> Thing:
    return {
        "id": str(uuid4()),
        "type": f"onenet.connection.{kind}.v1",
        "time": NOW,
        "actor": connection["requested_by"],
        "source": "onenet-api",
        "generation": 1,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "summary": f"it was {kind}",
        "data": {},
    }


def tag(thing: Thing) -> str:
    return f'"{thing["version"]}"'


def page(request: Request, things: list[Thing]) -> Thing:
    start, limit = int(request.query_params.get("cursor", "0")), int(request.query_params.get("limit", "50"))
    end = start + limit
    return {"items": things[start:end], "next": str(end) if end < len(things) else None}


def matches(request: Request, *texts: str) -> bool:
    words = request.query_params.get("q", "").lower()
    return any(words in text.lower() for text in texts)


def chosen(request: Request, thing: Thing) -> bool:
    """The filters that the tests use, and no others."""
    query = request.query_params
    sides = (thing.get("resource_left"), thing.get("resource_right"))
    return (
        query.get("name", thing["name"]) == thing["name"]
        and (thing.get("state") in query.getlist("state") or "state" not in query)
        and ("service" not in query or query["service"] == thing.get("service"))
        and ("resource" not in query or query["resource"] in sides)
    )
