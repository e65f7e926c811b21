"""Intake: from an operator's spreadsheet to the rows of an edition, or to a report and a file to work from."""

from codemaps.intake.order import Order
from codemaps.intake.report import Entry, Line, Report
from codemaps.intake.take import take_in

__all__ = ["Entry", "Line", "Order", "Report", "take_in"]
