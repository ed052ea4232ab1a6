"""What the API needs to know from its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator

from onenet_api.webhooks.sealing import fernet
from onenet_common.settings import Settings


class ApiSettings(Settings):
    """The API's own settings, all named ``ONENET_API_…``.

    Args:
        api_host, api_port: where the public API is served.
        api_oidc_issuer: the issuer's URL, exactly as its tokens have it in ``iss``.
        api_oidc_jwks_url: where the issuer's keys are, when the API must ask for them elsewhere than where
            discovery at the issuer's URL says.
        api_oidc_audience: what a token must have in ``aud``.
        api_oidc_typ: ``at+jwt`` takes tokens of that type alone (RFC 9068); ``any`` is for issuers
            that do not say the type, and refuses what is recognisably another kind of token.
        api_oidc_user_claim: the claim whose value owners are named by.
        api_oidc_groups_claim: the claim that lists the user's groups.
        api_oidc_email_claim: the claim with the user's address, for mail.
        api_admin_group: members see and do everything; what they do is audited.
        api_republish_after: seconds without progress until a wish is published again.
        api_audit_days: how long it can be read who changed what.
        api_timeline_days: how far back the timeline of a connection reaches.
        api_streams, api_streams_per_user: how many streams of events a process serves, and to one user.
        api_streams_backlog: events that may wait for a stream's reader before it is cut off.
        api_streams_heartbeat: seconds of silence until a stream shows that it is there.
        api_secrets_keys: what webhooks' secrets are encrypted with at rest: keys of Fernet, comma-separated,
            the newest first. None: there can be no webhooks.
        api_webhooks_timeout: seconds that one delivery may take.
        api_webhooks_patience: seconds for which a delivery is tried until its webhook is disabled.
        api_webhooks_loopback: webhooks may lead to this machine, by http too; for development alone.
        api_webhooks_ca_file: authorities whose certificates receivers may have, beside the system's.
        api_webhooks_days: how long attempts to deliver can be looked at.
        api_smtp_host, api_smtp_port, api_smtp_security, api_smtp_user, api_smtp_password, api_smtp_ca_file:
            the server that takes mails, and how it is reached: ``starttls``, ``tls`` or ``none``, with the
            system's authorities or those of a file. A password is sent over TLS alone. Without a host there
            are no mails.
        api_mail_from: the address that mails come from.
        api_aws_account: OneNet's own AWS account, which every provider's trust policy names.
    """

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8080, ge=0, le=65535)
    api_oidc_issuer: str = Field(pattern=r"^https?://[^\s/]+", max_length=2000)
    api_oidc_jwks_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+", max_length=2000)
    api_oidc_audience: str = Field(default="onenet", min_length=1)
    api_oidc_typ: Literal["at+jwt", "any"] = "any"
    api_oidc_user_claim: str = Field(default="preferred_username", min_length=1)
    api_oidc_groups_claim: str = Field(default="groups", min_length=1)
    api_oidc_email_claim: str = Field(default="email", min_length=1)
    api_admin_group: str = Field(default="onenet-admins", min_length=1)
    api_republish_after: float = Field(default=60.0, gt=0, le=900)
    api_audit_days: int = Field(default=400, ge=1, le=36500)
    api_timeline_days: int = Field(default=400, ge=1, le=36500)
    api_streams: int = Field(default=1000, ge=1, le=100_000)
    api_streams_per_user: int = Field(default=20, ge=1, le=100_000)
    api_streams_backlog: int = Field(default=1000, ge=1, le=100_000)
    api_streams_heartbeat: float = Field(default=15.0, gt=0, le=300)
    api_secrets_keys: SecretStr | None = None
    api_webhooks_timeout: float = Field(default=15.0, gt=0, le=60)
    api_webhooks_patience: float = Field(default=86_400.0, ge=0, le=7 * 86_400)
    api_webhooks_loopback: bool = False
    api_webhooks_ca_file: FilePath | None = None
    api_webhooks_days: int = Field(default=14, ge=1, le=36500)
    api_smtp_host: str | None = Field(default=None, min_length=1)
    api_smtp_port: int = Field(default=587, ge=1, le=65535)
    api_smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    api_smtp_user: str | None = None
    api_smtp_password: SecretStr | None = None
    api_smtp_ca_file: Path | None = None
    api_mail_from: str = Field(default="onenet@localhost", pattern=r"^[^\r\n@]+@[^\r\n@]+$")
    api_aws_account: str = Field(default="999999999999", pattern=r"^\d{12}$")

    @field_validator("api_secrets_keys")
    @classmethod
    def _are_keys(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            fernet(keys)
        return keys

    @model_validator(mode="after")
    def _sends_no_password_in_the_clear(self) -> Self:
        if self.api_smtp_password is not None and self.api_smtp_security == "none":
            raise ValueError(
                "ONENET_API_SMTP_PASSWORD: it would be sent in the clear; set ONENET_API_SMTP_SECURITY to "
                "starttls or tls, or leave the password out"
            )
        return self
