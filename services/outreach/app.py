"""Outreach as a process: what it is made of."""

from contracts.yaml_file import YamlFileError
from servicekit.parts import Parts
from servicekit.retention import forget
from servicekit.settings import ConfigurationError, Settings
from services.outreach import idempotency
from services.outreach.consumer import consumer
from services.outreach.ladder_file import Ladders, load_folder
from services.outreach.timers import timers
from webkit import sessions


def ladders_of(settings: Settings) -> Ladders:
    """The ladders of this installation. Raises ConfigurationError, which says what is wrong in the first bad file."""
    if settings.outreach_ladders is None:
        return Ladders({})
    try:
        return load_folder(settings.outreach_ladders)
    except YamlFileError as error:
        first, *more = error.problems
        rest = f" (and {len(more)} more: `kaa outreach ladder check {error.path}`)" if more else ""
        raise ConfigurationError(f"{error.path}:{first.line}: {first.detail}{rest}") from None
    except OSError as error:
        raise ConfigurationError(
            f"KAA_OUTREACH_LADDERS: {settings.outreach_ladders} cannot be read ({error.strerror})"
        ) from None


def parts(settings: Settings) -> Parts:
    """Outreach: its effect, its timers, its outbox for what staff record, and their pages if it has an address."""
    ladders = ladders_of(settings)
    background = [timers(ladders)]
    if settings.web_address or settings.issuers:
        # read by who serves pages alone: commands need the ladders, and not FastAPI
        from services.outreach.web import pages

        background.append(pages(settings, ladders))
    return Parts(
        "outreach",
        consumer(ladders),
        publishes=True,
        background=background,
        retention=(forget, idempotency.forget, sessions.forget),
    )
