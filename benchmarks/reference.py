"""The usual per-event handler, to measure ours against: one message, one ORM session from a pool, one commit.

It keeps the same tables with the same indexes, uses the same rule engine and writes the same outbox, written as
services usually are with SQLAlchemy's ORM. It does not handle what ours must (retractions in flight, merging of
persons, contact data): it is given less work, not more. The ORM is the synchronous one over psycopg's C driver, which
does twice to three times what the same handler does through asyncio and asyncpg.
"""

import time
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import partial
from typing import Any, Final, cast
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import BigInteger, DateTime, Identity, Table, bindparam, create_engine, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from contracts.envelope import decode
from contracts.model import Protection
from servicekit.calendar import now
from servicekit.outbox import Message
from services.registry.coverage import Episode, episodes_of
from services.registry.episodes import Stored, changes, grounds_of
from services.registry.facts import Facts, facts_of
from services.registry.identity import birth_date, current_number, names, protection
from services.registry.publication import coverage_message, digest_of, person_message, person_state
from services.registry.residence import residence
from services.registry.statement import CONFIRMED, Statement, statement_of

#: Events until connections are open and statements compiled.
_WARM: Final = 100


class Base(DeclarativeBase):
    """What the mapped tables share."""


class LogRow(Base):
    """``event_log``."""

    __tablename__ = "event_log"
    source: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    taken_back: Mapped[bool] = mapped_column(default=False)
    digest: Mapped[bytes | None]
    topic: Mapped[str | None]
    partition: Mapped[int | None]
    type: Mapped[str | None]
    time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    names: Mapped[str | None]
    identity_number: Mapped[str | None]
    on_day: Mapped[date | None]
    school_unit: Mapped[str | None]
    school_form: Mapped[str | None]
    study_path: Mapped[str | None]
    outcome: Mapped[str | None]
    municipality: Mapped[str | None]
    birth_date: Mapped[date | None]
    registered_in_sweden_on: Mapped[date | None]
    previous_identity_number: Mapped[str | None]
    protection: Mapped[str | None]
    given_name: Mapped[str | None]
    family_name: Mapped[str | None]


class PersonRow(Base):
    """``person``."""

    __tablename__ = "person"
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    anchor: Mapped[str]
    identity_number: Mapped[str]
    revision: Mapped[int] = mapped_column(default=0)
    digest: Mapped[bytes | None]
    published: Mapped[bytes | None]


class NumberRow(Base):
    """``person_number``."""

    __tablename__ = "person_number"
    identity_number: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]


class EpisodeRow(Base):
    """``episode``."""

    __tablename__ = "episode"
    episode_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    municipality: Mapped[str]
    from_day: Mapped[date]
    to_day: Mapped[date]
    entry_reason: Mapped[str]
    exit_reason: Mapped[str]
    revision: Mapped[int]
    told: Mapped[str | None]
    published: Mapped[bytes | None]


class OutboxRow(Base):
    """``outbox``."""

    __tablename__ = "outbox"
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    topic: Mapped[str]
    key: Mapped[bytes]
    value: Mapped[bytes | None]


#: What a statement is made of, in its order: columns, not entities, which would cost a third more.
_SAID = (
    LogRow.source, LogRow.id, LogRow.type, LogRow.time, LogRow.names, LogRow.identity_number, LogRow.on_day,
    LogRow.school_unit, LogRow.school_form, LogRow.study_path, LogRow.outcome, LogRow.municipality,
    LogRow.birth_date, LogRow.registered_in_sweden_on, LogRow.previous_identity_number, LogRow.protection,
    LogRow.given_name, LogRow.family_name,
)  # fmt: skip


# Built once: an ORM statement built anew for each event costs as much as the database does.
_LOG = cast(Table, LogRow.__table__)
_NEW = insert(_LOG).on_conflict_do_nothing().returning(_LOG.c.id)
_OUT = insert(cast(Table, OutboxRow.__table__))
_WHOSE = (
    select(PersonRow, EpisodeRow)
    .join(NumberRow, NumberRow.person_id == PersonRow.person_id)
    .outerjoin(EpisodeRow, EpisodeRow.person_id == PersonRow.person_id)
    .where(NumberRow.identity_number == bindparam("number"))
    .with_for_update(of=PersonRow)
)
_ABOUT = select(*_SAID).where(
    LogRow.identity_number == bindparam("number"),
    ~LogRow.taken_back,
    LogRow.digest.is_not(None),
    LogRow.type != CONFIRMED,
)


