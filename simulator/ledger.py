"""The ledger: what was meant to be true, person by person, for people to read and for programs to compare.

A JSON object::

    {"municipality": "0180", "school_year": "2024/25", "seed": 1, "first_day": "2024-07-01", "last_day": "2025-06-30",
     "totals": {...},
     "persons": [{"identity_number": "...", "former_identity_numbers": [...], "name": "...", "birth_date": "...",
                  "protection": "none", "life": ["2024-08-19 starts GY NA at ..."], "told": ["late: leave.left"],
                  "episodes": [{"municipality": "0180", "from": "...", "to": "...",
                                "entry_reason": "...", "exit_reason": "..."}]}]}

Persons in order of identity number, also those who are never covered; episodes over the whole timeline, ``to`` the
last covered day, also when it lies in the future.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from simulator.expected import Episode, episodes
from simulator.life import Life
from simulator.publication import Published
from simulator.terms import SchoolYear


def ledger(
    lives: list[Life], published: list[Published], municipality: str, year: SchoolYear, seed: int
) -> dict[str, Any]:
    """The ledger of the lives and of the events that tell them."""
    expected = {life.number: episodes(life) for life in lives}
    persons = [_person(life, expected[life.number]) for life in lives]
    return {
        "municipality": municipality,
        "school_year": str(year),
        "seed": seed,
        "first_day": year.first_day.isoformat(),
        "last_day": year.last_day.isoformat(),
        "totals": _totals(lives, expected, published, municipality, year),
        "persons": sorted(persons, key=lambda person: str(person["identity_number"])),
    }


def _person(life: Life, expected: list[Episode]) -> dict[str, Any]:
    return {
        "identity_number": life.number,
        "former_identity_numbers": [number for _, number in life.numbers[:-1]],
        "name": f"{life.given_name} {life.family_name}",
        "birth_date": life.birth.isoformat(),
        "protection": life.protection[-1][1] if life.protection else "none",
        "life": _story(life),
        "told": life.told,
        "episodes": [
            {
                "municipality": e.municipality,
                "from": e.first_day.isoformat(),
                "to": e.last_day.isoformat(),
                "entry_reason": e.entry_reason,
                "exit_reason": e.exit_reason,
            }
            for e in expected
        ],
    }


def _story(life: Life) -> list[str]:
    """What happened, a line each, in order of date."""
    lines: list[tuple[date, str]] = [(life.birth, "born")]
    for since, municipality in life.residence:
        told = f"lives in {municipality}" if municipality else "leaves Sweden"
        lines.append((since, told if life.in_feed else f"{told}, as only schools say"))
    if life.registered_in_sweden_on is not None:
        lines.append((life.registered_in_sweden_on, "first registered in Sweden"))
    if life.deceased_on is not None:
        lines.append((life.deceased_on, "dies"))
    if life.compulsory_over is not None:
        lines.append((life.compulsory_over, "last day of compulsory schooling"))
    lines += [(since, "gets the present identity number") for since, _ in life.numbers[1:]]
    lines += [(max(since, life.birth), f"protection: {level}") for since, level in life.protection]
    lines += [
        (place.programme.since, f"was to begin {place.programme} at {place.school.code}: {place.how}")
        for place in life.never_began
    ]
    lines += [(c.awarded_on, f"is awarded: {c.kind}") for c in life.credentials]
    for enrolment in life.enrolments:
        lines += [
            (p.since, f"{'changes to' if turn else 'starts'} {p} at {enrolment.school.code}")
            for turn, p in enumerate(enrolment.programmes)
        ]
        if enrolment.last_day is not None:
            lines.append((enrolment.last_day, f"last day at {enrolment.school.code}: {enrolment.ending}"))
    return [f"{day} {what}" for day, what in sorted(lines, key=lambda line: line[0])] + [
        f"{month} absent without reason for {minutes} minutes" for month, minutes in life.absence.items()
    ]


def _count(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _totals(
    lives: list[Life],
    expected: dict[str, list[Episode]],
    published: list[Published],
    municipality: str,
    year: SchoolYear,
) -> dict[str, Any]:
    """Sums of the year in the municipality. Entries are episodes that begin in it, exits those that end in it."""
    here = [e for found in expected.values() for e in found if e.municipality == municipality]
    entries = [e for e in here if year.first_day <= e.first_day <= year.last_day]
    exits = [e for e in here if year.first_day <= e.last_day < year.last_day]
    covered = sum(
        any(
            e.municipality == municipality and e.first_day <= year.last_day and e.last_day >= year.first_day
            for e in found
        )
        for found in expected.values()
    )
    return {
        "events": len(published),
        "repeats": sum(p.repeat for p in published),
        "by_type": _count(p.report.kind for p in published),
        "persons": len(lives),
        "persons_covered_in_the_year": covered,
        "entries_in_autumn": sum(e.first_day.year == year.start for e in entries),
        "entries_in_spring": sum(e.first_day.year != year.start for e in entries),
        "entry_reasons": _count(e.entry_reason for e in entries),
        "exit_reasons": _count(e.exit_reason for e in exits),
        "told": _count(words for life in lives for words in life.told),
    }
