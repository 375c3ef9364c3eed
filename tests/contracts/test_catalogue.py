"""The catalogue of topics: families as data, and what follows from them for a directory of organisers."""

import re

import pytest
from faststream._internal.utils.path import compile_path

from contracts.catalogue import (
    FAMILIES,
    FAMILY_OF_TYPE,
    AccessRule,
    access_rules,
    family_of,
    read_by,
    subscription,
    topics_of,
)
from contracts.events import TYPES
from contracts.organisers import Directory, Organiser

STOCKHOLM = Organiser("2120000142", "Stockholms stad", "0180", {"10000001": "Tallkottens skola"})
INDEPENDENT = Organiser("5599990016", "Kottens friskolor AB")
DIRECTORY = Directory((STOCKHOLM, INDEPENDENT))
BY_NAME = {family.name: family for family in FAMILIES}
SERVICES = ("registry", "notifications", "outreach", "reporting")
DAY = 24 * 60 * 60 * 1000


def test_every_event_type_stands_on_exactly_one_family_of_topics() -> None:
    assert FAMILY_OF_TYPE.keys() == TYPES.keys()
    assert sum(len(family.types) for family in FAMILIES) == len(TYPES)


def test_the_registry_is_no_reader_of_absence() -> None:
    assert BY_NAME["school.absence"].readers == ("notifications",)
    assert not re.match(subscription("registry"), "school.2120000142.absence.v1")
    assert not any(
        rule.principal == "registry" and "absence" in rule.name for rule in access_rules(DIRECTORY)
    )


def test_only_who_needs_persons_reads_their_identity() -> None:
    assert BY_NAME["registry.person"].readers == ("outreach", "notifications", "reporting")


@pytest.mark.parametrize(
    ("service", "families"),
    [
        ("registry", {"school.enrolment", "school.leave", "municipality.population", "national.credentials"}),
        ("notifications", {"school.enrolment", "school.leave", "school.absence", "registry.person"}),
        ("outreach", {"registry.coverage", "registry.person", "notifications.notice"}),
        ("reporting", {"registry.coverage", "registry.person", "outreach.activity"}),
    ],
)
def test_each_service_reads_what_its_work_needs(service: str, families: set[str]) -> None:
    assert {family.name for family in read_by(service)} == families


@pytest.mark.parametrize("service", SERVICES)
def test_a_subscription_takes_exactly_the_topics_of_the_families_read(service: str) -> None:
    wanted = {topic.name for topic in topics_of(DIRECTORY) if service in readers(topic.name)}
    taken = {topic.name for topic in topics_of(DIRECTORY) if re.match(subscription(service), topic.name)}
    assert taken == wanted


def readers(topic: str) -> tuple[str, ...]:
    found = family_of(topic)
    assert found
    return found[0].readers


@pytest.mark.parametrize("service", SERVICES)
def test_faststream_leaves_a_subscription_as_it_is(service: str) -> None:
    """It takes ``{10}`` in a pattern for a path parameter."""
    assert compile_path(subscription(service), replace_symbol=".*") == (None, subscription(service))


def test_a_service_that_the_catalogue_does_not_know_is_said() -> None:
    with pytest.raises(ValueError, match="no topic has payroll among its readers"):
        subscription("payroll")


def test_a_topic_leads_to_its_family_and_owner() -> None:
    assert family_of("school.2120000142.leave.v1") == (BY_NAME["school.leave"], "2120000142")
    assert family_of("municipality.0180.population.v1") == (BY_NAME["municipality.population"], "0180")
    assert family_of("national.credentials.v1") == (BY_NAME["national.credentials"], None)


@pytest.mark.parametrize(
    "topic",
    [
        "school.212000014.leave.v1",
        "school.21200001420.leave.v1",
        "school.٢١٢٠٠٠٠١٤٢.leave.v1",
        "school.2120000142.leave.v2",
        "xschool.2120000142.leave.v1",
        "school.2120000142.leave.v1.retry",
        "school.2120000142.leave.v1\n",
        "nationalxcredentials.v1",
        "__consumer_offsets",
    ],
)
def test_a_topic_that_is_not_ours_has_no_family(topic: str) -> None:
    assert family_of(topic) is None
    assert not any(re.fullmatch(subscription(service), topic) for service in SERVICES)


def test_the_topics_of_a_directory() -> None:
    topics = {topic.name: topic for topic in topics_of(DIRECTORY)}
    assert topics.keys() == {
        *(f"school.{number}.{what}.v1" for number in (STOCKHOLM.number, INDEPENDENT.number)
          for what in ("enrolment", "leave", "absence")),
        "municipality.0180.population.v1",
        "national.credentials.v1",
        "registry.person.v1",
        "registry.coverage.v1",
        "outreach.activity.v1",
        "notifications.notice.v1",
    }  # fmt: skip
    assert {topic.partitions for name, topic in topics.items() if name.startswith("school.")} == {1}
    assert topics["registry.person.v1"].partitions >= 6


def test_what_carries_addresses_is_kept_for_seven_days_and_the_rest_for_thirty() -> None:
    for family in FAMILIES:
        days = 7 if family.name == "municipality.population" else 30
        if family.config.get("cleanup.policy") != "compact":
            assert family.config["retention.ms"] == str(days * DAY)


def test_an_earlier_state_of_a_person_is_gone_within_a_day() -> None:
    config = BY_NAME["registry.person"].config
    assert config["cleanup.policy"] == "compact"
    assert int(config["segment.ms"]) + int(config["max.compaction.lag.ms"]) < DAY
    assert float(config["min.cleanable.dirty.ratio"]) <= 0.01


def test_an_organiser_may_write_its_own_topics_and_nothing_else() -> None:
    written = [rule for rule in access_rules(DIRECTORY) if rule.principal == "organiser-2120000142"]
    assert written == [AccessRule("organiser-2120000142", "write", "prefix", "school.2120000142.")]


def test_what_services_may_write_is_only_their_own() -> None:
    written = {(rule.principal, rule.name) for rule in access_rules(DIRECTORY) if rule.operation == "write"}
    assert {rule for rule in written if rule[0] in SERVICES} == {
        ("registry", "registry.person.v1"),
        ("registry", "registry.coverage.v1"),
        ("notifications", "notifications.notice.v1"),
        ("outreach", "outreach.activity.v1"),
    }
    assert ("municipality-0180", "municipality.0180.") in written
    assert ("credentials-import", "national.credentials.v1") in written


def test_a_family_names_the_topic_of_an_owner() -> None:
    assert BY_NAME["school.leave"].topic("2120000142") == "school.2120000142.leave.v1"
    assert BY_NAME["registry.person"].topic() == "registry.person.v1"
    with pytest.raises(ValueError, match="one topic for each organiser"):
        BY_NAME["school.leave"].topic()
