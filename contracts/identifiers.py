"""Identity numbers, municipality codes, school units, organisation numbers: the forms, and how to check them.

Each ``Annotated`` type below is used by the event models; each refuses with words that tell a school's vendor
what is expected and never repeat the value.
"""

import csv
import re
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Final

from personnummer import personnummer
from pydantic import AfterValidator, BeforeValidator, StringConstraints, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue

EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2100, 12, 31)
MAX_TEXT: Final = 1000
MAX_ID: Final = 128
MAX_COUNT: Final = 1_000_000

#: PostgreSQL refuses ``\u0000`` though JSON and pydantic let it pass; no control character carries meaning in
#: a name or an id, so all of them (C0, DEL, C1) are refused.
NO_CONTROL: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"


def _read_municipalities() -> dict[str, str]:
    table = files("contracts").joinpath("municipalities.csv").read_text(encoding="utf-8")
    return {row["municipality_code"]: row["name"] for row in csv.DictReader(table.splitlines())}


#: The 290 municipalities of today: four-digit code (a string, with its leading zero) → name.
MUNICIPALITIES: Final[dict[str, str]] = _read_municipalities()

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_IDENTITY_NUMBER = re.compile(r"\d{12}", re.ASCII)


@lru_cache(maxsize=65_536)
def parse_date(text: object) -> date:
    """``YYYY-MM-DD`` between 1900 and 2100 → date. Raises ValueError, without the value in its words.

    Written out because pydantic's strict ``date`` still takes ``"1704067200"`` for a day in 2024.
    """
    if isinstance(text, str) and _DATE.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise ValueError("no such day in the calendar") from None
        if EARLIEST <= day <= LATEST:
            return day
        raise ValueError("expected a date from 1900-01-01 to 2100-12-31")
    raise ValueError("expected a date as YYYY-MM-DD")


def _date(value: object) -> date:
    # a model may also be built by our own code, from a date
    if type(value) is date:
        return value
    if not isinstance(value, str):
        raise ValueError("expected a date as YYYY-MM-DD")
    return parse_date(value)


@lru_cache(maxsize=131_072)
def parse_identity_number(value: str) -> str:
    """A personal identity number or coordination number of 12 digits, as it is. Raises ValueError."""
    if not _IDENTITY_NUMBER.fullmatch(value):
        raise ValueError(
            "expected 12 digits: a personal identity number or a coordination number "
            "(temporary numbers of schools are not accepted yet)"
        )
    try:
        parsed = personnummer.parse(value)
    except personnummer.PersonnummerException:
        raise ValueError("not a real date, or a wrong check digit") from None
    born = birth_date_of(value)
    if parsed.format(True) != value or not EARLIEST <= born <= LATEST:
        raise ValueError("not a real date, or a wrong check digit")
    return value


def birth_date_of(identity_number: str) -> date:
    """The birth date that a valid identity number states; the day of a coordination number is day + 60."""
    year, month, day = int(identity_number[:4]), int(identity_number[4:6]), int(identity_number[6:8])
    return date(year, month, day - 60 if day > 60 else day)


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit (Luhn, mod 10) for those before it."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@lru_cache(maxsize=8_192)
def organisation_number(value: str) -> str:
    """Ten digits with a right check digit, the third at least 2 (else it would be a birth date)."""
    if not re.fullmatch(r"[0-9]{2}[2-9][0-9]{7}", value):
        raise ValueError("expected an organisation number: 10 digits, the third 2 or more")
    if not luhn(value):
        raise ValueError("wrong check digit in the organisation number")
    return value


def municipality_code(value: str) -> str:
    """The value again, when it is the code of one of today's municipalities. Raises ValueError."""
    if value not in MUNICIPALITIES:
        raise ValueError("expected the 4-digit code of one of the 290 municipalities")
    return value


@lru_cache(maxsize=8_192)
def _month(value: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", value):
        raise ValueError("expected a month as YYYY-MM, from 01 to 12")
    if not EARLIEST.year <= int(value[:4]) <= LATEST.year:
        raise ValueError("expected a month from 1900-01 to 2100-12")
    return value


#: A text without control characters, said so that all validators agree: in Python's ``re`` a ``$`` also matches
#: before a newline at the end, so ``NO_CONTROL`` would let that one pass.
_TEXT_SCHEMA: Final[JsonSchemaValue] = {"type": "string", "not": {"pattern": r"[\u0000-\u001f\u007f-\u009f]"}}
_YEAR: Final = "(?:19[0-9]{2}|20[0-9]{2}|2100)"
_MONTH: Final = "(?:0[1-9]|1[0-2])"

Text = Annotated[
    str,
    StringConstraints(strict=True, max_length=MAX_TEXT, pattern=NO_CONTROL),
    WithJsonSchema({**_TEXT_SCHEMA, "maxLength": MAX_TEXT}),
]
EventId = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=MAX_ID, pattern=NO_CONTROL),
    WithJsonSchema({**_TEXT_SCHEMA, "minLength": 1, "maxLength": MAX_ID}),
]
IdentityNumber = Annotated[
    str,
    StringConstraints(strict=True, max_length=MAX_TEXT),
    AfterValidator(parse_identity_number),
    WithJsonSchema(
        {
            "type": "string",
            "description": "Personal identity number, or coordination number (day + 60): 12 digits, a real date,"
            " a right check digit (Luhn over the last ten).",
            "maxLength": 12,
            "pattern": f"^{_YEAR}{_MONTH}(?:0[1-9]|[12][0-9]|3[01]|6[1-9]|[78][0-9]|9[01])(?!000)[0-9]{{4}}$",
        }
    ),
]
MunicipalityCode = Annotated[
    str,
    StringConstraints(strict=True, max_length=MAX_TEXT),
    AfterValidator(municipality_code),
    WithJsonSchema(
        {
            "type": "string",
            "description": "Code of one of the 290 municipalities, with its leading zero.",
            "enum": sorted(MUNICIPALITIES),
        }
    ),
]
OrganisationNumber = Annotated[
    str,
    StringConstraints(strict=True, max_length=MAX_TEXT),
    AfterValidator(organisation_number),
    WithJsonSchema(
        {
            "type": "string",
            "description": "Organisation number: 10 digits, the third 2 or more, a right check digit (Luhn).",
            "maxLength": 10,
            "pattern": "^[0-9]{2}[2-9][0-9]{7}$",
        }
    ),
]
SchoolUnit = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[0-9]{8}$"),
    WithJsonSchema(
        {"type": "string", "description": "School unit code.", "maxLength": 8, "pattern": "^[0-9]{8}$"}
    ),
]
StudyPath = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=9, pattern=NO_CONTROL),
    WithJsonSchema({**_TEXT_SCHEMA, "minLength": 1, "maxLength": 9}),
]
Month = Annotated[
    str,
    StringConstraints(strict=True, max_length=MAX_TEXT),
    AfterValidator(_month),
    WithJsonSchema({"type": "string", "maxLength": 7, "pattern": f"^{_YEAR}-{_MONTH}$"}),
]
Day = Annotated[
    date,
    BeforeValidator(_date),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date",
            "description": "Swedish local date, 1900-01-01 to 2100-12-31.",
            "maxLength": 10,
            "pattern": f"^{_YEAR}-{_MONTH}-(?:0[1-9]|[12][0-9]|3[01])$",
        }
    ),
]
