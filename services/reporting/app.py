"""Reporting as a process: what it is made of."""

from servicekit.parts import Parts
from servicekit.retention import forget
from servicekit.settings import Settings
from services.reporting.consumer import apply


def parts(_settings: Settings) -> Parts:
    """Reporting: it keeps what it receives, and tells nobody; files are built from the command line."""
    return Parts("reporting", apply, publishes=False, retention=(forget,))
