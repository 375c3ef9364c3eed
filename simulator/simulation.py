"""A school year in a municipality, from a seed: the events that were published, and the ledger of what is true."""

from collections.abc import Iterator
from random import Random
from typing import Any

from contracts.identifiers import MUNICIPALITIES
from contracts.organisers import Directory
from simulator.absence import AbsenceReports
from simulator.credentials import CredentialsImport
from simulator.journal import Journal
from simulator.ledger import ledger
from simulator.life import Life
from simulator.people import people
from simulator.population import PopulationFeed
from simulator.publication import events, publish
from simulator.school_reports import SchoolReports
from simulator.schools import Schools
from simulator.terms import SchoolYear


def simulate(
    municipality: str, persons: int, school_year: str, seed: int, directory: Directory
) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """The year's events (CloudEvents in structured mode, in order of publication) and the ledger (``ledger.py``).

    ``school_year`` as ``2024/25``. The same arguments give the same events and ledger. Raises ValueError when the
    municipality, the school year or the number of persons cannot be, or the directory lacks schools.
    """
    if municipality not in MUNICIPALITIES:
        raise ValueError("expected the 4-digit code of one of the 290 municipalities")
    year, rng = SchoolYear.parse(school_year), Random(seed)
    schools = Schools(directory, municipality)
    lives = people(persons, municipality, schools, year, rng)
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
    published = publish(journal, year, rng.choice(independent) if independent else None)
    return events(published), ledger(lives, published, municipality, year, seed)


def _mistaken_identities(feed: PopulationFeed, lives: list[Life], rng: Random) -> None:
    """A few of the population register's worst mistakes: the living reported dead, two persons taken for one."""
    known = [life for life in lives if life.in_feed and life.deceased_on is None]
    few = min(len(known) // 4, max(2, len(known) // 1500))
    chosen = rng.sample(known, 3 * few)
    feed.wrong_deaths(chosen[:few])
    feed.wrong_links(list(zip(chosen[few : 2 * few], chosen[2 * few :], strict=True)))
