"""What ``apply`` reads: YAML documents that say which services, providers and connections there shall be."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Sequence
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from onenet_client import filters
from onenet_client.errors import BadInput, FieldError
from onenet_common import wording
from onenet_common.connection import L4Filter, Name, ProviderType, Requirements, Text

LARGEST = 1_000_000
"""Characters of a manifest: enough for thousands of documents, not enough to fill the memory."""


ROLE = r"arn:aws[a-z-]*:iam::[0-9]{12}:role/\S+"


def _like(pattern: str, example: str) -> AfterValidator:
    """Text of this shape, with an example for who writes another."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"is not valid; write it like {example}")
        return value

    return AfterValidator(check)


def _account(value: Any) -> Any:
    """YAML reads 012345678901 as a number, and as an octal one at that."""
    if isinstance(value, int):
        raise ValueError('is a number to YAML; write it in quotes: account: "012345678901"')
    return value


def _filter(value: Any) -> Any:
    return filters.parse(value) if isinstance(value, str) else value


def _mapping(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("a document is a mapping that begins with kind: Service, Provider or Connection")
    return value


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


class ServiceDocument(_Document):
    """``owners``: users and ``group:<name>``; fields that are left out stay as they are."""

    kind: Literal["Service"]
    description: Text | None = None
    owners: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None


class ProviderDocument(_Document):
    """``service`` is a name or an id; it may be in the same manifest."""

    kind: Literal["Provider"]
    service: Name
    provider_type: ProviderType = ProviderType.AWS
    account: Annotated[str, BeforeValidator(_account), _like(r"[0-9]{12}", "012345678901")]
    region: Annotated[str, _like(r"[a-z]{2,3}(-[a-z]+)+-[0-9]{1,2}", "eu-north-1")]
    role_arn: Annotated[str, _like(ROLE, "arn:aws:iam::012345678901:role/OneNet")] | None = None

    @model_validator(mode="after")
    def _role_is_in_the_account(self) -> Self:
        if self.role_arn is not None and self.role_arn.split(":")[4] != self.account:
            raise ValueError(f"role_arn {self.role_arn} is not in account {self.account}")
        return self


class ConnectionDocument(_Document):
    """The ends are written as for ``onenet connect``; a filter also as ``tcp:443``.

    Without ``l4filters`` it is for the traffic that the resources themselves name; ``[]`` for any.
    """

    kind: Literal["Connection"]
    resource_left: Name
    resource_right: Name
    ctype: Annotated[str, Field(max_length=64)] | None = None
    l4filters: tuple[Annotated[L4Filter, BeforeValidator(_filter)], ...] | None = None
    requirements: Requirements | None = None
    adopt: bool = False
    desired_state: Literal["ESTABLISHED", "PLANNED"] = "ESTABLISHED"


Document = ServiceDocument | ProviderDocument | ConnectionDocument
KINDS = ("Service", "Provider", "Connection")
"""In the order in which they need each other."""

_document: TypeAdapter[Document] = TypeAdapter(
    Annotated[Annotated[Document, Field(discriminator="kind")], BeforeValidator(_mapping)]
)


class _UniqueKeys(yaml.SafeLoader):
    """YAML allows a key twice and keeps the last; whoever wrote it meant both."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is there twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def read(text: str) -> list[Document]:
    """All documents of a manifest, in the order in which they need each other.

    Raises:
        BadInput: with every error of every document, not the first alone.
    """
    if len(text) > LARGEST:
        raise BadInput(f"a manifest has at most {LARGEST} characters, this one {len(text)}")
    try:
        loaded = [value for value in yaml.load_all(text, Loader=_UniqueKeys) if value is not None]
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"this is not YAML: {error}") from error
    documents: list[Document] = []
    errors: list[FieldError] = []
    for number, value in enumerate(loaded, start=1):
        try:
            documents.append(_document.validate_python(value))
        except ValidationError as error:
            errors += _explain(number, error)
    errors += _repeats(documents)
    if errors or not documents:
        raise BadInput("nothing was changed: the manifest is not right", tuple(errors) or (_EMPTY,))
    return sorted(documents, key=lambda document: KINDS.index(document.kind))


_EMPTY = FieldError(field="manifest", message="there is no document in it")


def _explain(number: int, error: ValidationError) -> Iterator[FieldError]:
    for problem in error.errors():
        place = [str(part) for part in problem["loc"] if part not in KINDS]
        simple = isinstance(problem["input"], str | int | float)
        yield FieldError(
            field=" ".join([f"document {number}", ".".join(place)]).rstrip(),
            value=json.dumps(problem["input"]) if simple else None,
            message=wording.of(problem),
        )


def _repeats(documents: Sequence[Document]) -> Iterator[FieldError]:
    seen: set[tuple[str, ...]] = set()
    for document in documents:
        home = document.service if isinstance(document, ProviderDocument) else ""
        key = (document.kind, home, document.name)
        if key in seen:
            yield FieldError(field=document.kind, value=json.dumps(document.name), message="is there twice")
        seen.add(key)
