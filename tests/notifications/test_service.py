"""What the service holds and tells after batches of events, on a real PostgreSQL."""

from datetime import UTC, date, datetime

from contracts.own import NoticeRegistered, NoticeUpdated
from servicekit.records import Outcome
from tests.notifications.conftest import Service
from tests.notifications.expected import standing_notices
from tests.notifications.sayings import (
    COORDINATION,
    ELSEWHERE,
    HOME,
    INDEPENDENT,
    PUPIL,
    STOCKHOLM,
    UNIT_OF,
    absence_retracted,
    absent,
    compulsory_ended,
    confirmed,
    left,
    number,
    person,
    person_id,
    resumed,
    retracted,
    started,
)

ALVA = person_id("alva")


async def statuses(service: Service) -> list[str]:
    """Of every notice, in order of the day it is about."""
    rows = await service.connection.fetch(
        "SELECT status FROM notice JOIN school_fact USING (source, id) ORDER BY on_day, status"
    )
    return [row[0] for row in rows]


async def test_the_home_municipality_is_told_once_of_a_pupil_who_starts_elsewhere(service: Service) -> None:
    await service.takes(person(), started())
    (told,) = await service.told()
    assert isinstance(told, NoticeRegistered)
    assert (told.person_id, told.revision, told.municipality) == (ALVA, 1, HOME)
    assert (told.kind, told.school_unit, told.status) == ("started", UNIT_OF[INDEPENDENT], "registered")


async def test_the_times_that_prove_without_delay_are_kept(service: Service) -> None:
    begun = datetime.now(UTC)
    await service.takes(person(), started("2024-08-19", recorded_at="2024-08-20T01:30:00+02:00"))
    row = await service.connection.fetchrow(
        "SELECT on_day, recorded_at, received_at, registered_at, withdrawn_at"
        " FROM notice JOIN school_fact USING (source, id)"
    )
    assert row["on_day"].isoformat() == "2024-08-19"
    assert row["recorded_at"] == datetime(2024, 8, 19, 23, 30, tzinfo=UTC)
    assert row["registered_at"] >= begun
    assert row["received_at"] <= row["registered_at"]
    assert row["withdrawn_at"] is None


async def test_nobody_is_told_of_the_home_municipality_s_own_school(service: Service) -> None:
    await service.takes(person(), started(by=STOCKHOLM), left(by=STOCKHOLM))
    assert await service.told() == []
    assert await statuses(service) == ["own", "own"]


async def test_a_notice_waits_until_the_home_municipality_is_known(service: Service) -> None:
    await service.takes(started())
    assert await statuses(service) == ["waiting"]
    await service.takes(person(municipality=None))
    assert await statuses(service) == ["waiting"]
    assert await service.told() == []
    await service.takes(person(revision=2))
    assert await statuses(service) == ["registered"]
    assert [told.municipality for told in await service.told()] == [HOME]


async def test_a_notice_stays_with_the_municipality_it_was_given_to(service: Service) -> None:
    await service.takes_one_by_one(person(), started(), person(revision=2, municipality=ELSEWHERE), left())
    assert [(told.kind, told.municipality) for told in await service.told()] == [
        ("started", HOME),
        ("left", ELSEWHERE),
    ]


async def test_an_older_state_of_the_person_that_comes_late_decides_nothing(service: Service) -> None:
    await service.takes_one_by_one(person(revision=2, municipality=ELSEWHERE), person(revision=1), started())
    assert [told.municipality for told in await service.told()] == [ELSEWHERE]


async def test_a_retraction_withdraws_the_notice(service: Service) -> None:
    event = started()
    await service.takes_one_by_one(person(), event, retracted(event))
    first, second = await service.told()
    assert isinstance(second, NoticeUpdated)
    assert second.notice_id == first.notice_id
    assert (second.revision, second.status, second.municipality) == (2, "withdrawn", HOME)
    assert await service.connection.fetchval("SELECT withdrawn_at IS NOT NULL FROM notice")


