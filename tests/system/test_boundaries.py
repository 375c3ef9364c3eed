"""The boundary between organisers: who may say what, on which topic, about which school units."""

import json
from pathlib import Path
from typing import Any

from contracts.envelope import CONTENT_TYPE
from tests.system.installation import (
    FREE,
    ORGANISERS,
    TOWN,
    Installation,
    Raw,
    installed,
    left,
    numbers,
    resident,
    said,
    wire,
)
from tests.system.witness import DAY, is_one_clean_pass

#: An organiser whose units nobody has listed, and one that leaves the directory.
UNLISTED, GONE = "5599990016", "5599990032"
DIRECTORY = [
    *ORGANISERS,
    {"number": UNLISTED, "name": "Olistad AB"},
    {"number": GONE, "name": "Nedlagd AB", "units": [{"code": "14000001", "name": "Nedlagda skolan"}]},
]
FREE_UNIT, NOBODYS_UNIT = "13000001", "19999999"


def leaves(event_id: str, number: str, organiser: str, unit: str, system: str = "") -> dict[str, Any]:
    source = f"urn:se:orgnr:{organiser}{f':{system}' if system else ''}"
    return left(event_id, number, "2024-11-15", unit) | {"source": source}


def on(owner: str, event: dict[str, Any], family: str = "leave") -> Raw:
    """An event on a topic of an organiser, whoever says it."""
    return Raw(f"school.{owner}.{family}.v1", wire(event), (CONTENT_TYPE,))


async def test_an_organiser_speaks_on_its_own_topic_about_its_own_units_alone(
    kafka: str, postgres: str, tmp_path: Path
) -> None:
    """INV-06: whatever else it says is a dead letter in words, for both services that read it, and has no effect."""
    one, two, three, four, *victims = numbers(10)
    good = [
        on(TOWN, leaves("g1", one, TOWN, "10000002")),
        on(TOWN, leaves("g2", two, TOWN, "10000002", "north")),
        on(FREE, leaves("g3", three, FREE, FREE_UNIT)),
        on(UNLISTED, leaves("g4", four, UNLISTED, NOBODYS_UNIT)),
    ]
    retraction = said("x1", "school.leave.retracted", {"retracts": "g3"})
    bad = {
        ("foreign_source", "source"): [
            on(TOWN, leaves("b1", victims[0], FREE, FREE_UNIT)),
            on(TOWN, leaves("b2", victims[1], FREE, "10000002", "north")),
            on(FREE, retraction),
            on(UNLISTED, leaves("b3", victims[2], GONE, "14000001")),
        ],
        ("foreign_unit", "data.school_unit"): [
            on(TOWN, leaves("b4", victims[0], TOWN, FREE_UNIT)),
            on(FREE, leaves("b5", victims[1], FREE, "10000002")),
            on(TOWN, leaves("b6", victims[2], TOWN, NOBODYS_UNIT)),
            on(UNLISTED, leaves("b7", victims[3], UNLISTED, "10000001")),
        ],
        ("unknown_organiser", "source"): [
            on(GONE, leaves("b8", victims[4], GONE, "14000001")),
            on(
                GONE,
                said("x2", "school.leave.retracted", {"retracts": "b8"}) | {"source": f"urn:se:orgnr:{GONE}"},
            ),
        ],
        ("contract", "source"): [
            on(TOWN, leaves("b9", victims[5], TOWN, "10000002") | {"source": "urn:se:kommun:0180"}),
            on(TOWN, leaves("b10", victims[5], TOWN, "10000002") | {"source": "urn:kaa:registry"}),
        ],
    }
    async with installed(kafka, postgres, tmp_path, DIRECTORY, ("registry", "notifications")) as here:
        here.settings.organisers.write_text(json.dumps({"organisers": DIRECTORY[:-1]}), encoding="utf-8")
        await here.set_day(DAY)
        residents = [resident(f"r{number}", number) for number in (one, two, three, four, *victims)]
        await here.publish(residents)
        await here.send([*good[:2], *(raw for some in bad.values() for raw in some), *good[2:]])
        for service in ("registry", "notifications"):
            async with here.consuming(service):
                await here.settled(service)
            letters = await here.dead_letters(service)
            assert sorted((kind, field) for kind, field, _ in letters) == sorted(
                kind_and_field for kind_and_field, some in bad.items() for _ in some
            )
            assert (await here.books(service)).balance
            for _, field, detail in letters:
                assert len(detail) > 10
                assert not any(victim in f"{field} {detail}" for victim in victims)
        await is_one_clean_pass(here, [*residents, *(raw.value or b"" for raw in good)])
        assert not await here.fetch("SELECT 1 FROM event_log WHERE id ~ '^[bx]'")
        told = await here.fetch("SELECT id FROM inbox ORDER BY id", service="notifications")
        assert [row[0] for row in told] == ["g1", "g2", "g3", "g4"]


