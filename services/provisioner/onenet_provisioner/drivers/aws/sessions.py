"""The way into each provider account, and every call made through it.

One session per way in, one client per session, service and region, each made once however
many ask. Calls are paced, bounded in time, traced, never repeated by botocore (a repeated
create makes two), and their errors come out in OneNet's words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioDeferredRefreshableCredentials
from aiobotocore.session import AioSession
from opentelemetry.instrumentation.aiobotocore import AioBotocoreInstrumentor

from onenet_common.connection import Provider, Resource
from onenet_common.errors import Permanent, Throttled
from onenet_provisioner.drivers.aws.errors import CredentialsExpired, translated
from onenet_provisioner.drivers.aws.pacing import Kind, Pace
from onenet_provisioner.drivers.aws.single_flight import SingleFlight

if TYPE_CHECKING:
    from types_aiobotocore_ec2 import EC2Client
    from types_aiobotocore_service_quotas import ServiceQuotasClient

Service = Literal["ec2", "service-quotas", "sts"]

SESSION_NAME = "onenet"
"""How OneNet's calls are named in the account's CloudTrail."""

CONNECT_SECONDS = 5
READ_SECONDS = 30
CONNECTIONS = 50
"""Open connections to one service of one account and region, at the most."""


@dataclass(frozen=True, slots=True)
class Access:
    """A way into an account. Providers with the same one share its session.

    Args:
        home_region: where STS is asked; it does not tell two ways apart.
    """

    account: str
    role_arn: str
    external_id: str
    home_region: str = field(compare=False)

    @classmethod
    def of(cls, provider: Provider) -> Access:
        return cls(provider.account, provider.role_arn, provider.external_id, provider.region)


class Sessions:
    """Sessions of every provider account.

    Args:
        providers: finds a provider by id; raises Transient while it is not known.
        endpoint_url: another address for every AWS service, such as the local cloud's.
    """

    def __init__(
        self,
        providers: Callable[[UUID], Awaitable[Provider]],
        *,
        endpoint_url: str | None = None,
    ) -> None:
        self._providers = providers
        self._endpoint_url = endpoint_url
        self._config = AioConfig(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": 1},
            user_agent_extra=SESSION_NAME,
        )
        self._own = AioSession()
        self._accounts: SingleFlight[Access, AioSession] = SingleFlight()
        self._clients: SingleFlight[tuple[Access, Service, str], Any] = SingleFlight()
        self._paces: dict[tuple[str, str, Kind], Pace] = {}
        self._open = AsyncExitStack()
        _trace_calls()

    async def aclose(self) -> None:
        """Close every connection; calls in flight fail as Transient."""
        await self._open.aclose()

    @asynccontextmanager
    async def ec2(self, at: Resource | Provider, kind: Kind) -> AsyncIterator[EC2Client]:
        """A client for one call of EC2 in ``at``'s account and region.

        Raises:
            OneNetError: the call's error, or why the account does not let OneNet in.
        """
        async with self._call(at, "ec2", kind) as client:
            yield client

    @asynccontextmanager
    async def quotas(self, at: Provider) -> AsyncIterator[ServiceQuotasClient]:
        """A client for one call of Service Quotas; raises as ``ec2`` does."""
        async with self._call(at, "service-quotas", Kind.DESCRIBE) as client:
            yield client

    @asynccontextmanager
    async def _call(self, at: Resource | Provider, service: Service, kind: Kind) -> AsyncIterator[Any]:
        provider = at if isinstance(at, Provider) else await self._providers(at.provider)
        access = Access.of(provider)
        pace = self._paces.setdefault((access.account, at.region, kind), Pace(kind))
        try:
            with translated():
                client = await self._client(access, service, at.region)
                await pace.turn()
                yield client
        except Throttled:
            pace.throttled()
            raise
        except CredentialsExpired:
            self._forget(access)
            raise
        pace.succeeded()

    async def _client(self, access: Access, service: Service, region: str) -> Any:
        session = await self._accounts.get(access, partial(self._enter, access))
        make = partial(self._connect, session, service, region)
        return await self._clients.get((access, service, region), make)

    async def _enter(self, access: Access) -> AioSession:
        """Assume the provider's role and see that it leads to the provider's account."""
        session = AioSession()
        session.register_component("data_loader", self._own.get_component("data_loader"))
        session.register_component("credential_provider", _AssumedRole(partial(self._assume, access)))
        async with self._create_client(session, "sts", access.home_region) as sts:
            identity = await sts.get_caller_identity()
        if identity["Account"] != access.account:
            raise Permanent(
                f"role {access.role_arn} leads to account {identity['Account']}, not to {access.account}",
                code="wrong_account",
            )
        return session

    async def _assume(self, access: Access) -> dict[str, str]:
        async with self._create_client(self._own, "sts", access.home_region) as sts:
            answer = await sts.assume_role(
                RoleArn=access.role_arn, RoleSessionName=SESSION_NAME, ExternalId=access.external_id
            )
        credentials = answer["Credentials"]
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }

    async def _connect(self, session: AioSession, service: Service, region: str) -> Any:
        return await self._open.enter_async_context(self._create_client(session, service, region))

    def _create_client(self, session: AioSession, service: Service, region: str) -> Any:
        return session.create_client(
            service, region_name=region, endpoint_url=self._endpoint_url, config=self._config
        )

    def _forget(self, access: Access) -> None:
        """The next call enters anew; connections of the old session stay open until the end."""
        self._accounts.forget(lambda key: key == access)
        self._clients.forget(lambda key: key[0] == access)


class _AssumedRole:
    """A session's whole credential chain: its provider's role, refreshed before it expires."""

    def __init__(self, assume: Callable[[], Awaitable[dict[str, str]]]) -> None:
        self._assume = assume

    async def load_credentials(self) -> AioDeferredRefreshableCredentials:
        return AioDeferredRefreshableCredentials(refresh_using=self._assume, method="sts-assume-role")


def _trace_calls() -> None:
    """Give every AWS call of this process a span, once."""
    make_instrumentor: Any = AioBotocoreInstrumentor  # its constructor has no annotations
    instrumentor = make_instrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument()
