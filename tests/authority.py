"""A certificate authority for tests, and what it signs: keys and certificates as PEM files."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=2)


class Authority:
    """One authority in a folder of its own; ``ca_file`` is what clients trust."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("OneNet's test authority")
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = _certificate(self._name, self._key, constraints, self._key, self._name)
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file.write_bytes(_pem(certificate))

    def issue(self, name: str, *addresses: str) -> tuple[Path, Path]:
        """A certificate and its key, for a client or, with addresses, for a server at them."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._issued(name, name, key, addresses, self._key, self._name)

    def self_signed(self, name: str) -> tuple[Path, Path]:
        """A certificate that nobody but its own key vouches for, and that key."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._issued(f"{name}-self-signed", name, key, (), key, _named(name))

    def _issued(
        self,
        file: str,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        addresses: tuple[str, ...],
        by: ec.EllipticCurvePrivateKey,
        issuer: x509.Name,
    ) -> tuple[Path, Path]:
        alternatives = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        extension = x509.SubjectAlternativeName(alternatives or [x509.DNSName(name)])
        certificate_file, key_file = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        certificate_file.write_bytes(_pem(_certificate(_named(name), key, extension, by, issuer)))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate_file, key_file


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
    by: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(by, hashes.SHA256())
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
