"""Mutual TLS: files, their reloading, and the names in certificates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

HUB_DOMAIN = "hub.yidi"


def server_name(division: str) -> str:
    """The DNS name in a hub's certificate: a caller checks that it talks to the hub it means."""
    return f"{division}.{HUB_DOMAIN}"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate, its key, and the authorities we trust."""

    certificate: Path
    key: Path
    authorities: Path

    def stamp(self) -> str:
        """Changes whenever one of the files does."""
        return "|".join(str(file.stat().st_mtime_ns) for file in (self.certificate, self.key, self.authorities))

    def read(self) -> tuple[bytes, bytes, bytes]:
        """Certificate, key, authorities."""
        return self.certificate.read_bytes(), self.key.read_bytes(), self.authorities.read_bytes()


def channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    """What a client shows and trusts."""
    certificate, key, authorities = files.read()
    return grpc.ssl_channel_credentials(authorities, key, certificate)


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """What a server shows and demands; read anew for each connection once the files have changed."""
    loaded = files.stamp()

    def configuration() -> grpc.ServerCertificateConfiguration:
        certificate, key, authorities = files.read()
        return grpc.ssl_server_certificate_configuration([(key, certificate)], authorities)

    # None keeps what is loaded; the stubs leave that case out.
    def fetch() -> Any:
        nonlocal loaded
        try:
            stamp = files.stamp()
            if stamp == loaded:
                return None
            fresh = configuration()
        except OSError:
            return None  # a file that is being replaced; the next connection looks again
        loaded = stamp
        return fresh

    return grpc.dynamic_ssl_server_credentials(configuration(), fetch, require_client_authentication=True)
