"""Stage 1: who sends this, and may they act for this division?

The certificate names an institution or a hub in a URI of its subject alternative name:
``urn:yidi:institution:H32110000001`` or ``urn:yidi:hub:320000``. The words in a request never widen what the
certificate says (design, invariant 9).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from cryptography import x509

from gateway.errors import Decline
from yidi.v1.header_pb2 import RequestHeader

INSTITUTION_URN = "urn:yidi:institution:"
HUB_URN = "urn:yidi:hub:"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a certificate says."""

    kind: Literal["institution", "hub"]
    code: str
    """Institution code, or division of the hub."""

    @property
    def name(self) -> str:
        """For logs and metrics: ``hub 320000``, or ``institution`` without its number."""
        return f"hub {self.code}" if self.kind == "hub" else "institution"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who may call this hub: its institutions, its children and its parent."""

    prefix: str
    """Division prefix of this hub's own territory; empty for the nation."""
    institutions: Mapping[str, str]
    """Institution code to its division."""
    children: Mapping[str, str]
    """Division of a child hub to its prefix."""
    parent: str
    """Division of the parent, or empty."""


@lru_cache(maxsize=4096)
def identity_of(certificate: bytes) -> Identity:
    """Read the identity from a PEM certificate that the TLS handshake has verified."""
    try:
        names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (ValueError, x509.ExtensionNotFound):
        raise Decline("IDENTITY_UNKNOWN") from None
    for uri in names.value.get_values_for_type(x509.UniformResourceIdentifier):
        if uri in (INSTITUTION_URN, HUB_URN):
            continue  # it names nobody
        if uri.startswith(INSTITUTION_URN):
            return Identity("institution", uri.removeprefix(INSTITUTION_URN))
        if uri.startswith(HUB_URN):
            return Identity("hub", uri.removeprefix(HUB_URN))
    raise Decline("IDENTITY_UNKNOWN")


def authorize(identity: Identity, header: RequestHeader, around: Neighbours) -> None:
    """Refuse an identity that speaks for somebody else's institution or territory."""
    if identity.kind == "institution":
        division = around.institutions.get(identity.code)
        if division is None:
            raise Decline("IDENTITY_UNKNOWN")
        if header.fixmedins_code != identity.code:
            raise Decline("IDENTITY_MISMATCH", claimed=header.fixmedins_code)
        if header.mdtrtarea_admvs != division:
            raise Decline("IDENTITY_MISMATCH", claimed=header.mdtrtarea_admvs)
    elif identity.code in around.children:
        if not header.mdtrtarea_admvs.startswith(around.children[identity.code]):
            raise Decline("TERRITORY_MISMATCH", peer=identity.code, division=header.mdtrtarea_admvs)
    elif identity.code == around.parent:
        if not header.insuplc_admdvs.startswith(around.prefix):
            raise Decline("TERRITORY_MISMATCH", peer=identity.code, division=header.insuplc_admdvs)
        if header.mdtrtarea_admvs.startswith(around.prefix):
            raise Decline("TERRITORY_MISMATCH", peer=identity.code, division=header.mdtrtarea_admvs)
    else:
        raise Decline("IDENTITY_UNKNOWN")


def sender_key(identity: Identity, header: RequestHeader) -> str:
    """Who a request id belongs to: the institution, and behind a hub the hub that vouches for it."""
    if identity.kind == "institution":
        return identity.code
    return f"{identity.code}/{header.fixmedins_code}"
