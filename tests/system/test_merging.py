"""Identity numbers that turn out to be one person's, and that link taken back, through the running services."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

from contracts.envelope import decode
from contracts.own import CoverageWithdrawn, NoticeRegistered, NoticeUpdated, PersonUpdated
from servicekit.calendar import today
from servicekit.relay import Relay
from servicekit.settings import SERVICES
from services.outreach.store import all_tasks
from services.registry.evaluation import evaluate
from services.reporting.period import period
from services.reporting.store import facts, received_so_far
from tests.notifications.expected import disagreements, expected_notices, standing_notices
from tests.outreach.reference import open_tasks
from tests.registry.histories import number
from tests.system.installation import FREE, Installation, left, resident, said, started, wire
from tests.system.witness import DAY, Told, published

#: One human being: the coordination number she came with, the number she was given, and one given by mistake.
COORDINATION = number("20070310", 985, coordination=True)
PERSONAL = number("20070310", 986)
THIRD = number("20070311", 987)
TOPICS = ("registry.person.v1", "registry.coverage.v1")

Raw = dict[str, Any]


def at_the_free_school(event: Raw) -> Raw:
    """Said by the independent school, whose organiser is no municipality: so the home municipality must be told."""
    data = event["data"] | {"school_unit": "13000001"}
    return event | {"source": f"urn:se:orgnr:{FREE}", "data": data}


def linked(event_id: str, previous: str, current: str, on: str) -> Raw:
    """From ``on`` the person with the one number has the other."""
    data = {"previous_identity_number": previous, "identity_number": current, "changed_on": on}
    return said(event_id, "municipality.resident.identity_changed", data)


def taken_back(event_id: str, target: str) -> Raw:
    """The municipality takes an event back."""
    return said(event_id, "municipality.resident.retracted", {"retracts": target})


@asynccontextmanager
async def everyone_at_work(here: Installation) -> AsyncIterator[None]:
    """All four services in this process, with the relays of those that tell something."""
    async with AsyncExitStack() as cleanup:
        for service in SERVICES:
            await cleanup.enter_async_context(here.consuming(service))
            if service in ("registry", "notifications"):
                pool = await cleanup.enter_async_context(here.pool(service))
                relay = Relay(service, pool, here.brokers, here.settings.group(f"{service}-relay"))
                task = asyncio.create_task(relay.run())
                cleanup.push_async_callback(asyncio.wait, [task])
                cleanup.callback(task.cancel)
        yield


async def books_balance(here: Installation) -> None:
    """Of all services."""
    assert all([(await here.books(service)).balance for service in SERVICES])


async def all_agree(here: Installation, events: Sequence[Raw]) -> Told:
    """The register is one clean pass over the events; each reader is what a reader must be who was told the same."""
    meant = evaluate(map(wire, events), DAY, True)["persons"]
    expected = {person["identity_number"]: person["episodes"] for person in meant if person["episodes"]}
    told = await published(here, *TOPICS)
    known = Told(told)
    assert known.register == await here.episodes() == expected

    async with here.pool("outreach") as pool, pool.acquire() as connection:
        tasks = [task for task in await all_tasks(connection) if task.state == "open"]
    queue = open_tasks(told, today())
    assert {
        (t.episode_id, t.kind): (
            t.person_id,
            t.municipality,
            t.since,
            t.due_on,
            t.rank_on,
            t.waits_for or "ready",
        )
        for t in tasks
    } == queue
    assert all(row[-1] == "ready" for row in queue.values())

    async with here.pool("notifications") as pool, pool.acquire() as connection:
        notices = await standing_notices(connection)
    states = [event.data for event in told if isinstance(event.data, PersonUpdated)]
    schools = [decode(wire(event)) for event in events]
    assert disagreements(notices, expected_notices(schools, states, here.directory)) == []

    half_year = period("2025H1")
    async with here.pool("reporting") as pool, pool.acquire() as connection:
        report = await facts(connection, "0180", half_year, await received_so_far(connection))
    registered = [
        (episode.person.identity_number if episode.person else None, episode.from_day.isoformat())
        for episode in report.episodes
    ]
    assert sorted(registered, key=str) == sorted(
        (who, episode["from"])
        for who, found in expected.items()
        for episode in found
        if episode["municipality"] == "0180" and (episode["to"] or "9") >= half_year.first.isoformat()
    )
    return known


def current(told: Told, who: str) -> PersonUpdated:
    """The person with this number now."""
    (state,) = [p for p in told.persons.values() if p.identity_number == who and p.merged_into is None]
    return state


def open_episode(told: Told, who: PersonUpdated) -> UUID:
    """The one episode of a person that goes on."""
    (found,) = [
        episode
        for episode in told.episodes.values()
        if not isinstance(episode, CoverageWithdrawn)
        and episode.person_id == who.person_id
        and not episode.to
    ]
    episode_id: UUID = found.episode_id
    return episode_id


async def test_two_numbers_become_one_person_and_two_again(installation: Installation) -> None:
    """INV-02, INV-04: readers re-key; the number split off is a new person's; episodes that overlap are one."""
    await installation.set_day(DAY)
    events: list[Raw] = []
    async with everyone_at_work(installation):

        async def say(*news: Raw) -> Told:
            events.extend(news)
            await installation.publish(news)
            await installation.settled(relayed=True)
            return await all_agree(installation, events)

        alone = await say(
            resident("r1", COORDINATION),
            at_the_free_school(started("s1", COORDINATION, "2023-08-21")),
            at_the_free_school(left("l1", COORDINATION, "2024-11-15")),
        )
        # the population register knows somebody of another number, whom no school has ever named
        apart = await say(resident("r2", PERSONAL))
        first, second = current(apart, COORDINATION), current(apart, PERSONAL)
        episode = open_episode(alone, first)
        assert open_episode(apart, first) == episode
        assert first.person_id != second.person_id

        together = await say(linked("i1", COORDINATION, PERSONAL, "2025-01-10"))
        one = current(together, PERSONAL)
        assert one.person_id == first.person_id
        assert one.former_identity_numbers == (COORDINATION,)
        assert together.persons[second.person_id].merged_into == first.person_id
        assert open_episode(together, one) == episode
        assert isinstance(together.episodes[open_episode(apart, second)], CoverageWithdrawn)

        again = await say(taken_back("x1", "i1"))
        old, new = current(again, COORDINATION), current(again, PERSONAL)
        assert old.person_id == first.person_id
        assert new.person_id not in {first.person_id, second.person_id}
        assert again.persons[second.person_id].merged_into == first.person_id
        assert open_episode(again, old) == episode
        assert open_episode(again, new) not in apart.episodes

        last = await say(linked("i2", COORDINATION, PERSONAL, "2025-01-10"))
        assert current(last, PERSONAL).person_id == first.person_id
        assert last.persons[new.person_id].merged_into == first.person_id
        assert open_episode(last, current(last, PERSONAL)) == episode
    await books_balance(installation)


