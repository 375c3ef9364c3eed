"""Outreach as a process: what it is made of."""

from servicekit.parts import Parts
from servicekit.retention import forget
from servicekit.settings import Settings
from services.outreach.consumer import apply


def parts(_: Settings) -> Parts:
    """Outreach: its effect, and its outbox for the contacts that staff record."""
    return Parts("outreach", apply, publishes=True, retention=(forget,))
