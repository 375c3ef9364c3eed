"""The registry as a process: what it is made of."""

from servicekit.parts import Parts
from servicekit.settings import Settings
from services.registry.register import apply
from services.registry.scheduler import scheduler


def parts(settings: Settings) -> Parts:
    """The registry: its effect, its outbox, its scheduler."""
    return Parts("registry", apply, publishes=True, background=(scheduler(settings.calendar),))
