"""Explanation: why a person is, or is not, on the list on a day; criterion by criterion, with the events behind it.

It answers the complaint that comes most often: "why is she on the list?". Pure, and built on the same facts as
``coverage``: a verdict can never say otherwise than the register does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from contracts.own import EntryReason
from services.registry.coverage import after_summer, spans, timeline
from services.registry.criteria import Ground, Verdict, grounds_of, residence_verdict, six_criteria
from services.registry.facts import Facts, facts_of
from services.registry.reasons import decided_by, entry_facts, entry_reason, latest_fact
from services.registry.statement import Statement

_ENTERED: Final[dict[EntryReason, str]] = {
    "study_certificate": "finished upper secondary school with a study certificate (studiebevis), not a diploma",
    "left_upper_secondary": "left upper secondary school (avbrott)",
    "left_introductory_programme": "left an introductory programme (introduktionsprogram)",
    "left_equivalent_education": "left equivalent education",
    "compulsory_school_only": "has gone to compulsory school only (endast grundskola)",
    "newly_arrived": "newly arrived (nyanländ): registered in Sweden after compulsory school age",
    "no_known_school": "no school is known",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Covered exactly when ``residence`` and all six ``criteria`` hold and ``summer_hold`` does not."""

    day: date
    covered: bool
    residence: Verdict
    #: The six of skollagen 29:9, in the order of the law.
    criteria: tuple[Verdict, ...]
    #: Holds while the hold keeps back someone whom everything else would put on the list.
    summer_hold: Verdict
    #: Of the episode that the day belongs to; None on a day without coverage.
    entry: "Entry | None"


@dataclass(frozen=True, slots=True)
class Entry:
    """Why and when the episode began. ``inferred``: no fact before it tells the reason."""

    municipality: str
    from_day: date
    reason: EntryReason
    inferred: bool
    grounds: tuple[Ground, ...]
    text: str


def explain(statements: Iterable[Statement], day: date, *, summer_hold: bool = True) -> Explanation:
    """The verdicts on a person and a day.

    ``statements``: the counting ones about the person, in any order. Raises ValueError when there are none.
    """
    about = tuple(statements)
    facts = facts_of(about)
    on = day.toordinal()
    criteria = six_criteria(facts, on)
    episode = next(
        (
            e
            for e in timeline(about, summer_hold=summer_hold)
            if e.from_day <= day and e.to_day is not None and day <= e.to_day
        ),
        None,
    )
    return Explanation(
        day=day,
        covered=episode is not None,
        residence=residence_verdict(facts, on),
        criteria=criteria,
        summer_hold=_summer_hold(facts, on, criteria, summer_hold),
        entry=None if episode is None else _entry(facts, episode.municipality, episode.from_day),
    )


def _summer_hold(facts: Facts, on: int, criteria: Sequence[Verdict], applies: bool) -> Verdict:
    span = next((s for s in spans(facts) if s[0] <= on <= s[1]), None) if applies else None
    held = after_summer(facts, span) if span is not None else None
    freed: list[Verdict] = []
    if span is None or (held is not None and held[0] <= on):
        since, text = None, "Not kept back by the summer hold (sommaruppehåll)."
    else:
        since = date.fromordinal(span[0])
        freed = [verdict for verdict in criteria if verdict.since == since]
        text = (
            "Kept back until 1 September: who goes out of school in summer may only be between two schools."
        )
    return Verdict(
        condition="summer_hold",
        law="not in the law: a setting of the register, 1 June to 31 August",
        holds=since is not None,
        since=since,
        inferred=any(verdict.inferred for verdict in freed),
        grounds=tuple(ground for verdict in freed for ground in verdict.grounds),
        text=text,
    )


def _entry(facts: Facts, municipality: str, from_day: date) -> Entry:
    first = from_day.toordinal()
    entered = entry_facts(facts)
    reason = entry_reason(facts, entered, first)
    inferred = latest_fact(entered, first) is None and reason != "newly_arrived"
    grounds = grounds_of(decided_by(facts, entered, first))
    return Entry(municipality, from_day, reason, inferred, grounds, f"Reason: {_ENTERED[reason]}.")
