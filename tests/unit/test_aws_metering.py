"""Each call of AWS is timed once, by what came of it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import web
from botocore.exceptions import BotoCoreError, ClientError

from onenet_local.probes import HOST, free_port
from onenet_provisioner.drivers.aws.metering import meter_calls
from tests.measurements import measured

SESSION = get_session()
METRIC = "rpc.client.call.duration"
REFUSED = "<Response><Errors><Error><Code>{}</Code><Message>no</Message></Error></Errors></Response>"
EMPTY = "<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>"
CALL = {"rpc.system": "aws-api", "rpc.service": "EC2", "rpc.method": "DescribeVpcs"}


async def call(endpoint: str) -> None:
    config = AioConfig(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
    async with SESSION.create_client(
        "ec2",
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=config,
    ) as client:
        meter_calls(client)
        with suppress(ClientError, BotoCoreError):
            await client.describe_vpcs()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, EMPTY, None),
        (503, REFUSED.format("RequestLimitExceeded"), "throttled"),
        (403, REFUSED.format("UnauthorizedOperation"), "access_denied"),
        (None, "", "provider_unreachable"),
    ],
)
async def test_a_call_is_measured_by_what_came_of_it(
    status: int | None, body: str, error: str | None
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status or 200, text=body, content_type="text/xml")

    application = web.Application()
    application.router.add_route("*", "/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    if status is not None:
        await web.TCPSite(runner, HOST, port).start()
    before = measured(METRIC)
    try:
        await call(f"http://{HOST}:{port}")
    finally:
        await runner.cleanup()
    labels = frozenset((CALL if error is None else {**CALL, "error.type": error}).items())
    recorded = {one: count - before.get(one, 0) for one, count in measured(METRIC).items()}
    assert {one: count for one, count in recorded.items() if count} == {labels: 1}
