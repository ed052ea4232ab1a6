"""One mail over SMTP, in a thread: smtplib knows the protocol, and has no other dependencies."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from onenet_common.errors import Permanent, Transient

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Smtp:
    """Args:
    ca_file: authorities to trust instead of the system's.
    timeout: seconds for each of the server's answers.
    """

    host: str
    port: int
    security: Security
    user: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    timeout: float = 15.0

    async def send(self, mail: EmailMessage) -> None:
        """
        Raises:
            Permanent: the server refuses this mail for good.
            Transient: it may take it later.
        """
        try:
            await asyncio.to_thread(self._send, mail)
        except smtplib.SMTPRecipientsRefused as refused:
            code = max(code for code, _ in refused.recipients.values())
            raise _of(code, "the recipient is refused") from None
        except smtplib.SMTPResponseException as refused:
            # A refused sign-in is the operator's to mend, not this mail's.
            code = 450 if isinstance(refused, smtplib.SMTPAuthenticationError) else refused.smtp_code
            raise _of(code, f"the mail server answered {refused.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Transient(f"the mail server cannot be used: {error!r}", code="smtp_unavailable") from None

    def _send(self, mail: EmailMessage) -> None:
        if self.password is not None and self.security == "none":
            raise smtplib.SMTPNotSupportedError("no password is sent in the clear")
        tls = ssl.create_default_context(cafile=self.ca_file) if self.security != "none" else None
        with self._connection(tls) as server:
            if tls is not None and self.security == "starttls":
                server.starttls(context=tls)
            if self.user is not None and self.password is not None:
                server.login(self.user, self.password.get_secret_value())
            server.send_message(mail)

    def _connection(self, tls: ssl.SSLContext | None) -> smtplib.SMTP:
        if tls is not None and self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=tls)
        return smtplib.SMTP(self.host, self.port, timeout=self.timeout)


def _of(code: int, reason: str) -> Permanent | Transient:
    if 500 <= code < 600:
        return Permanent(f"{reason} ({code})", code="smtp_refused")
    return Transient(f"{reason} ({code})", code="smtp_later")
