"""What the command reads from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from onenet_client.errors import BadInput, FieldError
from onenet_common.settings import Settings as ServiceSettings
from onenet_common.settings import known_names, unknown_names

PREFIX = "ONENET_CLIENT_"


def check_url(value: str) -> str:
    """An API's root.

    Raises:
        ValueError: what would be right.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is not an API's address; write it like https://onenet.example.com")
    return value.rstrip("/")


def _default_folder() -> Path:
    """XDG base directories: ``$XDG_CONFIG_HOME/onenet``, else ``~/.config/onenet``."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "onenet"


class ClientSettings(BaseSettings):
    """The environment's ``ONENET_CLIENT_*``.

    Args:
        url: the API's root; that of the profile when absent.
        token: an access token to use instead of the profile's.
        secret: the client secret for signing in as a program.
        config: the folder that holds the profiles.
        timeout: seconds until a silent server counts as gone.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True)

    url: Annotated[str, AfterValidator(check_url)] | None = None
    token: SecretStr | None = None
    secret: SecretStr | None = None
    profile: str = "default"
    config: Path = Field(default_factory=_default_folder)
    timeout: float = Field(default=30.0, gt=0, le=600)


def load() -> ClientSettings:
    """Read and check the environment.

    Raises:
        BadInput: naming every variable that is wrong or unknown; secrets are not repeated.
    """
    known = [PREFIX + name.upper() for name in ClientSettings.model_fields]
    errors = [
        FieldError(field=PREFIX.rstrip("_"), message=problem)
        for problem in unknown_names(os.environ, known + known_names(ServiceSettings), "CLIENT")
    ]
    try:
        settings = ClientSettings()
    except ValidationError as error:
        errors += [
            FieldError(field=PREFIX + str(problem["loc"][0]).upper(), message=problem["msg"])
            for problem in error.errors(include_input=False)
        ]
    if errors:
        raise BadInput("the environment is not right", tuple(errors))
    return settings
