"""What the suite needs of a kind of cloud to put its driver to the test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Protocol

from onenet_provisioner.drivers.driver import Driver, Link


class Scene(Protocol):
    """Two networks of their own, not joined yet, among objects of other people.

    ``link`` wants them joined. ``drifts`` names what can be done to each object of an
    established link behind OneNet's back; ``builds`` and ``removes`` name the provider's
    mutating calls, ``throttles`` those that the provider is to slow down.
    """

    drifts: ClassVar[tuple[str, ...]]
    builds: ClassVar[tuple[str, ...]]
    removes: ClassVar[tuple[str, ...]]
    throttles: ClassVar[tuple[str, ...]]
    link: Link

    def driver(self) -> Driver[Any]:
        """A new instance that remembers nothing."""
        ...

    def objects(self) -> Counter[str]:
        """How many objects of each kind this link has at the provider now."""
        ...

    def complete(self) -> Counter[str]:
        """What ``objects`` are once the link is established."""
        ...

    def others(self) -> object:
        """Everything around that the link does not own, to be compared."""
        ...

    def drift(self, what: str) -> None: ...

    def join_by_hand(self) -> str:
        """Somebody else joins the networks, with one route already; the path's id."""
        ...

    def obstruct(self) -> str:
        """Somebody else routes a destination of the link elsewhere; that target."""
        ...

    def throttle(self, call: str) -> None:
        """The next such call is refused for its rate."""
        ...

    def lose_answer(self, call: str) -> None:
        """The next such call takes effect, and nobody hears of it."""
        ...


NewScene = Callable[[str], Awaitable[Scene]]