async def test_a_retraction_that_comes_first_leaves_nothing_to_tell(service: Service) -> None:
    event = started()
    await service.takes_one_by_one(person(), retracted(event), event)
    assert await service.told() == []
    assert await statuses(service) == []


async def test_only_the_same_source_takes_back(service: Service) -> None:
    event = started(id="7")
    await service.takes(person(), event, started(id="8", system=":other", replaces="7", form="FHS"))
    assert await statuses(service) == ["registered"]


async def test_naming_is_final(service: Service) -> None:
    event = started()
    taken_back = retracted(event)
    await service.takes_one_by_one(person(), event, taken_back, retracted(taken_back))
    assert await statuses(service) == ["withdrawn"]


async def test_a_replacement_withdraws_one_notice_and_gives_another(service: Service) -> None:
    wrong = left("2024-11-29")
    await service.takes(person(), wrong)
    await service.takes(left("2024-12-06", replaces=wrong.id))
    told = await service.read_by_others()
    assert sorted(notice.status for notice in told.values()) == ["registered", "withdrawn"]
    assert {on.isoformat() for _, _, _, on in await standing_notices(service.connection)} == {"2024-12-06"}


async def test_a_start_that_comes_later_may_withdraw_a_notice_of_leaving_and_another_restore_it(
    service: Service,
) -> None:
    await service.takes_one_by_one(person(), left("2024-11-29"))
    assert await statuses(service) == ["registered"]
    await service.takes(started("2024-01-08", "FHS"))
    assert await statuses(service) == ["withdrawn"]
    await service.takes(person(revision=2, municipality=ELSEWHERE), started("2024-08-19", "GY"))
    told = [notice for notice in await service.told() if notice.kind == "left"]
    assert [(notice.revision, notice.status, notice.municipality) for notice in told] == [
        (1, "registered", HOME),
        (2, "withdrawn", HOME),
        (3, "registered", HOME),
    ]
    assert len({notice.notice_id for notice in told}) == 1


async def test_protected_registration_waits_for_the_registrar_and_nothing_is_told(service: Service) -> None:
    await service.takes(started(), person(protection="protected_registration"), left())
    assert await service.told() == []
    assert await statuses(service) == ["routing", "routing"]
    assert await service.connection.fetchval("SELECT count(municipality) FROM notice") == 0
    await service.takes(person(revision=2, municipality=ELSEWHERE))
    assert [told.municipality for told in await service.told()] == [ELSEWHERE, ELSEWHERE]


async def test_what_was_told_before_the_protection_may_still_be_taken_back(service: Service) -> None:
    event = started()
    await service.takes_one_by_one(person(), event, person(revision=2, protection="protected_registration"))
    assert [told.status for told in await service.told()] == ["registered"]
    await service.takes(retracted(event), left())
    assert [told.status for told in await service.told()] == ["registered", "withdrawn"]
    assert await statuses(service) == ["withdrawn", "routing"]


async def test_whatever_is_delivered_again_has_no_effect(service: Service) -> None:
    event = started()
    history = [person(), event, left(), retracted(event), person(revision=2), absent(), confirmed()]
    assert set(await service.takes(*history)) == {Outcome.APPLIED}
    held = await service.connection.fetch("SELECT * FROM notice ORDER BY source, id")
    told = await service.told()
    assert set(await service.takes(*reversed(history))) == {Outcome.DUPLICATE}
    assert await service.connection.fetch("SELECT * FROM notice ORDER BY source, id") == held
    assert await service.told() == told


async def test_the_same_id_with_other_content_is_a_conflict_and_the_first_stands(service: Service) -> None:
    first, other = started(id="7"), started("2024-08-26", id="7")
    assert await service.takes(person(), first, other) == [Outcome.APPLIED, Outcome.APPLIED, Outcome.CONFLICT]
    assert len(await service.told()) == 1


