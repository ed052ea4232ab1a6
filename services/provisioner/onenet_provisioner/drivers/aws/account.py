"""Entering a provider's account: the assumed role, and the clients made with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from aioboto3 import Session
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioDeferredRefreshableCredentials
from aiobotocore.session import AioSession

from onenet_common.connection import Provider
from onenet_common.errors import Permanent
from onenet_provisioner.drivers.aws.metering import meter_calls
from onenet_provisioner.drivers.aws.single_flight import SingleFlight

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


class Account:
    """An account that was entered; one client for each service and region."""

    def __init__(self, connect: Callable[[Service, str], Awaitable[Any]]) -> None:
        self._connect = connect
        self._clients: SingleFlight[tuple[Service, str], Any] = SingleFlight()

    async def client(self, service: Service, region: str) -> Any:
        return await self._clients.get((service, region), partial(self._connect, service, region))


class Entrance:
    """Enters accounts with OneNet's own credentials, found as AWS's SDKs find them.

    botocore must not repeat a call: a create whose answer was lost would be made twice.

    Args:
        endpoint_url: another address for every AWS service, such as the local cloud's.
    """

    def __init__(self, endpoint_url: str | None) -> None:
        self._endpoint_url = endpoint_url
        self._config = AioConfig(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": 1},
            user_agent_extra=SESSION_NAME,
        )
        own = AioSession()
        self._loader = own.get_component("data_loader")
        self._own = Session(botocore_session=own)
        self._open = AsyncExitStack()

    async def enter(self, access: Access) -> Account:
        """Assume the provider's role and see that it leads to the provider's account.

        The sessions share one loader: a session that reads AWS's service models for itself
        takes up to 35 MB.

        Raises:
            Permanent: the role leads elsewhere.
            botocore's errors: as AWS gives them.
        """
        inner = AioSession()
        inner.register_component("data_loader", self._loader)
        inner.register_component("credential_provider", _AssumedRole(partial(self._assume, access)))
        session = Session(botocore_session=inner)
        async with self._client(session, "sts", access.home_region) as sts:
            identity = await sts.get_caller_identity()
        if identity["Account"] != access.account:
            raise Permanent(
                f"role {access.role_arn} leads to account {identity['Account']}, not to {access.account}",
                code="wrong_account",
            )
        return Account(partial(self._connect, session))

    async def aclose(self) -> None:
        """Close the connections of every client; calls in flight fail."""
        await self._open.aclose()

    async def _assume(self, access: Access) -> dict[str, str]:
        async with self._client(self._own, "sts", access.home_region) as sts:
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

    async def _connect(self, session: Session, service: Service, region: str) -> Any:
        return await self._open.enter_async_context(self._client(session, service, region))

    @asynccontextmanager
    async def _client(self, session: Session, service: Service, region: str) -> AsyncIterator[Any]:
        async with session.client(
            service, region_name=region, endpoint_url=self._endpoint_url, config=self._config
        ) as client:
            meter_calls(client)
            yield client


class _AssumedRole:
    """A session's whole credential chain: its provider's role, refreshed before it expires."""

    def __init__(self, assume: Callable[[], Awaitable[dict[str, str]]]) -> None:
        self._assume = assume

    async def load_credentials(self) -> AioDeferredRefreshableCredentials:
        return AioDeferredRefreshableCredentials(refresh_using=self._assume, method="sts-assume-role")
