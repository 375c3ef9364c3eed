"""A school year in a municipality, from a seed: the events that were published, and the ledger of what is true."""

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any

from contracts.identifiers import MUNICIPALITIES
from contracts.organisers import Directory
from simulator.absence import AbsenceReports
from simulator.credentials import CredentialsImport
from simulator.journal import Journal, Report
from simulator.ledger import ledger
from simulator.life import Life
from simulator.people import people
from simulator.population import PopulationFeed
from simulator.publication import events, publish
from simulator.school_reports import SchoolReports
from simulator.schools import Schools
from simulator.terms import SchoolYear


def simulate(
    municipality: str,
    persons: int,
    school_year: str,
    seed: int,
    directory: Directory,
    until: date | None = None,
) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """The year's events (CloudEvents in structured mode, in order of publication) and the ledger (``ledger.py``).

    ``school_year`` as ``2024/25``; with ``until`` as it is at the end of that day: nobody knows what comes after, and
    who is not there yet is left out. The same arguments give the same events and ledger. Raises ValueError when the
    municipality, the school year, the day or the number of persons cannot be, or the directory lacks schools.
    """
    if municipality not in MUNICIPALITIES:
        raise ValueError("expected the 4-digit code of one of the 290 municipalities")
    year, rng = SchoolYear.parse(school_year), Random(seed)
    schools = Schools(directory, municipality)
    lives = people(persons, municipality, schools, year, rng)
    if until is not None:
        year = year.up_to(until)
        lives = _known_by(lives, until)
    journal = Journal(year, rng)
    feed = PopulationFeed(journal, municipality, year)
    school_reports = SchoolReports(journal, schools, year, lives)
    attendance = AbsenceReports(journal, school_reports, year)
    credentials = CredentialsImport(journal, year)
    for life in lives:
        feed.about(life)
        school_reports.about(life)
        attendance.about(life)
        credentials.about(life)
    _mistaken_identities(feed, lives, rng)
    independent = sorted({s.organiser for s in schools.all if s.owner == "independent" and s.kind == "upper"})
    if until is not None:
        named = set().union(*(_named(report) for report in journal.reports))
        lives = [life for life in lives if any(number in named for _, number in life.numbers)]
    published = publish(journal, year, rng.choice(independent) if independent else None)
    return events(published), ledger(lives, published, municipality, year, seed)


def _known_by(lives: list[Life], day: date) -> list[Life]:
    for life in lives:
        life.ends_with(day)
    return [life for life in lives if life.residence or not life.in_feed]


def _named(report: Report) -> set[str]:
    """The identity numbers that a report of something other than absence is about."""
    if report.kind.startswith("absence."):
        return set()
    fields = report.fields
    said = (fields, fields.get("pupil", {}), fields.get("person", {}))
    return {
        number
        for one in said
        for number in (one.get("identity_number"), one.get("previous_identity_number"))
        if number is not None
    }


def _mistaken_identities(feed: PopulationFeed, lives: list[Life], rng: Random) -> None:
    """A few of the population register's worst mistakes: the living reported dead, two persons taken for one."""
    known = [life for life in lives if life.in_feed and life.deceased_on is None]
    few = min(len(known) // 4, max(2, len(known) // 1500))
    chosen = rng.sample(known, 3 * few)
    feed.wrong_deaths(chosen[:few])
    feed.wrong_links(list(zip(chosen[few : 2 * few], chosen[2 * few :], strict=True)))
