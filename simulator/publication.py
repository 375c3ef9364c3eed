"""From what was recorded to what is published: ids, the order on the wire, repeats, and the CloudEvent itself.

Sources publish in the order in which they record, with what real feeds do to it: the load of a new installation,
nightly batches, records that hang for days, retractions that overtake what they retract, files sent twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

from simulator.credentials import SOURCE as BEDA
from simulator.journal import STOCKHOLM, Fields, Journal, Report
from simulator.terms import SchoolYear

_HOUR = 3600.0
_PREFIXES = {
    "resident": "se.kaa.municipality",
    "credential": "se.kaa.national",
    "enrolment": "se.kaa.school",
    "leave": "se.kaa.school",
    "absence": "se.kaa.school",
}
#: Shares of the reports.
_HANGS = 0.015
_REPEATED = 0.035
_OVERTAKES = 0.2


@dataclass(frozen=True, slots=True)
class Published:
    """A report on the wire: when (seconds of the epoch), and whether in another wording of the same content."""

    at: float
    report: Report
    repeat: bool = False


def _loads(journal: Journal, year: SchoolYear, joins_late: str | None, rng: Random) -> dict[str, float]:
    """When each source publishes what it recorded before: the population feed first, schools in the two weeks
    after, one organiser not before October."""
    loads: dict[str, float] = {}
    for source in sorted({report.source for report in journal.reports}):
        days, hour = rng.randint(1, 13), rng.randint(1, 5)
        if source.startswith("urn:se:kommun:"):
            days, hour = 0, 19
        on = year.go_live + timedelta(days=days)
        if joins_late is not None and source.startswith(f"urn:se:orgnr:{joins_late}"):
            on = date(year.start, 10, 15)
        loads[source] = datetime.combine(on, time(hour), STOCKHOLM).timestamp()
    return loads


def publish(journal: Journal, year: SchoolYear, joins_late: str | None) -> list[Published]:
    """Everything recorded, in the order of publication, repeats among it; gives each report its id."""
    rng = journal.rng
    _number(journal.reports, rng)
    loads = _loads(journal, year, joins_late, rng)
    nightly = {source for source in sorted(loads) if rng.random() < 0.35}
    at: dict[int, float] = {}
    for report in journal.reports:
        recorded = report.time.timestamp()
        if recorded < loads[report.source]:
            at[id(report)] = loads[report.source] + rng.random() * 60
            continue
        if report.source in nightly:
            recorded = (recorded // 86400 + 1) * 86400 + rng.random() * 600
        at[id(report)] = recorded + rng.random() * 120
        if rng.random() < _HANGS:
            at[id(report)] += rng.uniform(1, 240) * _HOUR
    for report in journal.reports:
        if report.names is not None and rng.random() < _OVERTAKES:
            at[id(report.names)] = max(at[id(report.names)], at[id(report)] + rng.uniform(0.1, 72) * _HOUR)
    out = [Published(at[id(report)], report) for report in journal.reports]
    out += _repeats(out, rng)
    # the sequence number keeps the order of two that fall on one instant
    return [p for _, _, p in sorted((p.at, turn, p) for turn, p in enumerate(out))]


def _repeats(published: list[Published], rng: Random) -> list[Published]:
    """The same events again: records sent twice, and one system's file of early autumn sent again whole."""
    again = [
        Published(
            p.at + rng.choice((1, 30, 900, 24 * _HOUR, rng.uniform(1, 60 * 24) * _HOUR)), p.report, True
        )
        for p in published
        if rng.random() < _REPEATED
    ]
    sources = sorted({p.report.source for p in published if p.report.source.startswith("urn:se:orgnr:")})
    resends = rng.choice(sources)
    file = [p for p in published if p.report.source == resends and p.report.time.month in (8, 9)]
    latest = max((p.at for p in file), default=0.0)
    return again + [
        Published(latest + 5 * 24 * _HOUR + turn * 0.01, p.report, True) for turn, p in enumerate(file)
    ]


def _number(reports: list[Report], rng: Random) -> None:
    """Ids as sources give them: running numbers, which meet those of other sources, or UUIDs."""
    running: dict[str, int] = {}
    for report in sorted(reports, key=lambda r: r.time):
        if report.source.endswith(":elevregister"):
            report.id = str(UUID(int=rng.getrandbits(128), version=4))
            continue
        number = running[report.source] = running.get(report.source, 0) + 1
        report.id = f"B{number:07d}" if report.source == BEDA else str(100_000 + number)


def _time(report: Report, repeat: bool) -> str:
    """The instant as the source writes it; a repeat may write the same instant in another way."""
    if repeat or report.source == BEDA:
        return report.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return report.time.isoformat(timespec="milliseconds")


def event(published: Published) -> dict[str, Any]:
    """The CloudEvent in structured mode, ready for JSON."""
    report = published.report
    family = report.kind.partition(".")[0]
    whole: dict[str, Any] = {
        "specversion": "1.0",
        "id": report.id,
        "source": report.source,
        "type": f"{_PREFIXES[family]}.{report.kind}.v1",
        "time": _time(report, published.repeat and published.at % 2 < 1),
        "datacontenttype": "application/json",
    }
    data: Fields = dict(report.fields)
    if report.retracts:
        data = {"retracts": report.names.id if report.names else f"lost-{report.id}", **data}
    elif report.names is not None:
        whole["replaces"] = report.names.id
    whole["data"] = data
    return whole


def events(published: list[Published]) -> Iterator[dict[str, Any]]:
    """Every line of the file, in order."""
    return (event(p) for p in published)
