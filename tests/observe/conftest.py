"""The world of five hubs."""

from tests.support.fixtures import template, window, world

__all__ = ["template", "window", "world"]