async def test_the_same_fact_under_another_id_is_told_once_until_the_first_is_taken_back(
    service: Service,
) -> None:
    first, again = started(), started(system=":other")
    await service.takes_one_by_one(person(), first, again)
    assert len(await service.told()) == 1
    await service.takes(retracted(first))
    assert await statuses(service) == ["registered", "withdrawn"]


async def test_confirmations_and_the_end_of_compulsory_school_are_kept_in_the_inbox_alone(
    service: Service,
) -> None:
    await service.takes(person(), confirmed(), compulsory_ended())
    assert await service.connection.fetchval("SELECT count(*) FROM inbox") == 3
    assert await service.connection.fetchval("SELECT count(*) FROM school_fact") == 0
    assert await service.told() == []


async def test_what_was_said_under_a_former_number_is_about_the_same_pupil(service: Service) -> None:
    await service.takes(started(form="FHS", pupil=COORDINATION), left(pupil=PUPIL))
    assert await statuses(service) == ["waiting"]
    await service.takes(person(numbers=(PUPIL, COORDINATION)))
    assert await service.told() == []
    assert await statuses(service) == []


async def test_a_number_that_two_persons_claim_is_nobody_s_until_the_registry_says_whose(
    service: Service,
) -> None:
    await service.takes(person("alva"), person("noor", numbers=(COORDINATION,), municipality=ELSEWHERE))
    # the two turn out to be one; the other word of it is on its way
    await service.takes(person("alva", 2, numbers=(PUPIL, COORDINATION)), started(pupil=COORDINATION))
    assert await statuses(service) == ["waiting"]
    await service.takes(person("noor", 2, merged_into="alva", numbers=(PUPIL, COORDINATION)))
    assert [(told.person_id, told.municipality) for told in await service.told()] == [(ALVA, HOME)]


async def test_merged_persons_keep_their_notices_under_the_one_that_stays(service: Service) -> None:
    await service.takes(
        person("alva"), person("noor", numbers=(COORDINATION,)), left(), started(pupil=COORDINATION)
    )
    await service.takes_one_by_one(
        person("noor", 2, merged_into="alva", numbers=(PUPIL, COORDINATION)),
        person("alva", 2, numbers=(PUPIL, COORDINATION)),
    )
    told = (await service.read_by_others()).values()
    assert sorted((notice.kind, notice.person_id, notice.status) for notice in told) == [
        ("left", ALVA, "registered"),
        ("started", ALVA, "registered"),
    ]


async def test_a_number_that_is_split_off_takes_its_notices_along(service: Service) -> None:
    await service.takes(person("alva", numbers=(PUPIL, COORDINATION)), left(), started(pupil=COORDINATION))
    await service.takes_one_by_one(person("alva", 2), person("noor", numbers=(COORDINATION,)))
    told = (await service.read_by_others()).values()
    assert {notice.kind: notice.person_id for notice in told} == {"left": ALVA, "started": person_id("noor")}


async def test_a_purge_forgets_facts_notices_and_numbers(service: Service) -> None:
    other = number(990)
    await service.takes(
        person("alva", numbers=(PUPIL, COORDINATION)), left(pupil=COORDINATION), absent(), resumed()
    )
    await service.takes(person("noor", numbers=(other,)), started(pupil=other))
    await service.hears_of_purge("alva")
    await service.hears_of_purge("alva")
    for table in ("school_fact", "pupil", "person_number"):
        rows = await service.connection.fetch(f"SELECT DISTINCT identity_number FROM {table}")
        assert [row[0] for row in rows] == [other], table
    assert await statuses(service) == ["registered"]
    assert await service.connection.fetchval("SELECT count(*) FROM inbox") == 6


async def test_after_a_purge_a_number_that_another_claims_is_hers(service: Service) -> None:
    await service.takes(person("alva"), person("noor", numbers=(COORDINATION, PUPIL)), started())
    assert await statuses(service) == ["waiting"]
    await service.hears_of_purge("alva")
    assert [told.person_id for told in await service.told()] == [person_id("noor")]