_FIELDS = tuple(field.name for field in fields(Statement))


def _handle(session: Session, value: bytes, topic: str, day: date) -> None:
    event = decode(value)
    s = statement_of(event)
    row = {field: getattr(s, field) for field in _FIELDS}
    row |= {
        "on_day": row.pop("on"),
        "digest": event.digest,
        "topic": topic,
        "partition": 0,
        "taken_back": False,
    }
    entered = session.execute(_NEW, row)
    number = s.identity_number
    if entered.first() is None or number is None:
        return
    found = session.execute(_WHOSE, {"number": number}).all()
    kept = [episode for _, episode in found if episode is not None]
    if found:
        person = found[0][0]
        if s.type == CONFIRMED:
            return
    else:
        person = PersonRow(person_id=uuid4(), anchor=number, identity_number=number, revision=0)
        session.add_all([person, NumberRow(identity_number=number, person_id=person.person_id)])
        session.flush()
    rows: list[Any] = list(session.execute(_ABOUT, {"number": number}))
    said = [Statement(*row) for row in rows] or [s]
    at = now()
    moves = residence(said)
    town = next((town for begins, town in reversed(moves) if begins <= day), None)
    level = cast(Protection, protection(said))
    state = person_state(
        person.person_id, [current_number(said)], names(said), birth_date(said), town, level, None
    )
    out: list[Message] = []
    digest = digest_of(state)
    if digest != person.digest:
        message = person_message(state, person.revision + 1, at)
        person.revision, person.digest, person.published = person.revision + 1, digest, message.value
        out.append(message)
    out += _episodes(session, person, kept, facts_of(said), level, day, at)
    if out:
        session.execute(_OUT, [{"topic": m.topic, "key": m.key, "value": m.value} for m in out])


def _episodes(
    session: Session,
    person: PersonRow,
    kept: Sequence[EpisodeRow],
    facts: Facts,
    level: Protection,
    day: date,
    at: datetime,
) -> list[Message]:
    out: list[Message] = []
    by_id = {row.episode_id: row for row in kept}
    stored = [
        Stored(
            row.episode_id, row.person_id,
            Episode(row.municipality, row.from_day, row.to_day, row.entry_reason, row.exit_reason),  # type: ignore[arg-type]
            row.revision, row.told,
        )
        for row in kept
    ]  # fmt: skip
    grounds = partial(grounds_of, facts, level)
    for change in changes(person.person_id, stored, episodes_of(facts), grounds, day, iter(uuid4, None)):
        message = coverage_message(change, person.revision, day, at) if change.telling else None
        if message:
            out.append(message)
        if change.after is None:
            if change.before:
                session.delete(by_id[change.before.episode_id])
            continue
        after = change.after
        values = {
            "person_id": after.person_id, "municipality": after.episode.municipality,
            "from_day": after.episode.from_day, "to_day": after.episode.to_day,
            "entry_reason": after.episode.entry_reason, "exit_reason": after.episode.exit_reason,
            "revision": after.revision, "told": after.told, "published": message.value if message else None,
        }  # fmt: skip
        row = by_id.get(after.episode_id)
        if row is None:
            session.add(EpisodeRow(episode_id=after.episode_id, **values))
        else:
            for name, value in values.items():
                setattr(row, name, value)
    return out


async def work_off(
    brokers: str, partitions: Sequence[TopicPartition], url: str, count: int, day: date
) -> float:
    """Takes ``count`` records off these partitions, each in a session and a transaction of its own.

    Gives events a second from the first hundred on: connections are open then and statements are compiled.
    """
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://"), pool_size=5, pool_reset_on_return=None
    )
    sessions = sessionmaker(engine, expire_on_commit=False, autoflush=False)
    begun = 0.0
    async with AIOKafkaConsumer(
        bootstrap_servers=brokers, enable_auto_commit=False, auto_offset_reset="earliest", group_id=None
    ) as consumer:
        consumer.assign(partitions)
        for number in range(count):
            if number == _WARM:
                begun = time.perf_counter()
            record = await consumer.getone()
            with sessions() as session, session.begin():
                _handle(session, record.value, record.topic, day)
        rate = (count - _WARM) / (time.perf_counter() - begun)
    engine.dispose()
    return rate
