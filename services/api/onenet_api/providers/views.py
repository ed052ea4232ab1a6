"""What users send and see of providers."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from onenet_api.pages import PageQuery
from onenet_common.connection import Name, Provider, ProviderType

_ROLE = re.compile(r"arn:aws(-cn|-us-gov)?:iam::(?P<account>\d{12}):role/[\w+=,.@/-]{1,576}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,3}(-[a-z]+)+-\d{1,2}", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


class ProviderStatus(StrEnum):
    PENDING = "PENDING"
    REACHABLE = "REACHABLE"
    UNREACHABLE = "UNREACHABLE"


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError(f"{text!r} is not an AWS account; it has 12 digits, such as 123456789012")
    return text


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError(f"{text!r} is not an AWS region; write it like eu-north-1")
    return text


def _role_arn(text: str) -> str:
    if not _ROLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a role's ARN; write it like arn:aws:iam::123456789012:role/OneNet")
    return text


def require_account(role_arn: str, account: str) -> None:
    """Check that a role is in the provider's account.

    Raises:
        ValueError: naming both accounts.
    """
    match = _ROLE.fullmatch(role_arn)
    if match is not None and match["account"] != account:
        raise ValueError(f"role_arn is in account {match['account']}, the provider in {account}")


def _described(pattern: re.Pattern[str], example: str) -> Any:
    """For readers of the description; our own words explain a refusal better than a pattern."""
    described = f"^{pattern.pattern}$".replace("?P<account>", "").replace(r"\w", "A-Za-z0-9_")
    return Field(max_length=700, examples=[example], json_schema_extra={"pattern": described})


Account = Annotated[str, _described(_ACCOUNT, "123456789012"), AfterValidator(_account)]
Region = Annotated[str, _described(_REGION, "eu-north-1"), AfterValidator(_region)]
RoleArn = Annotated[
    str, _described(_ROLE, "arn:aws:iam::123456789012:role/OneNet"), AfterValidator(_role_arn)
]


class ProviderRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "name": "orders production",
                "service": "2f1e8a52-2f2e-4c0e-9d3b-0d6f6a3c1a11",
                "provider_type": "AWS",
                "account": "123456789012",
                "region": "eu-north-1",
            }
        },
    )

    name: Name
    service: UUID
    provider_type: ProviderType
    account: Account
    region: Region
    role_arn: RoleArn | None = Field(
        default=None, description="`arn:aws:iam::<account>:role/OneNet` by default."
    )

    @model_validator(mode="after")
    def _role_is_in_the_account(self) -> Self:
        if self.role_arn is not None:
            require_account(self.role_arn, self.account)
        return self


class ProviderChange(BaseModel):
    """What is left out, or null, stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"role_arn": "arn:aws:iam::123456789012:role/network/OneNet"}},
    )

    name: Name | None = None
    role_arn: RoleArn | None = None


class ProviderView(BaseModel):
    """An account and region where resources live.

    Give its role the two policies, and OneNet finds the networks.
    """

    model_config = ConfigDict(title="Provider")

    id: UUID
    name: str
    service: UUID
    provider_type: ProviderType
    account: str
    region: str
    role_arn: str
    external_id: str
    trust_policy: dict[str, Any]
    permissions_policy: dict[str, Any]
    status: ProviderStatus
    status_reason: str | None
    discovered_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int

    @property
    def provider(self) -> Provider:
        """As the provisioner needs it."""
        return Provider.model_validate({name: getattr(self, name) for name in Provider.model_fields})


class ProviderQuery(PageQuery):
    service: UUID | None = None
    sort: Literal["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"] = "name"
