"""The evidence for a listing as people read it: what was stated, of which day, where and by whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from contracts.identifiers import MUNICIPALITIES
from contracts.organisers import Directory
from contracts.own import Ground
from services.outreach.pages import words
from webkit.language import Language


@dataclass(frozen=True, slots=True)
class Stated:
    """One statement; texts are in the reader's language. ``source``: the school unit, and who told it."""

    on: date
    sign: str
    what: str
    source: str


def stated(grounds: Sequence[Ground], language: Language, organisers: Directory) -> Iterator[Stated]:
    """The grounds in their order. Units and organisers that the directory does not name keep their codes."""
    for ground in grounds:
        place = _unit(ground, organisers)
        teller = _teller(ground, language, organisers)
        yield Stated(
            ground.on,
            "home" if ground.municipality else "school",
            language.text(words.FACTS[ground.fact]),
            f"{place}, {teller}" if place else teller,
        )


def _unit(ground: Ground, organisers: Directory) -> str | None:
    code = ground.school_unit
    if code is None:
        return None
    owner = organisers.organiser(organisers.owner_of_unit(code) or "")
    return owner.units[code] if owner is not None else code


def _teller(ground: Ground, language: Language, organisers: Directory) -> str:
    if ground.organiser is not None:
        known = organisers.organiser(ground.organiser)
        return language.text("told by %(name)s", name=known.name if known is not None else ground.organiser)
    if ground.municipality is not None:
        town = MUNICIPALITIES.get(ground.municipality, ground.municipality)
        return language.text("told by the population register of %(name)s", name=town)
    return language.text("told by the national credentials database (Beda)")
