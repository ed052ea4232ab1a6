"""Every call into a provider's account: paced, bounded in time, traced, its errors translated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from opentelemetry.instrumentation.aiobotocore import AioBotocoreInstrumentor

from onenet_common.connection import Provider, Resource
from onenet_common.errors import Throttled
from onenet_provisioner.drivers.aws.account import Access, Account, Entrance, Service
from onenet_provisioner.drivers.aws.call_spans import describe
from onenet_provisioner.drivers.aws.errors import CredentialsExpired, translated
from onenet_provisioner.drivers.aws.pacing import Kind, Pace
from onenet_provisioner.drivers.aws.single_flight import SingleFlight
from onenet_provisioner.drivers.driver import unguarded

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client
    from types_aiobotocore_service_quotas import ServiceQuotasClient


class Sessions:
    """Sessions of every provider account, each entered once however many ask.

    A provider whose role or external id changes is entered anew.

    Args:
        providers: finds a provider by id; raises Transient while it is not known.
        endpoint_url: another address for every AWS service, such as the local cloud's.
    """

    def __init__(
        self, providers: Callable[[UUID], Awaitable[Provider]], *, endpoint_url: str | None = None
    ) -> None:
        self._providers = providers
        self._entrance = Entrance(endpoint_url)
        self._accounts: SingleFlight[Access, Account] = SingleFlight()
        self._paces: dict[tuple[str, str, Kind], Pace] = {}
        _trace_calls()

    async def aclose(self) -> None:
        """Close every connection; calls in flight fail as Transient."""
        await self._entrance.aclose()

    @asynccontextmanager
    async def ec2(
        self, at: Resource | Provider, kind: Kind, guard: Callable[[], None] = unguarded
    ) -> AsyncIterator[EC2Client]:
        """A client for one call of EC2 in ``at``'s account and region.

        Args:
            guard: called when all else is ready and the call's turn has come.

        Raises:
            OneNetError: the call's error, or why the account does not let OneNet in.
        """
        async with self._call(at, "ec2", kind, guard) as client:
            yield client

    @asynccontextmanager
    async def quotas(self, at: Provider) -> AsyncIterator[ServiceQuotasClient]:
        """A client for one call of Service Quotas; raises as ``ec2`` does."""
        async with self._call(at, "service-quotas", Kind.DESCRIBE, unguarded) as client:
            yield client

    @asynccontextmanager
    async def _call(
        self, at: Resource | Provider, service: Service, kind: Kind, guard: Callable[[], None]
    ) -> AsyncIterator[Any]:
        provider = at if isinstance(at, Provider) else await self._providers(at.provider)
        access = Access.of(provider)
        with translated():
            account = await self._accounts.get(access, partial(self._entrance.enter, access))
        pace = self._paces.setdefault((access.account, at.region, kind), Pace(kind))
        with translated():
            client = await account.client(service, at.region)
        await pace.turn()
        guard()
        try:
            with translated():
                yield client
        except Throttled:
            pace.throttled()
            raise
        except CredentialsExpired:
            self._accounts.forget(access, account)
            raise
        pace.succeeded()


def _trace_calls() -> None:
    """Give every AWS call of this process a span, once."""
    make_instrumentor: Any = AioBotocoreInstrumentor  # its constructor has no annotations
    instrumentor = make_instrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(response_hook=describe)