async def test_a_chain_of_three_numbers_loses_its_middle(installation: Installation) -> None:
    """INV-02, INV-04: facts of three are one person's, then two persons'; notices are told about who has them."""
    await installation.set_day(DAY)
    events = [
        resident("r1", PERSONAL),
        at_the_free_school(started("s2", COORDINATION, "2023-08-21")),
        at_the_free_school(left("l3", THIRD, "2024-11-15")),
        linked("i1", COORDINATION, PERSONAL, "2025-01-10"),
        linked("i2", PERSONAL, THIRD, "2025-02-10"),
    ]
    async with everyone_at_work(installation):
        await installation.publish(events)
        await installation.settled(relayed=True)
        whole = await all_agree(installation, events)
        assert current(whole, THIRD).former_identity_numbers == tuple(sorted((PERSONAL, COORDINATION)))
        events.append(taken_back("x", "i2"))
        await installation.publish(events[-1:])
        await installation.settled(relayed=True)
        parts = await all_agree(installation, events)
        assert current(parts, PERSONAL).former_identity_numbers == (COORDINATION,)
        assert current(parts, THIRD).former_identity_numbers == ()
        assert current(parts, THIRD).person_id != current(parts, PERSONAL).person_id
    await books_balance(installation)
    # a notice told again about another person is on another partition: the revision says which is the last
    notices: dict[UUID, NoticeRegistered | NoticeUpdated] = {}
    for event in await published(installation, "notifications.notice.v1"):
        told = event.data
        assert isinstance(told, NoticeRegistered | NoticeUpdated)
        if told.notice_id not in notices or notices[told.notice_id].revision < told.revision:
            notices[told.notice_id] = told
    assert {(told.kind, told.person_id, told.status) for told in notices.values()} == {
        ("started", current(parts, PERSONAL).person_id, "registered"),
        ("left", current(parts, THIRD).person_id, "registered"),
    }
