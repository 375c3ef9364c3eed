"""What the checker says of our own topics when a promise is broken there."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from uuid import UUID

from contracts.envelope import Event, encode
from contracts.own import PersonUpdated
from tests.faults.told import Topics
from tests.system.installation import numbers

PERSON = UUID(int=1)


def told(revision: int, town: str = "0180") -> SimpleNamespace:
    """A state of one person as it stands on the topic."""
    data = PersonUpdated(
        person_id=PERSON, revision=revision, identity_number=numbers(1)[0], former_identity_numbers=(),
        birth_date=date(2007, 1, 1), municipality=town, protection="none",
    )  # fmt: skip
    event = Event(
        f"{PERSON}.{revision}", "urn:kaa:registry", data.TYPE, datetime(2025, 1, 1, tzinfo=UTC), data,
        subject=str(PERSON),
    )  # fmt: skip
    return SimpleNamespace(
        topic="registry.person.v1", key=str(PERSON).encode(), value=encode(event), headers=()
    )


def violations(*records: SimpleNamespace) -> list[str]:
    topics = Topics()
    topics.take(records)
    topics.end()
    return topics.violations


def test_a_page_told_again_in_order_is_good() -> None:
    assert violations(told(1), told(2), told(1), told(2), told(3)) == []


def test_a_state_told_before_an_earlier_one_is_seen() -> None:
    (first, _last) = violations(told(2), told(1))
    assert "revision 1 was told for the first time after 2" in first


def test_an_older_state_told_again_after_a_newer_one_is_seen() -> None:
    (last,) = violations(told(1), told(2), told(1))
    assert "the last record has revision 1 of 2" in last


def test_one_id_told_with_two_contents_is_seen() -> None:
    assert "told with two contents" in violations(told(1), told(1, "0182"))[0]
