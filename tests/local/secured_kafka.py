"""Apache Kafka that lets in over TLS alone: users with a password, or clients with a certificate."""

from __future__ import annotations

from pathlib import Path

from onenet_local.apache_kafka import ApacheKafka
from onenet_local.probes import HOST, free_port
from tests.authority import Authority

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
USER = "onenet"
PASSWORD = "correct-horse-battery"


class SecuredKafka(ApacheKafka):
    """``address`` is where users sign in, ``certified_address`` where a certificate is asked for."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        self.certified_address = f"{HOST}:{free_port()}"
        self._between_brokers = f"{HOST}:{free_port()}"
        self._authority = authority

    def _properties(self) -> list[tuple[str, str]]:
        properties = dict(super()._properties())
        controller = properties["listeners"].split(",")[1]
        listeners = {
            "SASL_SSL": self.address,
            "SSL": self.certified_address,
            "PLAINTEXT": self._between_brokers,
        }
        properties["listeners"] = ",".join(
            [*(f"{name}://{address}" for name, address in listeners.items()), controller]
        )
        properties["listener.security.protocol.map"] = ",".join(
            [*(f"{name}:{name}" for name in listeners), "CONTROLLER:PLAINTEXT"]
        )
        properties["inter.broker.listener.name"] = "PLAINTEXT"
        return [*properties.items(), *self._certificates(), *_logins()]

    def _certificates(self) -> list[tuple[str, str]]:
        certificate, key = self._authority.issue("broker", HOST)
        store = self._authority.folder / "broker-keystore.pem"
        store.write_bytes(key.read_bytes() + certificate.read_bytes())
        return [
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", str(store)),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", str(self._authority.ca_file)),
            ("listener.name.ssl.ssl.client.auth", "required"),
        ]

    def _format_options(self) -> list[str]:
        return [
            word
            for mechanism in MECHANISMS[1:]
            for word in ("--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]")
        ]


def _logins() -> list[tuple[str, str]]:
    package = "org.apache.kafka.common.security"
    scram = f"{package}.scram.ScramLoginModule required;"
    modules = [f'{package}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";', scram, scram]
    return [
        ("sasl.enabled.mechanisms", ",".join(MECHANISMS)),
        *(
            (f"listener.name.sasl_ssl.{mechanism.lower()}.sasl.jaas.config", module)
            for mechanism, module in zip(MECHANISMS, modules, strict=True)
        ),
    ]
