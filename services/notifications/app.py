"""The notifications as a process: what they are made of."""

from servicekit.directory import DirectoryFile
from servicekit.parts import Parts
from servicekit.retention import forget
from servicekit.settings import Settings
from services.notifications.consumer import effect


def parts(settings: Settings) -> Parts:
    """The notifications: their effect, their outbox. Raises ConfigurationError when there is no directory."""
    return Parts(
        "notifications",
        effect(DirectoryFile(settings.organisers).current),
        publishes=True,
        retention=(forget,),
    )