async def test_a_population_feed_speaks_for_its_own_municipality_alone(registry: Installation) -> None:
    """INV-06: what another municipality's feed says on its topic is a dead letter and moves nobody."""
    here, there = numbers(2)
    good = [resident(f"r{number}", number) for number in (here, there)]
    stranger = "urn:se:kommun:0182"
    moved = {"person": {"identity_number": here}, "to_municipality": "0182", "moved_on": "2025-01-01"}
    bad = [
        said("m1", "municipality.resident.moved", moved, source=stranger),
        said("m2", "municipality.resident.retracted", {"retracts": f"r{there}"}, source=stranger),
    ]
    await registry.publish(good)
    await registry.send([Raw("municipality.0180.population.v1", wire(event)) for event in bad])
    async with registry.consuming():
        await registry.settled("registry")
    assert [letter[:2] for letter in await registry.dead_letters()] == [("foreign_source", "source")] * 2
    await is_one_clean_pass(registry, good)
    # on its own topic it may say so: people move, and a feed says where to
    await registry.send([Raw("municipality.0182.population.v1", wire(bad[0]))])
    async with registry.consuming():
        await registry.settled("registry")
    assert (await registry.episodes())[here][-1]["municipality"] == "0182"


async def test_two_systems_of_one_organiser_may_use_one_id_and_retract_their_own_alone(
    registry: Installation,
) -> None:
    """INV-06: (source, id) is an event's identity, and the source has the system's name in it."""
    people = numbers(4)
    north = [
        leaves("1", people[0], TOWN, "10000002", "north"),
        leaves("2", people[1], TOWN, "10000002", "north"),
    ]
    south = [
        leaves("1", people[2], TOWN, "10000001", "south"),
        leaves("2", people[3], TOWN, "10000001", "south"),
    ]
    source = f"urn:se:orgnr:{TOWN}"
    taken_back = [
        # the south's second, by the south; the north's first by itself, by a correction
        said("3", "school.leave.retracted", {"retracts": "2"}, source=f"{source}:south"),
        leaves("3", people[0], TOWN, "10000002", "north") | {"replaces": "1"},
        # ids that the nameless system of the organiser, and another organiser, never used
        said("4", "school.leave.retracted", {"retracts": "1"}, source=source),
        said("5", "school.leave.retracted", {"retracts": "2"}, source=f"urn:se:orgnr:{FREE}"),
    ]
    events = [*(resident(f"r{number}", number) for number in people), *north, *south, *taken_back]
    await registry.publish(events)
    async with registry.consuming():
        await registry.settled("registry")
    books = await is_one_clean_pass(registry, events)
    assert books.total("applied") == len(events)
    rows = await registry.fetch("SELECT source, id FROM event_log WHERE taken_back AND digest IS NOT NULL")
    assert {(row[0].rpartition(":")[2], row[1]) for row in rows} == {("north", "1"), ("south", "2")}
