"""Who can sign in: people, who are chosen from a list, and machines, which have a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from onenet_common.errors import Malformed

DEFAULT = Path(__file__).with_name("accounts.yaml")

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._@-]{1,128}$")]


class Account(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: tuple[Word, ...] = ()


class Person(Account):
    email: str = ""


class Machine(Account):
    secret: SecretStr


class Accounts(BaseModel):
    """Everybody by name; a machine's name is its client id too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: dict[Word, Person] = Field(min_length=1)
    machines: dict[Word, Machine] = {}


def load(path: Path = DEFAULT) -> Accounts:
    """Read accounts from YAML.

    Raises:
        Malformed: when the file is not like ``accounts.yaml`` here.
    """
    try:
        return Accounts.model_validate(yaml.safe_load(path.read_text()))
    except (yaml.YAMLError, ValueError) as error:
        raise Malformed(f"{path} does not say who can sign in: {error}") from None
