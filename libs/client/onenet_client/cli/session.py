"""What every command shares: where the API is, as whom it is called, and the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import typer

from onenet_client.client import Client
from onenet_client.errors import NotSignedIn
from onenet_client.login import token_of
from onenet_client.profiles import Profile, Profiles
from onenet_client.retry import Retry
from onenet_client.settings import ClientSettings
from onenet_client.tokens import StaticToken, TokenSource

DEFAULT_URL = "http://127.0.0.1:8080"
PATIENT = Retry(attempts=5)
"""Somebody waits at the terminal: give up after some seconds."""

T = TypeVar("T")


@dataclass(frozen=True)
class Session:
    """One run of the command.

    Args:
        profile_name: which stored sign-in is used.
        url_option: the API's root as given on the command line.
    """

    settings: ClientSettings
    profile_name: str
    url_option: str | None = None

    @property
    def profiles(self) -> Profiles:
        return Profiles(self.settings.config)

    def profile(self) -> Profile | None:
        return self.profiles.load(self.profile_name)

    def url(self) -> str:
        """From the option, the environment, the profile, in this order."""
        profile = self.profile()
        stored = profile.url if profile else DEFAULT_URL
        return self.url_option or self.settings.url or stored

    def tokens(self) -> TokenSource:
        """Whose identity to use.

        Raises:
            NotSignedIn: nobody's; or the profile's token belongs to another API and stays here.
        """
        if self.settings.token is not None:
            return StaticToken(self.settings.token.get_secret_value())
        profile = self.profile()
        if profile is None:
            raise NotSignedIn(f"profile {self.profile_name!r} is not signed in")
        if profile.url != self.url():
            raise NotSignedIn(
                f"profile {self.profile_name!r} is signed in at {profile.url}, not at {self.url()}"
            )
        secret = self.settings.secret.get_secret_value() if self.settings.secret else None
        return token_of(self.profiles, self.profile_name, profile, secret)

    def anonymous(self) -> Client:
        return Client(self.url(), timeout=self.settings.timeout, retry=PATIENT)

    def client(self) -> Client:
        return Client(self.url(), self.tokens(), timeout=self.settings.timeout, retry=PATIENT)


def session_of(context: typer.Context) -> Session:
    session: Session = context.obj
    return session


def run(context: typer.Context, work: Callable[[Client], Awaitable[T]]) -> T:
    """Do the work with a client of this session."""

    async def inside() -> T:
        async with session_of(context).client() as client:
            return await work(client)

    return asyncio.run(inside())
