"""The same notices whatever the order in which the events come, and however they are cut into batches."""

from collections.abc import Callable
from itertools import permutations
from random import Random

import pytest

from contracts.envelope import Event
from tests.notifications.conftest import Service, check
from tests.notifications.sayings import (
    COORDINATION,
    ELSEWHERE,
    INDEPENDENT,
    NACKA,
    PUPIL,
    STOCKHOLM,
    absence_retracted,
    absent,
    changed,
    completed,
    left,
    no_show,
    number,
    person,
    resumed,
    retracted,
    started,
)


def _corrected() -> list[Event]:
    begun, gone = started(), left()
    right = left("2024-12-06", replaces=gone.id)
    return [person(), begun, gone, right, retracted(right)]


def _never_came() -> list[Event]:
    begun = started()
    return [person(), begun, no_show(), retracted(begun)]


def _another_form() -> list[Event]:
    wrong = started(form="FHS")
    return [person(), wrong, started(replaces=wrong.id), left(), completed(by=NACKA)]


def _form_shown_late() -> list[Event]:
    return [person(), started("2024-01-08", "FHS"), changed("2024-08-19", "GY"), left(), left(by=STOCKHOLM)]


def _protected() -> list[Event]:
    gone = left()
    return [person(protection="protected_registration"), started(), gone, retracted(gone)]


def _nowhere_resident() -> list[Event]:
    return [person(municipality=None), started(), left(), started(by=NACKA)]


def _told_twice() -> list[Event]:
    first = started()
    return [person(), first, started(system=":other", recorded_at="2024-08-01T08:00:00Z"), retracted(first)]


def _two_numbers() -> list[Event]:
    return [
        person(numbers=(PUPIL, COORDINATION)),
        started(form="VUXGR", pupil=COORDINATION),
        left(),
        started(),
    ]


def _merged() -> list[Event]:
    both = PUPIL, COORDINATION
    return [
        person("alva", 2, numbers=both),
        person("noor", 2, numbers=both, merged_into="alva"),
        started(pupil=COORDINATION),
        left(),
        left("2025-01-08", pupil=COORDINATION),
    ]


def _absent_and_back() -> list[Event]:
    return [
        person(),
        absent(minutes=200, on="08"),
        absent(minutes=400, on="18"),
        resumed("2024-10-21"),
        absent(minutes=400),
    ]


def _absent_again() -> list[Event]:
    return [
        person(),
        absent(minutes=250, on="08"),
        resumed("2024-10-09"),
        absent(minutes=400),
        resumed("2024-09-30"),
    ]


def _absence_corrected() -> list[Event]:
    wrong = absent(minutes=900, on="18")
    right = absent(minutes=100, replaces=wrong.id)
    return [person(), absent(minutes=300, on="08"), wrong, right, absence_retracted(right)]


def _back_by_mistake() -> list[Event]:
    back = resumed("2024-11-01")
    return [
        person(),
        absent(by=STOCKHOLM),
        resumed("2024-11-01", by=STOCKHOLM),
        absent(),
        back,
        absence_retracted(back),
    ]


def _absent_under_two_numbers() -> list[Event]:
    both = PUPIL, COORDINATION
    return [
        person(numbers=both),
        absent(pupil=COORDINATION),
        absent(on="29"),
        resumed("2024-10-30", pupil=COORDINATION),
    ]


HISTORIES = [
    _corrected, _never_came, _another_form, _form_shown_late, _protected, _nowhere_resident, _told_twice,
    _two_numbers, _merged, _absent_and_back, _absent_again, _absence_corrected, _back_by_mistake,
    _absent_under_two_numbers,
]  # fmt: skip


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__.strip("_"))
async def test_every_order_of_a_history_gives_the_same_notices(
    service: Service, history: Callable[[], list[Event]]
) -> None:
    events = history()
    for order in permutations(events):
        transaction = service.connection.transaction()
        await transaction.start()
        await service.takes_one_by_one(*order)
        await check(service.connection, order)
        await transaction.rollback()


def random_history(rng: Random) -> list[Event]:
    """Some pupils at some units: starts, changes, leaves, absence, corrections of anything, repetitions, moves."""
    pupils = [number(serial) for serial in range(983, 987)]
    said: list[Event] = []
    for _ in range(rng.randrange(4, 16)):
        pupil, by = rng.choice(pupils), rng.choice((STOCKHOLM, NACKA, INDEPENDENT))
        form = rng.choice(("GY", "GY", "GYAN", "FHS", "GR"))
        on = f"2024-{rng.randrange(8, 12):02}-{rng.choice((5, 19)):02}"
        again = rng.choice(said).id if said and rng.random() < 0.2 else None
        match rng.randrange(12):
            case 0 | 1 | 2:
                said.append(started(on, form, by, pupil, replaces=again))
            case 3:
                said.append(changed(on, form, by, pupil, replaces=again))
            case 4 | 5:
                said.append(left(on, by, pupil, replaces=again))
            case 6:
                said.append(rng.choice((no_show, completed))(on, by, pupil))
            case 7 | 8 | 9:
                said.append(_absence(rng, by, rng.choice(pupils[:2]), again))
            case 10:
                said.append(resumed(on, by, rng.choice(pupils[:2]), replaces=again))
            case _ if said:
                said.append(rng.choice((retracted, absence_retracted))(rng.choice(said)))
    homes = ("0180", ELSEWHERE, None)
    who = rng.choice([[[p] for p in pupils], [pupils[:2], pupils[2:3]], [pupils]])
    for at, numbers in enumerate(who):
        for revision in range(1, rng.choice((2, 2, 4))):
            protection = rng.choice(("none", "none", "none", "confidential", "protected_registration"))
            said.append(person(f"p{at}", revision, rng.choice(homes), numbers=numbers, protection=protection))
    return said


def _absence(rng: Random, by: str, pupil: str, again: str | None) -> Event:
    minutes, day = rng.choice((100, 240, 240, 310, 500)), rng.choice(("04", "05", "19", "28"))
    month = rng.choice(("2024-09", "2024-10"))
    return absent(month, minutes, by, pupil, occasions=rng.choice((1, 2, 4)), on=day, replaces=again)


@pytest.mark.parametrize("seed", range(100))
async def test_random_histories_in_random_batches_give_the_notices_that_follow(
    service: Service, seed: int
) -> None:
    rng = Random(seed)
    events = random_history(rng)
    delivered = events + rng.choices(events, k=len(events) // 3)
    rng.shuffle(delivered)
    while delivered:
        size = rng.randrange(1, 8)
        await service.takes(*delivered[:size])
        del delivered[:size]
    await check(service.connection, events)
