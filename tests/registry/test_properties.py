"""What must hold for every history, whatever the feeds do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any, get_args

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from contracts.own import EntryReason, ExitReason
from services.registry.coverage import cut, timeline
from services.registry.criteria import Verdict
from services.registry.evaluation import evaluate
from services.registry.explanation import explain
from services.registry.settlement import persons, settle
from services.registry.statement import Statement
from tests.registry.histories import ALL_CLASSES, PERSONS, History, classes_of, history, line, rearranged
from tests.registry.oracle import Oracle

#: Late enough that every timeline is over: nothing is cut.
THE_END = date(2060, 1, 1)

#: The same examples on every run, on every machine.
steady = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def register(lines: list[bytes], *, summer_hold: bool = True) -> Any:
    answer = evaluate(lines, THE_END, summer_hold)
    assert answer["rejected"] == []
    return answer["persons"]


def engine(statements: Sequence[Statement], summer_hold: bool) -> list[tuple[Any, ...]]:
    return [
        (e.municipality, e.from_day, e.to_day, e.entry_reason, e.exit_reason)
        for e in timeline(statements, summer_hold=summer_hold)
    ]


def people(told: History) -> list[tuple[Statement, ...]]:
    events = [event for event in told.decoded if ".absence." not in event.type]
    return list(persons(settle(events).counting).values())


#: A Random whose choices Hypothesis makes, and shrinks when a test fails.
rngs = st.randoms(use_true_random=False)


def sample(size: int) -> Iterator[History]:
    """The same histories on every run."""
    return (history(Random(seed)) for seed in range(size))


def test_generated_histories_hold_every_hard_thing_there_is() -> None:
    seen: Counter[str] = Counter()
    for each in sample(1000):
        seen.update(set(classes_of(each)))
    assert set(seen) == ALL_CLASSES, f"missing: {sorted(ALL_CLASSES - set(seen))}"


def test_generated_histories_reach_every_reason_to_enter_and_to_leave() -> None:
    entered: Counter[str] = Counter()
    left: Counter[str | None] = Counter()
    held_back = 0
    for each in sample(1000):
        for statements in people(each):
            episodes = timeline(statements)
            entered.update(e.entry_reason for e in episodes)
            left.update(e.exit_reason for e in episodes)
            held_back += episodes != timeline(statements, summer_hold=False)
    assert set(entered) == set(get_args(EntryReason))
    assert set(left) == set(get_args(ExitReason))
    assert held_back > 100


def test_the_engine_agrees_day_by_day_with_the_slow_oracle_on_the_whole_sample() -> None:
    for each in sample(400):
        for statements in people(each):
            oracle = Oracle(statements)
            for summer_hold in (True, False):
                assert engine(statements, summer_hold) == oracle.episodes(summer_hold)


@settings(steady, max_examples=200)
@given(rngs)
def test_order_and_repetition_of_events_change_nothing(rng: Random) -> None:
    told = history(rng)
    assert register(rearranged(rng, told.events)) == register(told.lines)


@settings(steady, max_examples=100)
@given(rngs)
def test_events_of_strangers_in_between_change_nothing(rng: Random) -> None:
    one, other = history(rng, persons=PERSONS[:1]), history(rng, persons=PERSONS[1:2], prefix="other-")
    apart = [*register(one.lines), *register(other.lines)]
    together = register(rearranged(rng, [*one.events, *other.events]))
    assert together == sorted(apart, key=lambda person: person["identity_number"])


@settings(steady, max_examples=200)
@given(rngs)
def test_retracting_an_event_that_names_no_other_is_never_having_had_it(rng: Random) -> None:
    told = history(rng)
    targets = [e for e in told.events if "replaces" not in e and "retracts" not in e["data"]]
    assume(targets)
    target = rng.choice(targets)
    retraction = {
        "id": "takes-it-back",
        "source": target["source"],
        "type": target["type"].rsplit(".", 2)[0] + ".retracted.v1",
        "time": target["time"],
        "data": {"retracts": target["id"]},
    }
    without = [line(event) for event in told.events if event is not target]
    assert register(rearranged(rng, [*told.events, retraction])) == register(without)


@settings(steady, max_examples=200)
@given(rngs, st.booleans())
def test_episodes_of_a_person_are_in_order_and_never_overlap(rng: Random, summer_hold: bool) -> None:
    for statements in people(history(rng)):
        before = None
        for episode in timeline(statements, summer_hold=summer_hold):
            assert episode.to_day is not None
            assert episode.exit_reason is not None
            assert episode.from_day <= episode.to_day
            assert before is None or before < episode.from_day
            before = episode.to_day


@settings(steady, max_examples=100)
@given(rngs, st.booleans())
def test_the_engine_agrees_day_by_day_with_the_slow_oracle(rng: Random, summer_hold: bool) -> None:
    for statements in people(history(rng)):
        assert engine(statements, summer_hold) == Oracle(statements).episodes(summer_hold)


@settings(steady, max_examples=100)
@given(rngs, st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_a_day_cuts_the_timeline_and_changes_nothing_that_was_over(rng: Random, as_of: date) -> None:
    for statements in people(history(rng)):
        whole = timeline(statements)
        seen = cut(whole, as_of)
        assert [e.from_day for e in seen] == [e.from_day for e in whole if e.from_day <= as_of]
        for episode, full in zip(seen, whole, strict=False):
            if full.to_day is not None and full.to_day < as_of:
                assert episode == full
            else:
                assert episode == replace(full, to_day=None, exit_reason=None)


@settings(steady, max_examples=150)
@given(rngs, st.booleans(), st.dates(date(2022, 1, 1), date(2028, 6, 1)))
def test_an_explanation_says_what_the_register_says(rng: Random, summer_hold: bool, day: date) -> None:
    for statements in people(history(rng)):
        told = explain(statements, day, summer_hold=summer_hold)
        conditions = told.residence.holds and all(verdict.holds for verdict in told.criteria)
        assert told.covered == (conditions and not told.summer_hold.holds)
        here = [
            e for e in timeline(statements, summer_hold=summer_hold) if e.from_day <= day <= (e.to_day or day)
        ]
        entries = [] if told.entry is None else [told.entry]
        assert [(e.municipality, e.from_day, e.reason) for e in entries] == [
            (e.municipality, e.from_day, e.entry_reason) for e in here
        ]
        others = list(statements)
        rng.shuffle(others)
        assert explain(others, day, summer_hold=summer_hold) == told


def verdicts(statements: Sequence[Statement], day: date) -> tuple[Verdict, ...]:
    told = explain(statements, day)
    return (told.residence, *told.criteria)


@settings(steady, max_examples=150)
@given(rngs, st.dates(date(2022, 1, 1), date(2028, 6, 1)))
def test_a_verdict_has_held_since_the_day_it_says_and_not_before(rng: Random, day: date) -> None:
    for statements in people(history(rng)):
        for position, verdict in enumerate(verdicts(statements, day)):
            if verdict.since is not None:
                first = verdicts(statements, verdict.since)[position]
                assert (first.holds, first.since) == (verdict.holds, verdict.since)
                eve = verdicts(statements, verdict.since - timedelta(days=1))[position]
                moved_house = verdict.condition == "residence" and eve.text != verdict.text
                assert eve.holds != verdict.holds or moved_house
