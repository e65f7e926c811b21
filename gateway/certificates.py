"""Certificates for demonstrations, tests and small installations: one authority, one certificate for each party.

A larger network uses the certificates of its own authority; only the names count (see exchange.identify and tls).
"""

import secrets
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.exchange.identify import HUB_URN, INSTITUTION_URN
from gateway.tls import server_name

LIFETIME = timedelta(days=365)


class Authority:
    """An authority that signs certificates; its key stays in memory unless it is written."""

    def __init__(self, name: str = "Yidi authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        # Two authorities of one name would be mistaken for each other while one replaces the other.
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {secrets.token_hex(4)}")])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def write(self, directory: Path) -> Path:
        """Write the authority's certificate (not its key) as ``authority.pem``."""
        file = directory / "authority.pem"
        file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return file

    def hub(self, directory: Path, division: str) -> tuple[Path, Path]:
        """A certificate and key for the hub of a division."""
        names: list[x509.GeneralName] = [
            x509.DNSName(server_name(division)),
            x509.UniformResourceIdentifier(HUB_URN + division),
            x509.IPAddress(ip_address("127.0.0.1")),
        ]
        return self._issue(directory, f"hub-{division}", names)

    def institution(self, directory: Path, code: str) -> tuple[Path, Path]:
        """A certificate and key for an institution."""
        return self._issue(directory, f"institution-{code}", [x509.UniformResourceIdentifier(INSTITUTION_URN + code)])

    def _issue(self, directory: Path, name: str, names: list[x509.GeneralName]) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + LIFETIME)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        certificate_file, key_file = directory / f"{name}.pem", directory / f"{name}.key"
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate_file, key_file
