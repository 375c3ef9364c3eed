"""After a run: everything there is against the pure model. A list of violations in words; empty is good.

- every record that was sent and acknowledged is on its topic;
- registry: persons, their numbers and episodes; what is told of them on the topics is the same again;
- outreach: the open tasks that each open episode and each notice of absence call for, others closed for the right
  reason;
- notifications: exactly the notices that ``tests.notifications.expected`` derives from the schools' events and from
  every state of a person that was ever told, in the state in which they were told last;
- dead letters: exactly the records that must be, each with its class; receipts: every record once;
- books of all four services: each offset of each topic has exactly one fate.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.catalogue import family_of, read_by
from contracts.own import CoverageWithdrawn
from servicekit import books
from servicekit.calendar import today
from servicekit.lag import ends
from servicekit.settings import SERVICES, Service
from services.outreach.ages import at_age
from services.outreach.notices import LEFT
from services.outreach.store import all_tasks
from services.outreach.tasks import (
    COVERED,
    MERGED,
    NOT_CALLED_FOR,
    NOTICE_CLOSED,
    NOTICE_WITHDRAWN,
    TURNED_20,
)
from tests.faults.history import cohort_of_key, cohort_of_number
from tests.faults.model import Meant, Spot, fingerprint, ground, meant
from tests.faults.told import FEW, Topics
from tests.notifications.expected import disagreements, expected_notices, standing_notices
from tests.outreach.reference import goes_on, untouched
from tests.system.installation import Installation

#: Clocks that differ by more are set wrong on purpose: how long an event waited cannot be told from them.
_WRONG_CLOCK = 3600.0


@dataclass(slots=True)
class Sending:
    """What was sent: the records that must be on the topics, and the classes of those that must be refused."""

    good: set[bytes] = field(default_factory=set)
    kinds: dict[bytes, str] = field(default_factory=dict)
    #: Topic → records sent.
    topics: Counter[str] = field(default_factory=Counter)

    @property
    def records(self) -> int:
        """All that were sent, repeats too."""
        return self.topics.total()


@dataclass(slots=True)
class Verdict:
    """``violations`` in words; ``longest_wait``: seconds from when an event was said until it took effect."""

    violations: list[str] = field(default_factory=list)
    records: int = 0
    duplicates: int = 0
    letters: int = 0
    persons: int = 0
    longest_wait: float = 0.0

    def unless(self, good: bool, violation: str) -> None:
        """Notes a violation."""
        if not good:
            self.violations.append(violation)

    def differs(self, what: str, expected: Iterable[object], found: Iterable[object]) -> None:
        """Notes what is only in one of two sets."""
        wanted, there = set(expected), set(found)
        for words, rest in (("missing", wanted - there), ("too many", there - wanted)):
            if rest:
                few = ", ".join(map(str, sorted(rest, key=str)[:FEW]))
                self.violations.append(f"{what}: {len(rest)} {words}: {few}")


async def check(here: Installation, sending: Sending, day: date) -> Verdict:
    """The verdict on an installation that came to rest on a day."""
    verdict = Verdict()
    cohorts: dict[int, list[Any]] = defaultdict(list)
    said: dict[Spot, float] = {}
    seen: set[bytes] = set()
    topics = Topics()
    per_topic: Counter[str] = Counter()
    async for records in _everything(here.brokers):
        partition = records[0].topic, records[0].partition
        per_topic[partition[0]] += len(records)
        if _is_ours(partition[0]):
            for record, event in zip(records, topics.take(records), strict=True):
                at, spoken = record.timestamp / 1000, event.time.timestamp()
                said[*partition, record.offset] = spoken if abs(at - spoken) < _WRONG_CLOCK else at
            continue
        verdict.records += len(records)
        for record in records:
            cohorts[cohort_of_key(record.key)].append(record)
            said[*partition, record.offset] = record.timestamp / 1000
            seen.add(fingerprint(record.topic, record.value, record.headers))
    topics.end()
    verdict.violations += topics.violations
    lost = len((sending.good | sending.kinds.keys()) - seen)
    verdict.unless(not lost, f"{lost} records that the broker acknowledged are not on their topics")
    await _register(verdict, here, topics, cohorts, sending, day)
    await _tasks(verdict, here, topics)
    for service in SERVICES:
        await _stored(verdict, here, service, per_topic)
        verdict.longest_wait = max(verdict.longest_wait, await _longest_wait(here, service, said))
    return verdict


async def _register(
    verdict: Verdict, here: Installation, topics: Topics, cohorts: dict[int, list[Any]], sending: Sending, day: date
) -> None:  # fmt: skip
    """Registry and notifications, cohort by cohort; the records of a cohort are let go of."""
    registered = await here.episodes()
    people = topics.latest("person")
    states: dict[int, list[Any]] = defaultdict(list)
    for state in topics.states:
        states[cohort_of_number(state.identity_number)].append(state)
    async with here.pool("notifications") as pool, pool.acquire() as connection:
        notices = await standing_notices(connection)
    standing: dict[int, dict[Any, Any]] = defaultdict(dict)
    for key, stands in notices.items():
        standing[cohort_of_number(key[0])][key] = stands
    by_number = {p.identity_number: p for p in people.values() if p.merged_into is None}
    rows = await here.fetch("SELECT identity_number, person_id FROM person_number")
    owners: dict[str, Any] = {row[0]: row[1] for row in rows}
    letters: dict[Spot, str] = {}
    applied: set[Spot] = set()
    episodes: dict[str, Any] = {}
    grounds: list[tuple[str, str, tuple[str, ...]]] = []
    mentioned: set[str] = set()
    for number in sorted(cohorts):
        model = meant(cohorts.pop(number), sending.kinds, day)
        letters |= model.letters
        applied |= model.applied
        mentioned |= model.mentioned
        episodes |= model.episodes
        grounds += model.grounds
        verdict.persons += len(model.persons)
        _persons(verdict, model, by_number, owners)
        expected = expected_notices(model.school_events, states[number], here.directory)
        wrong = disagreements(standing[number], expected)
        verdict.unless(not wrong, f"{len(wrong)} notices: {'; '.join(wrong[:FEW])}")
    verdict.differs("episodes in the register", _flat(episodes), _flat(registered))
    told = _told_episodes(verdict, topics)
    verdict.differs("episodes as told", _flat(episodes), _flat(told))
    rests_on = [
        (_Masked(people[e.person_id].identity_number), str(e.from_), tuple(map(ground, e.grounds or ())))
        for e in topics.latest("episode").values()
        if not isinstance(e, CoverageWithdrawn) and e.person_id in people
    ]
    verdict.differs("grounds as told", [(_Masked(n), *rest) for n, *rest in grounds], rests_on)
    unknown = len(owners.keys() - mentioned)
    verdict.unless(not unknown, f"{unknown} numbers of persons were named by no accepted event")
    await _letters(verdict, here, letters)
    await _applied(verdict, here, applied)
    rows = await here.fetch(
        "SELECT notice_id, revision, status FROM notice WHERE revision > 0", service="notifications"
    )
    verdict.differs(
        "notices as told",
        [(row[0], row[1], row[2]) for row in rows if row[2] in ("registered", "closed", "withdrawn")],
        [(n.notice_id, n.revision, n.status) for n in topics.latest("notice").values()],
    )
    verdict.letters = len(letters)
    verdict.duplicates = verdict.records - len(letters) - len(applied)


def _persons(verdict: Verdict, model: Meant, told: Mapping[str, Any], owners: Mapping[str, Any]) -> None:
    differing: Counter[str] = Counter()
    for number, person in model.persons.items():
        state = told.get(number)
        if state is None:
            differing["never told"] += 1
            continue
        differing.update(person.differs_from(state))
        differing["numbers in the database"] += {owners.get(n) for n in person.numbers} != {state.person_id}
    verdict.violations += [f"{count} persons: {what} differs" for what, count in differing.items() if count]


def _told_episodes(verdict: Verdict, topics: Topics) -> dict[str, list[dict[str, Any]]]:
    """Identity number → episodes, as a reader has them who knows our topics alone."""
    people = topics.latest("person")
    listed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    early = merged = 0
    for episode in topics.latest("episode").values():
        if isinstance(episode, CoverageWithdrawn):
            continue
        person = people.get(episode.person_id)
        if person is None or person.revision < episode.person_revision:
            early += 1
            continue
        merged += person.merged_into is not None
        said = episode.model_dump(mode="json", by_alias=True)
        names = ("municipality", "from", "to", "entry_reason", "exit_reason")
        listed[person.identity_number].append({name: said[name] for name in names})
    verdict.unless(not early, f"{early} episodes were told of persons that were not")
    verdict.unless(not merged, f"{merged} episodes were told of persons that are another's now")
    return listed


async def _tasks(verdict: Verdict, here: Installation, topics: Topics) -> None:
    """What the ladder calls for in each open episode, and absence that stands; what else there is closed, and why."""
    async with here.pool("outreach") as pool, pool.acquire() as connection:
        tasks = await all_tasks(connection)
    people = topics.latest("person")
    episodes = topics.latest("episode")
    left = {(e.person_id, e.municipality) for e in episodes.values() if goes_on(e) and e.entry_reason in LEFT}
    outgrown = {
        n.notice_id
        for n in topics.latest("notice").values()
        if _is_20(people.get(n.person_id)) or (n.person_id, n.municipality) in left
    }
    meant_open = {
        (e.episode_id, wanted.kind, e.person_id, e.municipality, e.from_,
         "routing" if people[e.person_id].protection == "protected_registration" else None)
        for e in episodes.values()
        if goes_on(e) and e.person_id in people
        for wanted in untouched(e, people[e.person_id], today())
    } | {
        (None, "early_support", n.person_id, n.municipality, None, _waits(people.get(n.person_id)))
        for n in topics.latest("notice").values()
        if n.kind == "absence" and n.status == "registered" and n.notice_id not in outgrown
    }  # fmt: skip
    found = [
        # early support counts from the day on which it was heard of, which is that of the run
        (t.episode_id, t.kind, t.person_id, t.municipality, t.since if t.episode_id else None, t.waits_for)
        for t in tasks
        if t.state == "open"
    ]
    verdict.differs("open tasks", meant_open, found)
    merged = {state.person_id for state in topics.states if state.merged_into is not None}
    for task in tasks:
        if task.state == "open":
            continue
        if task.episode_id is None:
            # which of the two came first, the merger or the school's word, is not told
            reasons = {NOTICE_CLOSED, NOTICE_WITHDRAWN, COVERED, TURNED_20} | (
                {MERGED} if task.person_id in merged else set()
            )
            verdict.unless(
                task.reason in reasons,
                f"early support is {task.state} ({task.reason})",
            )
            continue
        verdict.unless(
            task.episode_id in topics.once_open, "a task was opened for an episode never told open"
        )
        episode = episodes.get(task.episode_id)
        if task.reason == NOT_CALLED_FOR or (episode is not None and goes_on(episode)):
            # a correction or a protection made the case call for other tasks, compared above
            verdict.unless(task.state == "closed", f"a task is {task.state} though nobody worked on it")
            continue
        reason = (
            "withdrawn"
            if isinstance(episode, CoverageWithdrawn)
            else f"episode_ended: {getattr(episode, 'exit_reason', None)}"
        )
        verdict.unless(task.reason == reason, f"a task is {task.state} ({task.reason}), not {reason}")
    known = await here.fetch("SELECT episode_id, revision FROM episode", service="outreach")
    verdict.differs(
        "episodes in outreach",
        [(e.episode_id, e.revision) for e in episodes.values()],
        [(row[0], row[1]) for row in known],
    )
    for service in ("outreach", "notifications"):
        rows = await here.fetch("SELECT person_id, revision FROM person WHERE revision > 0", service=service)
        verdict.differs(
            f"persons in {service}",
            [(p.person_id, p.revision) for p in people.values()],
            [(row[0], row[1]) for row in rows],
        )
    received = await here.fetch("SELECT source, id FROM received", service="reporting")
    meant_there = [identity for identity in topics.told if identity[0] == "urn:kaa:registry"]
    verdict.differs("events that reporting keeps", meant_there, [(row[0], row[1]) for row in received])


def _waits(person: Any) -> str | None:
    if person is None or person.merged_into is not None:
        return "person"
    return "routing" if person.protection == "protected_registration" else None


def _is_20(person: Any) -> bool:
    return person is not None and today() >= at_age(person.birth_date, 20)


async def _letters(verdict: Verdict, here: Installation, letters: Mapping[Spot, str]) -> None:
    for service in SERVICES:
        families = {family.name for family in read_by(service)}
        expected = {(*spot, kind) for spot, kind in letters.items() if _family(spot[0]) in families}
        rows = await here.fetch('SELECT topic, partition, "offset", kind FROM dead_letter', service=service)
        verdict.differs(f"dead letters of {service}", expected, [tuple(row) for row in rows])


async def _applied(verdict: Verdict, here: Installation, applied: set[Spot]) -> None:
    """The events that took effect are those that came first, each under the record that brought it."""
    for service in ("registry", "notifications"):
        families = {family.name for family in read_by(service)}
        expected = {spot for spot in applied if _family(spot[0]) in families}
        table = books.INBOX[service]
        rows = await here.fetch(
            f'SELECT topic, partition, "offset" FROM {table} WHERE digest IS NOT NULL', service=service
        )
        found = {tuple(row) for row in rows if not _is_ours(row[0])}
        verdict.differs(f"events applied by {service}", expected, found)


async def _stored(verdict: Verdict, here: Installation, service: Service, per_topic: Counter[str]) -> None:
    """Books, receipts and what must be empty."""
    account = await here.books(service)
    for what, spots in (("unaccounted for", account.unaccounted), ("with two fates", account.doubly)):
        verdict.unless(not spots, f"{service}: {len(spots)} records {what}: {spots[:FEW]}")
    verdict.unless(
        not account.from_nowhere, f"{service}: {account.from_nowhere} stored places hold no record"
    )
    families = {family.name for family in read_by(service)}
    expected = {
        (topic, count)
        for topic, count in per_topic.items()
        if _family(topic) in families and _has_owner(topic)
    }
    rows = await here.fetch(
        "SELECT topic, sum(applied + repeated + refused)::bigint FROM receipt GROUP BY topic", service=service
    )
    verdict.differs(f"receipts of {service}", expected, [(row[0], row[1]) for row in rows])
    rows = await here.fetch(
        """SELECT topic, sum(refused)::bigint AS refused FROM receipt GROUP BY topic HAVING sum(refused) > 0
           EXCEPT SELECT topic, count(*) FROM dead_letter GROUP BY topic""",
        service=service,
    )
    verdict.unless(not rows, f"{service}: receipts of {len(rows)} topics do not count its dead letters")
    paused = await here.fetch("SELECT topic, reason FROM paused_topic", service=service)
    verdict.unless(not paused, f"{service}: paused {[tuple(row) for row in paused]}")


async def _longest_wait(here: Installation, service: Service, said: Mapping[Spot, float]) -> float:
    """Seconds until the event took effect that took longest to."""
    rows = await here.fetch(
        f"""SELECT topic, partition, "offset", received_at FROM {books.INBOX[service]}
            WHERE digest IS NOT NULL""",
        service=service,
    )
    return max(
        (_seconds(row[3]) - said[row[0], row[1], row[2]] for row in rows if (row[0], row[1], row[2]) in said),
        default=0.0,
    )


def _seconds(at: datetime) -> float:
    return at.timestamp()


def _flat(episodes: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[object, ...]]:
    """Every episode with whose it is: the cohort stands for the identity number, which no message may hold."""
    return [(_Masked(number), *episode.values()) for number, listed in episodes.items() for episode in listed]


class _Masked(str):
    """An identity number that compares as such and shows only where in the history it belongs."""

    def __repr__(self) -> str:
        return f"somebody of cohort {cohort_of_number(self)}"


def _family(topic: str) -> str | None:
    found = family_of(topic)
    return found[0].name if found else None


def _is_ours(topic: str) -> bool:
    found = family_of(topic)
    return found is not None and found[0].name.startswith(("registry", "outreach", "notifications"))


def _has_owner(topic: str) -> bool:
    found = family_of(topic)
    return found is not None and found[0].owner != "none"


async def _everything(brokers: str) -> AsyncIterator[list[Any]]:
    """Every committed record of every topic of the catalogue, in order of offset within each partition."""
    end = {partition: offset for partition, offset in (await ends(brokers)).items() if offset}
    if not end:
        return
    async with AIOKafkaConsumer(
        bootstrap_servers=brokers, isolation_level="read_committed", enable_auto_commit=False, group_id=None,
        fetch_max_bytes=8 * 1024 * 1024,
    ) as reader:  # fmt: skip
        waiting: set[TopicPartition] = set(end)
        reader.assign(list(waiting))
        await reader.seek_to_beginning()
        while waiting:
            found = await reader.getmany(*waiting, timeout_ms=200, max_records=5000)
            for partition, records in found.items():
                inside = [record for record in records if record.offset < end[partition]]
                if inside:
                    yield inside
            waiting = {p for p in waiting if await reader.position(p) < end[p]}
