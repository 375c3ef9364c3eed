"""The one clock: days as they are lived in Sweden."""

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")


def today() -> date:
    """Today's date in Europe/Stockholm."""
    return datetime.now(STOCKHOLM).date()


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)
