"""The issuer's keys change, and people go on working."""

from __future__ import annotations

import httpx

from onenet_client.client import Client
from onenet_client.login import with_hint
from onenet_client.tokens import Grant
from onenet_local.stack import Stack
from tests.e2e.estate import until


async def signed_in(stack: Stack) -> Grant:
    async with Client(stack.addresses.api) as client:
        return await with_hint(await client.sign_in(), "alice")


async def status(stack: Stack, token: str) -> int:
    async with httpx.AsyncClient(base_url=stack.addresses.api) as http:
        return (await http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_a_rotated_key_is_trusted_and_a_dropped_one_is_not_without_a_restart(stack: Stack) -> None:
    old = (await signed_in(stack)).access_token
    assert await status(stack, old) == 200
    async with httpx.AsyncClient(base_url=stack.addresses.issuer) as issuer:
        (await issuer.post("/rotate", params={"drop": "true"})).raise_for_status()
    new = (await signed_in(stack)).access_token

    async def trusted() -> bool | None:
        return await status(stack, new) == 200 or None

    await until(trusted, "the new key to be trusted")
    assert await status(stack, old) == 401
    assert await status(stack, (await signed_in(stack)).access_token) == 200
