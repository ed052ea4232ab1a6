"""The issuer's endpoints: they translate between HTTP and the provider."""

from __future__ import annotations

import base64
import binascii
import html
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from onenet_local.issuer.oauth import OAuthError, UntrustedClient, authorization, parameters, returns_to
from onenet_local.issuer.provider import Credentials, Provider

LONGEST_BODY = 16_384
"""Bytes of a token request."""

FORM = "application/x-www-form-urlencoded"
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
PAGE_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>OneNet local issuer</title>
<style>body {{ font: 1.1rem sans-serif; margin: 4rem auto; max-width: 30rem }}</style>
<h1>Local issuer</h1><p>Simulated sign-on for this machine. Who are you?</p><ul>{people}</ul></html>
"""


class Endpoints:
    """One method per endpoint."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def discovery(self, request: Request) -> Response:
        url = self._provider.url
        return JSONResponse(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "revocation_endpoint": f"{url}/revoke",
                "jwks_uri": f"{url}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": [
                    "none",
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._provider.keys.published(time.time()))

    async def rotate(self, request: Request) -> Response:
        drop = request.query_params.get("drop") == "true"
        return JSONResponse({"kid": self._provider.keys.rotate(time.time(), drop=drop)})

    async def authorize(self, request: Request) -> Response:
        """Sign in whom ``login_hint`` names, which suits command lines; else ask who it is."""
        given = parameters(request.query_params.multi_items())
        redirect_uri = returns_to(given)
        try:
            wanted = authorization(given, redirect_uri)
            if not wanted.login_hint:
                return self._page(given)
            answer = {"code": self._provider.code(wanted, wanted.login_hint, time.time())}
        except OAuthError as error:
            answer = error.fields()
        answer |= {"state": given["state"]} if "state" in given else {}
        answer |= {"iss": self._provider.url}
        joint = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(f"{redirect_uri}{joint}{urlencode(answer)}", 303, PRIVATE)

    async def token(self, request: Request) -> Response:
        given = await _form(request)
        answer = self._provider.tokens(given, _credentials(request, given), time.time())
        return JSONResponse(answer, headers=PRIVATE)

    async def revoke(self, request: Request) -> Response:
        """Success whether the token was known or not (RFC 7009, section 2.2)."""
        self._provider.revoke((await _form(request)).get("token", ""))
        return Response()

    def _page(self, given: Mapping[str, str]) -> Response:
        people = "".join(
            f'<li><a href="?{html.escape(urlencode({**given, "login_hint": name}))}">{html.escape(name)}</a>'
            f" {html.escape(', '.join(person.groups))}"
            for name, person in self._provider.accounts.people.items()
        )
        return HTMLResponse(PAGE.format(people=people), headers=PRIVATE | PAGE_POLICY)


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"the body must be {FORM}", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise OAuthError("invalid_request", f"the body is longer than {LONGEST_BODY} bytes", status=413)
    try:
        return parameters(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise OAuthError("invalid_request", "the body is not a form in UTF-8") from None


def _credentials(request: Request, given: Mapping[str, str]) -> Credentials:
    """From the Authorization header or from the form (RFC 6749, section 2.3.1)."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return given.get("client_id", ""), given.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_client", "the Authorization header is not Basic", status=401) from None
    return unquote_plus(name), unquote_plus(secret)


async def _refuse(request: Request, error: Exception) -> Response:
    if not isinstance(error, OAuthError):
        raise error
    headers = PRIVATE | ({"WWW-Authenticate": 'Basic realm="onenet"'} if error.status == 401 else {})
    return JSONResponse(error.fields(), error.status, headers)


def create(provider: Provider) -> Starlette:
    """The issuer as an ASGI application."""
    endpoints = Endpoints(provider)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", endpoints.discovery),
            Route("/jwks", endpoints.jwks),
            Route("/rotate", endpoints.rotate, methods=["POST"]),
            Route("/authorize", endpoints.authorize),
            Route("/token", endpoints.token, methods=["POST"]),
            Route("/revoke", endpoints.revoke, methods=["POST"]),
        ],
        exception_handlers={OAuthError: _refuse, UntrustedClient: _refuse},
    )
