"""How to reach Kafka, and to prove who we are: one answer for consumers, producers and admin clients."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings

PREFIX = "ONENET_"


class KafkaSettings(BaseSettings):
    """The part of the settings that is about Kafka.

    Args:
        kafka: ``host:port`` of a broker, several separated by commas.
        kafka_security_protocol: ``SSL`` is TLS; with ``SASL_`` in front, a user signs in.
        kafka_ca_file: PEM; whose certificates are trusted instead of the system's authorities.
        kafka_certificate_file, kafka_key_file: PEM; the client's own, where the broker asks for it.
        kafka_sasl_mechanism, kafka_user, kafka_password: how, and as whom, to sign in.
        kafka_idempotence: idempotent producers; on with Apache Kafka, off where the broker has none.
        kafka_session_timeout: seconds until a silent consumer loses its partitions; Apache Kafka grants 6
            or more unless it is told otherwise.
        kafka_fetch_wait: seconds that a fetch may wait at the broker for the first record; a
            broker that answers only when this has passed needs a small one.
        kafka_partitions, kafka_replication: of topics that do not exist yet.
    """

    kafka: str = Field(default="127.0.0.1:9092", min_length=3)
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_ca_file: FilePath | None = None
    kafka_certificate_file: FilePath | None = None
    kafka_key_file: FilePath | None = None
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_user: str | None = Field(default=None, min_length=1)
    kafka_password: SecretStr | None = Field(default=None, min_length=1)
    kafka_idempotence: bool = True
    kafka_session_timeout: float = Field(default=10.0, ge=1, le=300)
    kafka_fetch_wait: float = Field(default=0.5, ge=0.001, le=10)
    kafka_partitions: int = Field(default=12, ge=1, le=1000)
    kafka_replication: int = Field(default=1, ge=1, le=9)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Refuse what would be an insecure connection, or none, by somebody's slip."""
        if problems := [*self._missing(), *self._useless()]:
            raise ValueError("; ".join(problems))
        self._ssl_context()
        return self

    def kafka_access(self) -> dict[str, Any]:
        """The arguments of every aiokafka client: where, and how secured.

        Certificates are read each time, so that those that were renewed serve the next connection.
        """
        given: dict[str, Any] = {
            "bootstrap_servers": self.kafka,
            "security_protocol": self.kafka_security_protocol,
            "ssl_context": self._ssl_context(),
        }
        if self._signs_in and self.kafka_password is not None:
            given |= {
                "sasl_mechanism": self.kafka_sasl_mechanism,
                "sasl_plain_username": self.kafka_user,
                "sasl_plain_password": self.kafka_password.get_secret_value(),
            }
        return given

    @property
    def _signs_in(self) -> bool:
        return self.kafka_security_protocol.startswith("SASL_")

    @property
    def _encrypts(self) -> bool:
        return self.kafka_security_protocol.endswith("SSL")

    def _missing(self) -> Iterator[str]:
        if self._signs_in:
            for name in ("kafka_user", "kafka_password"):
                if getattr(self, name) is None:
                    yield f"{_variable(name)}: {self._because} needs it"
        pair = ("kafka_certificate_file", "kafka_key_file")
        for name, other in (pair, pair[::-1]):
            if getattr(self, name) is None and getattr(self, other) is not None:
                yield f"{_variable(name)}: {_variable(other)} is set, and one is of no use without the other"

    def _useless(self) -> Iterator[str]:
        if not self._encrypts:
            for name in ("kafka_ca_file", "kafka_certificate_file", "kafka_key_file"):
                if getattr(self, name) is not None:
                    yield f"{_variable(name)}: {self._because} does not encrypt; use SSL or SASL_SSL"
        if not self._signs_in:
            for name in ("kafka_user", "kafka_password"):
                if getattr(self, name) is not None:
                    yield f"{_variable(name)}: {self._because} signs nobody in; use SASL_SSL"

    @property
    def _because(self) -> str:
        return f"{_variable('kafka_security_protocol')}={self.kafka_security_protocol}"

    def _ssl_context(self) -> ssl.SSLContext | None:
        """A context that checks the broker's certificate and its name; None where nothing is encrypted.

        Raises:
            ValueError: when a file is no certificate or key, or the two do not belong together.
        """
        if not self._encrypts:
            return None
        context = _trusting(self.kafka_ca_file)
        if self.kafka_certificate_file is not None and self.kafka_key_file is not None:
            names = f"{_variable('kafka_certificate_file')}, {_variable('kafka_key_file')}"
            try:
                # An empty answer for a key that wants a passphrase: nobody is at the terminal.
                context.load_cert_chain(self.kafka_certificate_file, self.kafka_key_file, password="")
            except (OSError, ValueError) as error:
                raise ValueError(f"{names}: {error}; PEM is expected, the key without a passphrase") from None
        return context


def _trusting(authorities: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise ValueError(f"{_variable('kafka_ca_file')}: {error}; certificates in PEM are expected") from None


def _variable(name: str) -> str:
    return PREFIX + name.upper()
