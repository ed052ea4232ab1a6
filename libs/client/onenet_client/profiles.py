"""Where the command keeps who is signed in where: one file a profile, readable by its owner alone."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from onenet_client.errors import BadInput, FieldError, NotSignedIn
from onenet_client.tokens import Grant

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Profile(BaseModel):
    """One sign-in. A client secret is never kept: ``machine`` says that one is needed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: str
    issuer: str
    audience: str
    client_id: str
    machine: bool = False
    grant: Grant


class Profiles:
    """The profiles of a folder, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "profiles"

    def names(self) -> list[str]:
        return sorted(file.stem for file in self._folder.glob("*.json"))

    def load(self, name: str) -> Profile | None:
        """The profile of this name, None when there is none.

        Raises:
            NotSignedIn: its file cannot be understood.
        """
        file = self._file(name)
        try:
            return Profile.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise NotSignedIn(f"{file} is damaged; sign in again") from error

    def save(self, name: str, profile: Profile) -> None:
        """Replace the file in one step: a reader sees the old one or the new one."""
        file = self._file(name)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, written = tempfile.mkstemp(dir=self._folder, prefix=".")  # made with mode 600
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(profile.model_dump_json(indent=2))
        Path(written).replace(file)

    def remove(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            wrong = FieldError(
                field="profile", value=json.dumps(name), message="use letters, digits, dot, - and _"
            )
            raise BadInput("no such name for a profile", (wrong,))
        return self._folder / f"{name}.json"
