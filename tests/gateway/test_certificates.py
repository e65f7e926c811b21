"""Certificates: who they name, and that files are read anew when they change."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.certificates import Authority
from gateway.errors import Decline
from gateway.exchange.identify import Identity, identity_of
from gateway.tls import TlsFiles, channel_credentials, server_credentials, server_name


def self_made(*uris: str) -> bytes:
    """A certificate with some names, or with none."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "urn:yidi:hub:320000")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_certificate_names_a_hub_or_an_institution(tmp_path: Path):
    """The identity is read from the subject alternative name."""
    authority = Authority()
    hub, _ = authority.hub(tmp_path, "320000")
    institution, _ = authority.institution(tmp_path, "H32110000001")
    assert identity_of(hub.read_bytes()) == Identity("hub", "320000")
    assert identity_of(institution.read_bytes()) == Identity("institution", "H32110000001")


@pytest.mark.parametrize(
    "uris", [(), ("https://example.org",), ("urn:other:hub:320000",), ("urn:yidi:hub:",), ("urn:yidi:institution:",)]
)
def test_a_certificate_without_our_name_is_nobody(uris: tuple[str, ...]):
    """A common name counts for nothing, and neither does somebody else's URI."""
    with pytest.raises(Decline) as caught:
        identity_of(self_made(*uris))
    assert caught.value.reason == "IDENTITY_UNKNOWN"


@pytest.mark.parametrize(
    "raw", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_nobody(raw: bytes):
    """Bytes that are no certificate are refused like an unknown one."""
    with pytest.raises(Decline) as caught:
        identity_of(raw)
    assert caught.value.reason == "IDENTITY_UNKNOWN"


def test_an_identity_in_the_log_does_not_tell_the_institution():
    """Hubs are named in logs and metrics, institutions are not."""
    assert Identity("hub", "320000").name == "hub 320000"
    assert Identity("institution", "H32110000001").name == "institution"


def test_a_hub_is_found_under_its_own_name(tmp_path: Path):
    """A hub's certificate holds the DNS name that callers check."""
    file, _ = Authority().hub(tmp_path, "320000")
    names = x509.load_pem_x509_certificate(file.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert server_name("320000") in names.value.get_values_for_type(x509.DNSName)


def test_a_key_is_readable_by_its_owner_only(tmp_path: Path):
    """Private keys are never left open to others."""
    _, key = Authority().hub(tmp_path, "320000")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_certificates_are_signed_by_their_authority(tmp_path: Path):
    """A certificate verifies against its authority and not against another one."""
    first, second = Authority(), Authority()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = x509.load_pem_x509_certificate(first.write(tmp_path / "a").read_bytes())
    other = x509.load_pem_x509_certificate(second.write(tmp_path / "b").read_bytes())
    file, _ = first.hub(tmp_path, "320000")
    issued = x509.load_pem_x509_certificate(file.read_bytes())
    issued.verify_directly_issued_by(one)
    with pytest.raises(Exception):  # noqa: B017  # whatever the library says, it does not verify
        issued.verify_directly_issued_by(other)


def test_the_stamp_of_tls_files_changes_with_them(tmp_path: Path):
    """A replaced certificate is noticed; untouched files are not read again."""
    authority = Authority()
    certificate, key = authority.hub(tmp_path, "320000")
    files = TlsFiles(certificate, key, authority.write(tmp_path))
    stamp = files.stamp()
    assert files.stamp() == stamp
    authority.hub(tmp_path, "320000")
    os.utime(certificate, ns=(1, certificate.stat().st_mtime_ns + 1))
    assert files.stamp() != stamp
    assert files.read()[0] == certificate.read_bytes()


def test_credentials_are_made_from_the_files(tmp_path: Path):
    """Both sides of a line can be made from one set of files; a missing file is an error at once."""
    authority = Authority()
    certificate, key = authority.hub(tmp_path, "320000")
    files = TlsFiles(certificate, key, authority.write(tmp_path))
    channel_credentials(files)
    server_credentials(files)
    key.unlink()
    with pytest.raises(OSError, match="320000"):
        channel_credentials(files)
