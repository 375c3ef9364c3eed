"""What the events received mean, whatever their order: the highest revision, merges, withdrawals, prefixes."""

import random
from datetime import date
from itertools import pairwise, permutations

import pytest

from contracts.envelope import Event
from servicekit.database import Connection
from services.reporting.store import received_so_far
from tests.reporting.tellings import Person, file_of, tell


class _Anew:
    """Undoes what was told in it."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = connection.transaction()

    async def __aenter__(self) -> None:
        await self._transaction.start()

    async def __aexit__(self, *_: object) -> None:
        await self._transaction.rollback()


def _moved_and_ended(vera: Person) -> list[Event]:
    return [
        vera.known(),
        vera.covered(1),
        vera.corrected(2, since=date(2025, 9, 3)),
        vera.no_longer(3, since=date(2025, 9, 3)),
        vera.reached(),
    ]


def _withdrawn_and_back(vera: Person) -> list[Event]:
    return [
        vera.known(), vera.covered(1), vera.never(2), vera.corrected(3, since=date(2025, 10, 1)), vera.helped(),
    ]  # fmt: skip


def _merged(vera: Person) -> list[Event]:
    other = Person(born=date(2007, 11, 2))
    return [
        vera.known(),
        vera.covered(),
        other.known(1),
        other.reached(),
        other.known(2, merged_into=vera.person_id, identity_number=vera.number),
    ]


def _split_again(vera: Person) -> list[Event]:
    other = Person(born=date(2007, 11, 2))
    return [
        vera.known(),
        vera.covered(),
        other.known(1, merged_into=vera.person_id),
        other.known(2),
        other.covered(),
    ]


def _help_corrected(vera: Person) -> list[Event]:
    return [
        vera.known(),
        vera.covered(),
        vera.helped(1),
        vera.help_ended(2),
        vera.help_corrected(3, to=date(2025, 10, 20), end_reason="started_work", occupation_after="work"),
    ]


@pytest.mark.parametrize(
    "history", [_moved_and_ended, _withdrawn_and_back, _merged, _split_again, _help_corrected]
)
async def test_every_order_of_the_same_events_gives_the_same_file(
    reporting: Connection, history: object
) -> None:
    assert callable(history)
    told: list[Event] = history(Person())
    files = []
    for order in permutations(told):
        async with _Anew(reporting):
            for one in order:
                await tell(reporting, one)
            files.append(await file_of(reporting))
    assert len(files) == 120
    assert files[0]
    assert all(file == files[0] for file in files)


async def test_a_large_history_in_any_batches_with_repetitions_gives_the_same_file(
    reporting: Connection,
) -> None:
    generator = random.Random(11)
    people = [Person(born=date(2007, 1 + i % 12, 1 + i)) for i in range(20)]
    told = [one for person in people for one in _moved_and_ended(person)]
    told += [people[1].known(2, merged_into=people[0].person_id), people[2].never(9)]
    files = []
    for _ in range(5):
        dealt = [*told, *generator.sample(told, k=40)]
        generator.shuffle(dealt)
        async with _Anew(reporting):
            while dealt:
                size = generator.randint(1, 30)
                await tell(reporting, *dealt[:size])
                dealt = dealt[size:]
            files.append(await file_of(reporting))
    # 19 persons with 20 registrations, one of them withdrawn, and 20 contacts
    assert sum(columns[0] == "1" for columns in files[0]) == 19
    assert all(file == files[0] for file in files)


async def test_of_an_episode_the_highest_revision_counts(reporting: Connection) -> None:
    vera = Person()
    await tell(reporting, vera.no_longer(3), vera.known(), vera.covered(1), vera.corrected(2))
    assert await file_of(reporting) == [
        ["1", vera.number, "20250901", "X2"],
        ["5", vera.number, "20251130", "X1"],
    ]


async def test_an_episode_that_opens_again_has_no_end(reporting: Connection) -> None:
    vera = Person()
    await tell(reporting, vera.known(), vera.no_longer(2), vera.corrected(3))
    assert await file_of(reporting) == [["1", vera.number, "20250901", "X2"]]


async def test_a_withdrawn_episode_vanishes_with_what_was_done_in_it(reporting: Connection) -> None:
    vera = Person()
    await tell(reporting, vera.known(), vera.covered(), vera.reached(), vera.helped())
    assert len(await file_of(reporting)) == 3
    await tell(reporting, vera.never(2))
    assert await file_of(reporting) == []


async def test_a_withdrawal_that_comes_first_holds(reporting: Connection) -> None:
    vera = Person()
    await tell(reporting, vera.never(2))
    await tell(reporting, vera.known(), vera.covered(1))
    assert await file_of(reporting) == []


async def test_a_measure_s_end_is_told_once_with_its_last_correction(reporting: Connection) -> None:
    vera = Person()
    await tell(reporting, vera.known(), vera.covered(), vera.help_ended(2), vera.helped(1))
    corrected = {"to": date(2025, 10, 20), "end_reason": "other", "occupation_after": "none"}
    await tell(reporting, vera.help_corrected(3, **corrected))
    assert await file_of(reporting) == [
        ["1", vera.number, "20250901", "X2"],
        ["3", vera.number, "20250915", "X1"],
        ["4", vera.number, "20251020", "X9", "X9"],
    ]


async def test_a_planned_end_is_no_end(reporting: Connection) -> None:
    vera = Person()
    await tell(reporting, vera.known(), vera.covered(), vera.help_corrected(2, to=date(2025, 10, 20)))
    assert [columns[0] for columns in await file_of(reporting)] == ["1", "3"]


async def test_a_measure_from_an_earlier_half_year_is_reported_when_it_ends(reporting: Connection) -> None:
    vera = Person()
    since = date(2025, 3, 1)
    await tell(reporting, vera.known(), vera.covered(since=since), vera.help_ended(2, since=since))
    assert [columns[0] for columns in await file_of(reporting)] == ["1", "4"]
    assert [columns[0] for columns in await file_of(reporting, half_year="2025H1")] == ["1", "3"]


async def test_what_was_logged_on_a_merged_person_belongs_to_the_one_she_was_merged_into(
    reporting: Connection,
) -> None:
    vera, other = Person(), Person(born=date(2007, 11, 2))
    await tell(reporting, vera.known(), vera.covered(), other.reached(), other.helped())
    assert len(await file_of(reporting)) == 1
    await tell(reporting, other.known(2, merged_into=vera.person_id))
    assert await file_of(reporting) == [
        ["1", vera.number, "20250901", "X2"],
        ["2", vera.number, "20250910", "X5"],
        ["3", vera.number, "20250915", "X1"],
    ]


async def test_merges_are_followed_over_chains_in_any_order(reporting: Connection) -> None:
    chain = [Person(born=date(2008, 3, 1 + day)) for day in range(5)]
    last = chain[-1]
    links = [one.known(2, merged_into=into.person_id) for one, into in pairwise(chain)]
    for order in permutations(links):
        async with _Anew(reporting):
            await tell(reporting, chain[0].reached(), chain[1].covered(), *order)
            await tell(reporting, last.known())
            assert await file_of(reporting) == [
                ["1", last.number, "20250901", "X2"],
                ["2", last.number, "20250910", "X5"],
            ]


async def test_when_a_link_is_taken_back_each_has_her_own_again(reporting: Connection) -> None:
    vera, other = Person(), Person(born=date(2007, 11, 2))
    await tell(reporting, vera.known(), vera.covered(), other.reached())
    await tell(reporting, other.known(2, merged_into=vera.person_id))
    await tell(reporting, other.known(3))
    assert await file_of(reporting) == [["1", vera.number, "20250901", "X2"]]


async def test_two_merged_into_each_other_for_a_moment_do_not_hang_the_report(reporting: Connection) -> None:
    vera, other = Person(), Person(born=date(2007, 11, 2))
    await tell(reporting, vera.known(merged_into=other.person_id), other.known(merged_into=vera.person_id))
    await tell(reporting, vera.covered(), other.covered())
    assert len(await file_of(reporting)) == 2


async def test_the_number_of_today_stands_in_the_file(reporting: Connection) -> None:
    """A coordination number became a personal identity number."""
    vera = Person()
    await tell(reporting, vera.known(2), vera.covered(), vera.known(1, identity_number="200803759810"))
    assert [columns[1] for columns in await file_of(reporting)] == [vera.number]


async def test_a_person_known_only_as_she_was_before_the_episode_counts_as_unknown(
    reporting: Connection,
) -> None:
    """The episode names the least revision a reader must have: the newer state may say that she is protected."""
    vera = Person()
    await tell(reporting, vera.known(1), vera.covered(person_revision=2))
    assert await file_of(reporting) == [["1", "", "20250901", "X2"]]
    await tell(reporting, vera.known(2))
    assert await file_of(reporting) == [["1", vera.number, "20250901", "X2"]]


async def test_a_protected_person_is_in_no_file_also_while_only_the_one_merged_into_her_says_so(
    reporting: Connection,
) -> None:
    vera, other = Person(), Person(born=date(2007, 11, 2))
    protected = {"merged_into": vera.person_id, "protection": "protected_registration"}
    await tell(reporting, vera.known(1), other.covered(), other.known(2, **protected))
    assert await file_of(reporting) == []
    await tell(reporting, vera.known(2, protection="protected_registration"), other.corrected(2))
    assert await file_of(reporting) == []


async def test_what_a_municipality_did_stays_in_its_report_when_the_person_has_moved(
    reporting: Connection,
) -> None:
    here = Person()
    there = Person(here.born, here.person_id, municipality="1480")
    await tell(reporting, here.known(), here.no_longer(reason="moved"), here.reached())
    await tell(reporting, there.known(2), there.covered(since=date(2025, 12, 1)))
    await tell(reporting, there.reached(date(2025, 12, 5)))
    assert [columns[0] for columns in await file_of(reporting)] == ["1", "2", "5"]
    assert [columns[0] for columns in await file_of(reporting, municipality="1480")] == ["1", "2"]


@pytest.mark.parametrize(
    ("since", "to", "reported"),
    [
        (date(2025, 12, 31), None, True),
        (date(2026, 1, 1), None, False),
        (date(2024, 9, 1), None, True),
        (date(2024, 9, 1), date(2025, 7, 1), True),
        (date(2024, 9, 1), date(2025, 6, 30), False),
        (date(2024, 9, 1), date(2026, 2, 1), True),
    ],
)
async def test_who_was_covered_on_one_day_of_the_half_year_is_reported(
    reporting: Connection, since: date, to: date | None, reported: bool
) -> None:
    vera = Person()
    told = vera.covered(since=since) if to is None else vera.no_longer(since=since, to=to)
    await tell(reporting, vera.known(), told)
    assert any(columns[0] == "1" for columns in await file_of(reporting)) is reported


async def test_a_prefix_gives_the_same_file_whatever_comes_after_it(reporting: Connection) -> None:
    vera, other = Person(), Person(born=date(2007, 11, 2))
    await tell(reporting, vera.known(), vera.covered(), vera.reached(), other.known(), other.covered())
    known = await received_so_far(reporting)
    before = await file_of(reporting, known)
    await tell(reporting, vera.no_longer(), vera.never(5), other.known(2, merged_into=vera.person_id))
    await tell(reporting, Person().covered(), vera.reached(revision=2, occupation="none"))
    assert await file_of(reporting, known) == before
    assert await file_of(reporting) != before
    assert await file_of(reporting, 0) == []


async def test_each_prefix_is_what_was_the_whole_when_it_was_received(reporting: Connection) -> None:
    vera = Person()
    seen = []
    for one in [*_moved_and_ended(vera), vera.never(9), Person().covered()]:
        await tell(reporting, one)
        seen.append((await received_so_far(reporting), await file_of(reporting)))
    assert len({str(file) for _, file in seen}) > 3
    for known, file in seen:
        assert await file_of(reporting, known) == file
