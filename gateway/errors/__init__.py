"""Every failure that reaches a caller comes from the catalogue."""

from gateway.errors.catalogue import CATALOGUE, Entry
from gateway.errors.decline import Decline

__all__ = ["CATALOGUE", "Decline", "Entry"]
