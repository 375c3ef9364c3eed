"""The languages of pages: which one a reader gets, its texts, and how it writes dates and numbers.

Texts are English in the code and the templates (``_("Due today")``); the Swedish stands in ``locale/sv.po`` of the
room that uses them and is read when the program starts. Swedish comes first: it is what a reader gets who asks for
neither.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, get_args

from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from starlette.requests import Request

from servicekit.calendar import STOCKHOLM

Code = Literal["sv", "en"]
CODES: Final[tuple[Code, ...]] = get_args(Code)
#: The languages' own names, as the switch between them shows them.
NAMES: Final[Mapping[Code, str]] = {"sv": "Svenska", "en": "English"}
#: Where the choice is kept. It says nothing of who the reader is.
COOKIE: Final = "kaa_language"
#: The parameter of an address with which a reader chooses.
PARAMETER: Final = "lang"

#: A weight as RFC 9110 (12.4.2) has it.
_WEIGHT: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
#: How dates and numbers are written. English as in Britain: the day before the month, as Swedish has it.
_LOCALES: Final[Mapping[Code, str]] = {"sv": "sv_SE", "en": "en_GB"}
#: Days and numbers of each kind that are kept as written.
_KEPT: Final = 5_000


@dataclass(frozen=True, slots=True)
class Language:
    """A language with its texts."""

    code: Code
    translations: NullTranslations

    def text(self, english: str, /, **values: object) -> str:
        """The text in this language, with ``%(name)s`` filled in. What has no translation stays as it is."""
        found = self.translations.gettext(english)
        return found % values if values else found

    def texts(self, one: str, many: str, number: int, /, **values: object) -> str:
        """The text for a number of things; ``%(number)s`` is the number, written as the language writes it."""
        found = self.translations.ngettext(one, many, number)
        return found % ({"number": self.number(number)} | values)

    def day(self, day: date) -> str:
        """``1 sep. 2025``."""
        return _day(day, "medium", _LOCALES[self.code])

    def weekday(self, day: date) -> str:
        """``mån 1 sep.``, for lists within a year."""
        return _day(day, "EEE d MMM", _LOCALES[self.code])

    def moment(self, instant: datetime) -> str:
        """``1 sep. 2025 14:05`` as the clock showed in Sweden. Takes an aware datetime."""
        return format_datetime(instant, "d MMM y HH:mm", tzinfo=STOCKHOLM, locale=_LOCALES[self.code])

    def away(self, day: date, today: date) -> str:
        """``om 3 dagar``, ``för 2 veckor sedan``; ``idag`` for today itself. Takes days in Europe/Stockholm."""
        if day == today:
            return self.text("today")
        return _days((day - today).days, _LOCALES[self.code])

    def number(self, number: float) -> str:
        """``12 345,6``: grouped, with at most one decimal."""
        return _decimal(number, _LOCALES[self.code])

    def share(self, share: float) -> str:
        """A share of 1 as whole percent: ``45 %``."""
        return format_percent(share, locale=_LOCALES[self.code])


# A list says the same days and numbers again and again, and writing one takes a tenth of a millisecond.


@lru_cache(maxsize=_KEPT)
def _day(day: date, form: str, locale: str) -> str:
    return format_date(day, form, locale=locale)


@lru_cache(maxsize=_KEPT)
def _days(days: int, locale: str) -> str:
    # up to two weeks in days: that is how staff plan
    threshold = 15 if abs(days) <= 14 else 1.5
    apart = timedelta(days=days)
    return format_timedelta(apart, granularity="day", threshold=threshold, add_direction=True, locale=locale)


@lru_cache(maxsize=_KEPT)
def _decimal(number: float, locale: str) -> str:
    return format_decimal(number, "#,##0.#", locale=locale)


def _(english: str) -> str:
    """Marks a text that a template translates later: ``{{ _(label) }}``. Gives it back as it is."""
    return english


def load(locales: Iterable[Path]) -> dict[Code, Language]:
    """The languages, with the Swedish texts of these folders; where two have a text, that of the first counts.

    Raises OSError when a folder has no ``sv.po``, and babel's PoFileError when one cannot be read.
    """
    swedish = NullTranslations()
    for folder in reversed(list(locales)):
        read = _read(folder / "sv.po")
        read.add_fallback(swedish)
        swedish = read
    return {"sv": Language("sv", swedish), "en": Language("en", NullTranslations())}


def asked_for(request: Request) -> Code:
    """The reader's language: chosen in the address, else chosen before, else what the browser prefers."""
    for chosen in (request.query_params.get(PARAMETER), request.cookies.get(COOKIE)):
        if chosen in CODES:
            return chosen
    return preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> Code:
    """The first of ours in an ``Accept-Language`` header (RFC 9110, 12.5.4), of two with one weight the one named
    first; Swedish where it has none of ours."""
    weights: dict[Code, float] = {}
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        code = tag.strip().lower().partition("-")[0]
        if code in CODES:
            weights[code] = max(_weight(parameter), weights.get(code, 0))
    best = max(weights, key=lambda code: weights[code], default=CODES[0])
    return best if weights.get(best) else CODES[0]


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1
    return float(value) if _WEIGHT.fullmatch(value.strip()) else 0


def _read(file: Path) -> NullTranslations:
    with file.open("rb") as opened:
        catalogue = read_po(opened, locale="sv", abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
