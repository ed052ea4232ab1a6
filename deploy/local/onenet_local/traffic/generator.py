"""Conversations that could be true, from a seed. Pure: the same arguments give the same traffic.

Clients of one network call services of another over its link: few ports take most of the calls, sizes are
log-normal, a client's port is ephemeral, and both networks log what they see. Beside that, each network
talks to the internet a little. Anomalies are added on top, so that there is something to find.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from onenet_local.traffic.exchanges import TCP, UDP, Exchange
from onenet_local.traffic.networks import Network

HOUR = 60 * 60
DAY = 24 * HOUR

_SERVICES = {(443, TCP): 50, (8443, TCP): 12, (9093, TCP): 10, (6443, TCP): 5, (53, UDP): 6, (22, TCP): 3}
"""Ports that are called, and how often each."""

CLEARTEXT = ((80, TCP), (23, TCP), (5432, TCP))
"""http, telnet, PostgreSQL."""
_CLOSED = [(3389, TCP), (445, TCP)]
_INTERNET = "9.9.9.9"
"""A public resolver's, since addresses for examples do not count as the internet. Nothing is sent there."""
_EPHEMERAL = (32768, 60999)


@dataclass(frozen=True, slots=True)
class Anomalies:
    """What is wrong with the traffic.

    Args:
        cleartext: share of a link's calls to http, telnet and PostgreSQL.
        refused: share of a link's calls that a filter stops.
        internet: share of a link's calls that go to the other's public address instead.
        silent_from: Unix seconds from which the first link carries nothing; None: never.
        broken: share of observations that no reader may accept.
    """

    cleartext: float = 0.02
    refused: float = 0.01
    internet: float = 0.02
    silent_from: int | None = None
    broken: float = 0.001


NONE = Anomalies(0, 0, 0, None, 0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """All traffic between networks.

    Args:
        networks: that talk to the internet, and to each other where there is a link.
        links: pairs of places in ``networks``: the client's and the server's.
        seed: what makes this traffic another than that of another seed.
        rhythm: whether nights are calmer than days.
    """

    networks: Sequence[Network]
    links: Sequence[tuple[int, int]]
    seed: int = 1
    anomalies: Anomalies = Anomalies()
    rhythm: bool = False

    def window(self, begin: int, seconds: int, exchanges: int) -> list[Exchange]:
        """What is observed in these seconds, in no order.

        Args:
            begin: Unix seconds; each beginning has traffic of its own.
            exchanges: how many observations there are when it is busiest.
        """
        random = Random(f"{self.seed} {begin}")
        wanted = round(exchanges * (activity(begin) if self.rhythm else 1))
        seen: list[Exchange] = []
        while len(seen) < wanted:
            seen += self._call(random, begin, seconds)
        return [self._broken(random, one) for one in seen[:wanted]]

    def _call(self, random: Random, begin: int, seconds: int) -> Iterator[Exchange]:
        """One call of a client, as everybody logs it who sees it."""
        if not self.links or random.random() < 0.05:
            yield _to_internet(random, begin, seconds, random.choice(self.networks))
            return
        link = random.choice(self.links)
        silent = self.anomalies.silent_from
        if link == self.links[0] and silent is not None and begin >= silent:
            yield _to_internet(random, begin, seconds, self.networks[link[0]])
            return
        client, server = (self.networks[place] for place in link)
        yield from self._between(random, begin, seconds, client, server)

    def _between(
        self, random: Random, begin: int, seconds: int, client: Network, server: Network
    ) -> Iterator[Exchange]:
        odd, chance = self.anomalies, random.random()
        port, protocol = random.choices(list(_SERVICES), list(_SERVICES.values()))[0]
        if chance < odd.refused:
            there = _exchange(random, begin, seconds, client, server, *random.choice(_CLOSED))
            stopped = replace(there, packets_back=0, bytes_back=0)
            yield stopped
            yield replace(_seen_by_server(stopped, server), accepted=False)
            return
        if chance < odd.refused + odd.internet:
            there = _exchange(random, begin, seconds, client, server, port, protocol)
            yield replace(there, server=server.seen_as)
            yield replace(_seen_by_server(there, server), client=client.seen_as)
            return
        if chance < odd.refused + odd.internet + odd.cleartext:
            port, protocol = random.choice(CLEARTEXT)
        there = _exchange(random, begin, seconds, client, server, port, protocol)
        yield there
        yield _seen_by_server(there, server)

    def _broken(self, random: Random, one: Exchange) -> Exchange:
        """The observation, or rarely one that cannot be."""
        if not self.anomalies.broken or random.random() >= self.anomalies.broken:
            return one
        return random.choice(
            [
                replace(one, bytes=-one.bytes - 1),
                replace(one, client="10.0.0.999"),
                replace(one, server_port=70_000),
                replace(one, start=one.start + 366 * DAY, end=one.end + 366 * DAY),
            ]
        )


def activity(at: int) -> float:
    """How much of the most that goes on in a day goes on at this time: from 0.2 at 2 to 1 at 14 UTC."""
    return 0.6 - 0.4 * math.cos(2 * math.pi * (at % DAY - 2 * HOUR) / DAY)


def _exchange(
    random: Random, begin: int, seconds: int, client: Network, server: Network, port: int, protocol: int
) -> Exchange:
    """As the client's network sees it."""
    asked, answered = (max(40, int(random.lognormvariate(mean, 1.2))) for mean in (6.5, 8.5))
    start = begin + random.randrange(seconds)
    host = random.choice(client.hosts)
    return Exchange(
        start=start,
        end=random.randint(start, begin + seconds - 1),
        network=client.id,
        account=client.account,
        interface=client.interface(host),
        client=host,
        server=random.choice(server.hosts),
        client_port=random.randint(*_EPHEMERAL),
        server_port=port,
        protocol=protocol,
        packets=1 + asked // 600,
        bytes=asked,
        packets_back=1 + answered // 1200,
        bytes_back=answered,
        accepted=True,
        outgoing=True,
    )


def _seen_by_server(there: Exchange, server: Network) -> Exchange:
    return replace(
        there,
        network=server.id,
        account=server.account,
        interface=server.interface(there.server),
        outgoing=False,
    )


def _to_internet(random: Random, begin: int, seconds: int, client: Network) -> Exchange:
    somewhere = Network("internet", "", f"{_INTERNET}/32")
    return _exchange(random, begin, seconds, client, somewhere, 443, TCP)
