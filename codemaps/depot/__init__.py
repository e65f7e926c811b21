"""The depot: where a hub keeps its editions, their life cycle and their history."""

from codemaps.depot.depot import Depot
from codemaps.depot.record import Record

__all__ = ["Depot", "Record"]
