"""The registry as a process: what it is made of."""

from servicekit.parts import Parts
from servicekit.settings import Settings
from services.registry.register import apply
from services.registry.retention import fade_confirmations
from services.registry.scheduler import scheduler


def parts(settings: Settings) -> Parts:
    """The registry: its effect, its outbox, its scheduler, what fades in its log."""
    background = (scheduler(settings.calendar),)
    return Parts("registry", apply, publishes=True, background=background, retention=(fade_confirmations,))
