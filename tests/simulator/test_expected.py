"""What is meant to be true of a life, by hand-made lives whose answer anybody can see."""

from datetime import date, timedelta
from random import Random

from contracts.organisers import Directory
from simulator.expected import Episode, covered, episodes
from simulator.life import Credential, Enrolment, Life, Programme
from simulator.people import people
from simulator.schools import School, Schools
from simulator.terms import SchoolYear, birthday

SCHOOL = School("10000002", "A", "2120000142", "upper", "own", "urn:se:orgnr:2120000142", "", True, 0)
TWENTY = date(2028, 3, 15)
DAY = timedelta(days=1)


def _life() -> Life:
    """Born 15 March 2008, resident all her life, out of compulsory school on 10 June 2024."""
    born = date(2008, 3, 15)
    life = Life(born, False, "Prov", "Provström", [(born, "200803159813")])
    life.residence = [(born, "0180")]
    life.compulsory_over = date(2024, 6, 10)
    life.enrolments = [
        Enrolment(SCHOOL, [Programme("GR", None, date(2021, 8, 16))], date(2024, 6, 10), "compulsory_ended")
    ]
    return life


def _at_school(life: Life, first: date, last: date | None, *, path: str = "NA") -> Enrolment:
    enrolment = Enrolment(SCHOOL, [Programme("GY", path, first)], last, "left" if last else None)
    life.enrolments.append(enrolment)
    return enrolment


def test_who_never_goes_on_is_listed_after_the_summer_until_20() -> None:
    assert episodes(_life()) == [
        Episode("0180", date(2024, 9, 1), TWENTY - DAY, "compulsory_school_only", "turned_20")
    ]


def test_who_goes_on_in_august_is_never_listed() -> None:
    life = _life()
    _at_school(life, date(2024, 8, 19), None)
    assert episodes(life) == []


def test_the_days_between_two_schools_are_an_episode() -> None:
    life = _life()
    _at_school(life, date(2024, 8, 19), date(2025, 1, 24))
    _at_school(life, date(2025, 3, 3), None, path="IMA")
    assert episodes(life) == [
        Episode(
            "0180",
            date(2025, 1, 25),
            date(2025, 3, 2),
            "left_upper_secondary",
            "started_introductory_programme",
        )
    ]


def test_who_arrives_in_july_is_not_held_to_september() -> None:
    life = _life()
    life.enrolments = []
    life.residence = [(date(2025, 7, 4), "0180")]
    life.registered_in_sweden_on, life.compulsory_over = date(2025, 7, 4), date(2025, 7, 3)
    assert episodes(life) == [Episode("0180", date(2025, 7, 4), TWENTY - DAY, "newly_arrived", "turned_20")]


def test_a_study_certificate_does_not_complete_a_diploma_does() -> None:
    life = _life()
    _at_school(life, date(2024, 8, 19), date(2025, 1, 10)).ending = "completed"
    life.credentials = [
        Credential("study_certificate", date(2025, 1, 10), True, True),
        Credential("diploma", date(2025, 4, 1), False, True),
    ]
    assert episodes(life) == [
        Episode("0180", date(2025, 1, 11), date(2025, 3, 31), "study_certificate", "completed_education")
    ]


def test_a_move_cuts_and_death_ends() -> None:
    life = _life()
    life.residence.append((date(2024, 10, 1), "0182"))
    life.deceased_on = date(2024, 12, 24)
    assert episodes(life) == [
        Episode("0180", date(2024, 9, 1), date(2024, 9, 30), "compulsory_school_only", "moved"),
        Episode("0182", date(2024, 10, 1), date(2024, 12, 23), "compulsory_school_only", "deceased"),
    ]


def test_basic_adult_education_and_folk_high_school_change_nothing() -> None:
    life = _life()
    life.enrolments += [
        Enrolment(SCHOOL, [Programme(form, None, date(2024, 10, 1))], date(2025, 3, 1), "left")
        for form in ("VUXGR", "VUXSFI", "FHS")
    ]
    assert episodes(life) == episodes(_life())


def test_who_is_born_on_29_february_turns_20_on_1_march_of_other_years() -> None:
    assert birthday(date(2008, 2, 29), 20) == date(2028, 2, 29)
    assert birthday(date(2008, 2, 29), 17) == date(2025, 3, 1)


def test_asking_on_the_days_of_change_is_asking_on_every_day(directory: Directory) -> None:
    """But for the summer: a day in an episode is a covered day, and a covered day is in an episode."""
    year = SchoolYear(2024)
    lives = people(70, "0180", Schools(directory, "0180"), year, Random(3))
    asked = 0
    for life in lives:
        found = episodes(life)
        for n in range((date(2028, 12, 31) - date(2021, 1, 1)).days):
            day = date(2021, 1, 1) + n * DAY
            listed = [e.municipality for e in found if e.first_day <= day <= e.last_day]
            if covered(life, day):
                summer = 6 <= day.month <= 8
                assert listed == [life.municipality_on(day)] or (summer and not listed)
                asked += 1
            else:
                assert not listed
    assert asked > 3_000