async def test_a_month_s_absence_is_one_notice_from_the_threshold_on_whatever_number_of_reports(
    service: Service,
) -> None:
    await service.takes(person(), absent(minutes=200, on="08"))
    assert await service.told() == []
    for day, minutes in (("15", 240), ("22", 300), ("28", 300)):
        await service.takes(absent(minutes=minutes, on=day))
    (told,) = await service.told()
    assert isinstance(told, NoticeRegistered)
    assert (told.person_id, told.municipality, told.kind, told.status) == (
        ALVA,
        HOME,
        "absence",
        "registered",
    )
    assert set(type(told).model_fields) == {
        "person_id", "notice_id", "revision", "municipality", "kind", "school_unit", "status"
    }  # fmt: skip
    assert await service.connection.fetchval(
        "SELECT on_day FROM notice JOIN school_fact USING (source, id)"
    ) == date(2024, 10, 1)


async def test_the_home_municipality_is_told_of_absence_from_its_own_school_too(service: Service) -> None:
    await service.takes(person(), started(by=STOCKHOLM), absent(by=STOCKHOLM))
    assert [(told.kind, told.municipality) for told in await service.told()] == [("absence", HOME)]


async def test_absence_is_closed_when_the_pupil_is_back_and_registered_again_when_it_grows(
    service: Service,
) -> None:
    await service.takes(person(), absent(minutes=300, on="08"))
    await service.takes(resumed("2024-10-10"))
    await service.takes(absent(minutes=300, on="15"))
    await service.takes(absent(minutes=420, on="22"))
    last = resumed("2024-10-23")
    await service.takes(last)
    await service.takes(absence_retracted(last))
    told = await service.told()
    assert [(notice.revision, notice.status) for notice in told] == [
        (1, "registered"),
        (2, "closed"),
        (3, "registered"),
        (4, "closed"),
        (5, "registered"),
    ]
    assert len({notice.notice_id for notice in told}) == 1


async def test_absence_that_is_over_before_the_pupil_is_known_is_told_once_as_closed(
    service: Service,
) -> None:
    await service.takes_one_by_one(resumed(), absent())
    assert await statuses(service) == ["waiting"]
    await service.takes(person())
    (told,) = await service.told()
    assert isinstance(told, NoticeRegistered)
    assert told.status == "closed"
    assert await service.connection.fetchval("SELECT registered_at IS NOT NULL FROM notice")


async def test_a_total_that_was_too_high_withdraws_the_notice_and_one_that_was_never_told_is_gone(
    service: Service,
) -> None:
    other = number(990)
    await service.takes(person(), absent(minutes=300, on="08"), absent(pupil=other, on="08"))
    await service.takes(absent(minutes=120, on="15"), absent(minutes=120, pupil=other, on="15"))
    assert [told.status for told in await service.told()] == ["registered", "withdrawn"]
    assert await statuses(service) == ["withdrawn"]


async def test_what_takes_absence_back_takes_back_no_start_and_the_other_way_round(service: Service) -> None:
    """INV-07: the registry reads no event of absence, so that one cannot mean there what it means here."""
    begun, away = started(), absent()
    for order in ((begun, away), (away, begun)):
        transaction = service.connection.transaction()
        await transaction.start()
        await service.takes(person(), *order)
        await service.takes(absence_retracted(begun), retracted(away))
        assert await statuses(service) == ["registered", "registered"]
        await transaction.rollback()


async def test_no_name_is_stored_with_facts_and_no_identity_number_is_told(service: Service) -> None:
    await service.takes(person(), started(), left())
    facts = await service.connection.fetch("SELECT school_fact::text FROM school_fact")
    assert not any("Alva" in row[0] or "Påhittad" in row[0] for row in facts)
    told = await service.connection.fetch("SELECT convert_from(value, 'UTF8') FROM outbox")
    assert told
    assert not any(secret in row[0] for row in told for secret in (PUPIL, "Alva", "Påhittad"))
