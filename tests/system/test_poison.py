"""Poison of every class in the middle of a batch of good records."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from contracts.envelope import CONTENT_TYPE, Event, encode
from contracts.own import PersonUpdated
from servicekit.records import Outcome, Received
from services.registry.register import apply
from tests.system.installation import Installation, Raw, numbers, resident, wire
from tests.system.poison import FRAME, LEAVE, MIB, Poison, binary, every_poison, leaves, structured
from tests.system.witness import is_one_clean_pass

#: Stands in every poisoned record, and so must stand in no word about one.
VALUE = "Törnrosa"


def strange_but_good(numbers: Sequence[str]) -> list[tuple[Raw, dict[str, Any]]]:
    """Records that look odd and are events of the contract, each with the event it is."""
    plain = [leaves(f"odd-{number}", number) for number in numbers]

    def noted(event: dict[str, Any], note: str) -> Raw:
        """With a field that the contract does not know."""
        return structured(wire(event | {"data": event["data"] | {"note": note}}))

    odd = [
        noted(plain[0], "x" * (MIB - FRAME)),
        noted(plain[1], "a\0b"),
        binary(plain[2]),
        Raw(LEAVE, wire(plain[3]), ()),
        Raw(LEAVE, wire(plain[4]), (("content-type", None),)),
        Raw(LEAVE, wire(plain[5]), (CONTENT_TYPE, ("trace", b"\xff"), ("trace", None)), key=None),
    ]
    return list(zip(odd, plain, strict=True))


async def test_every_poison_becomes_a_dead_letter_and_the_good_ones_around_it_apply(
    registry: Installation,
) -> None:
    """INV-01, INV-05: each once, whole, in its class, in words without a value; redelivered, nothing changes."""
    people = numbers(60)
    residents = [resident(f"r{number}", number) for number in people]
    before = [leaves(f"l{number}", number) for number in people[:40]]
    odd = strange_but_good(people[40:46])
    after = [leaves(f"l{number}", number) for number in people[46:]]
    conflict = Poison("an id used twice", structured(wire(leaves(f"l{people[1]}", people[1], reason="work"))),
                      "identity_conflict", "id")  # fmt: skip
    poison = [*every_poison(people[0], VALUE), conflict]
    raw = [structured(wire(event)) for event in before]
    raw[10:10] = [one.raw for one in poison[:12]]
    raw += [record for record, _ in odd] + [one.raw for one in poison[12:]]
    raw += [structured(wire(event)) for event in after]
    batches: list[int] = []

    async def watched(connection: Any, received: Sequence[Received]) -> list[Outcome]:
        batches.append(len(received))
        return await apply(connection, received)

    await registry.publish(residents)
    await registry.send(raw)
    async with registry.consuming(apply=watched):
        await registry.settled("registry")

    good = [*residents, *before, *(event for _, event in odd), *after]
    account = await is_one_clean_pass(registry, good)
    assert (account.total("applied"), account.total("duplicate")) == (len(good), 0)
    # one transaction for the good ones of the topic, poison among them or not, and nothing was tried twice
    assert max(batches) >= len(raw) - len(poison)
    assert sum(batches) == len(good) + 1
    letters = await registry.fetch(
        'SELECT "offset", kind, field, detail, value, header_names, header_values FROM dead_letter ORDER BY "offset"'
    )
    expected = {raw.index(one.raw): one for one in poison}
    assert [letter["offset"] for letter in letters] == sorted(expected)
    for letter in letters:
        one = expected[letter["offset"]]
        assert (letter["kind"], letter["field"]) == (one.kind, one.field), one.what
        assert len(letter["detail"]) > 5, one.what
        assert VALUE.lower() not in f"{letter['field']} {letter['detail']}".lower(), one.what
        assert letter["value"] == one.raw.value, one.what
        assert letter["header_names"] == [name for name, _ in one.raw.headers], one.what
        assert letter["header_values"] == [value for _, value in one.raw.headers], one.what

    outbox = await registry.fetch("SELECT count(*) FROM outbox")
    again = registry.again()
    async with again.consuming():
        await again.settled("registry")
    assert (await is_one_clean_pass(registry, good)).counts == account.counts
    assert len(await registry.dead_letters()) == len(letters)
    assert await registry.fetch("SELECT count(*) FROM outbox") == outbox


def state(person_id: UUID, number: str) -> Raw:
    """A person as the registry publishes her."""
    data = PersonUpdated(
        person_id=person_id,
        revision=1,
        identity_number=number,
        former_identity_numbers=(),
        birth_date=date(int(number[:4]), int(number[4:6]), int(number[6:8])),
        protection="none",
    )
    noon = datetime(2025, 5, 1, 12, tzinfo=UTC)
    told = Event(f"{person_id}.1", "urn:kaa:registry", data.TYPE, noon, data, subject=str(person_id))
    return Raw("registry.person.v1", encode(told), key=str(person_id).encode())


async def test_a_tombstone_purges_the_person_of_its_key_and_is_a_dead_letter_without_one(
    installation: Installation,
) -> None:
    """INV-01, INV-05: on the entity topic null means purged; a key that names nobody stops nothing."""
    people = {uuid4(): number for number in numbers(6)}
    first, second, *others = people
    bad = [b"not a person", b"\xff\xfe", b""]
    await installation.send(
        [
            *(state(person_id, number) for person_id, number in people.items()),
            Raw("registry.person.v1", None, key=str(first).encode()),
            *(Raw("registry.person.v1", None, key=key) for key in bad),
            Raw("registry.person.v1", None, key=str(second).encode()),
        ]
    )
    # the state again, behind the tombstone: it brings nobody back
    await installation.send([state(first, people[first])])
    known = "SELECT person_id, purged, identity_number FROM person"
    for here in (installation, installation.again()):
        async with here.consuming("outreach"):
            await here.settled("outreach")
        assert {row[0]: (row[1], row[2]) for row in await here.fetch(known, service="outreach")} == {
            first: (True, None),
            second: (True, None),
            **{person_id: (False, people[person_id]) for person_id in others},
        }
        letters = await here.dead_letters("outreach")
        assert letters == [("malformed", "key", "expected the person_id of whom was purged")] * len(bad)
        books = await here.books("outreach")
        assert books.balance
        assert [books.total("applied"), books.total("duplicate"), books.total("dead_letter")] == [
            8,
            1,
            len(bad),
        ]
