"""Histories, and the model that they are compared with."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from contracts.envelope import Refused, decode, encode
from contracts.organisers import Directory, load
from servicekit.records import DeadLetter, Record
from servicekit.sorting import sort_out
from services.registry.evaluation import evaluate
from tests.faults.history import Sent, cohort_of_key, cohort_of_number, history
from tests.faults.model import fingerprint, meant
from tests.system.installation import ORGANISERS

DAY = date(2025, 6, 30)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    file = tmp_path / "organisers.yaml"
    file.write_text(json.dumps({"organisers": ORGANISERS}), encoding="utf-8")
    return load(file)


def records(sent: list[Sent]) -> list[SimpleNamespace]:
    """As they would stand on their topics, all of one partition."""
    return [
        SimpleNamespace(
            topic=one.raw.topic, partition=0, offset=offset, key=one.raw.key, value=one.raw.value,
            headers=tuple(one.raw.headers),
        )
        for offset, one in enumerate(sent)
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(directory: Directory) -> None:
    assert list(history(7, 1500, directory)) == list(history(7, 1500, directory))
    assert list(history(7, 1500, directory)) != list(history(8, 1500, directory))


def test_each_record_is_refused_for_the_reason_it_was_made_for(directory: Directory) -> None:
    found: Counter[str | None] = Counter()
    for one in history(1, 1500, directory, poison_every=300):
        raw = one.raw
        judged = sort_out(Record(raw.topic, 0, 0, 0, raw.key, raw.value, tuple(raw.headers)), directory)
        assert (judged.kind if isinstance(judged, DeadLetter) else None) == one.kind
        found[one.kind] += 1
    assert found.keys() >= {
        None, "malformed", "contract", "unknown_type", "wrong_topic", "foreign_source", "foreign_unit",
    }  # fmt: skip


def test_cohorts_have_people_and_ids_of_their_own(directory: Directory) -> None:
    numbers: dict[int, set[str]] = {}
    for one in history(2, 3000, directory, persons=120):
        cohort = cohort_of_key(one.raw.key or b"")
        if one.kind is None:
            event = decode(one.raw.value, one.raw.headers)
            assert event.id.startswith(f"{cohort}.")
            for name in ("pupil", "person"):
                if whose := getattr(event.data, name, None):
                    numbers.setdefault(cohort, set()).add(whose.identity_number)
    assert len(numbers) > 2
    assert {cohort_of_number(n): c for c, found in numbers.items() for n in found} == {c: c for c in numbers}


def test_the_model_is_what_the_pure_function_gives(directory: Directory) -> None:
    sent = list(history(3, 2500, directory))
    kinds = {fingerprint(one.raw.topic, one.raw.value, one.raw.headers): one.kind for one in sent if one.kind}
    model = meant(records(sent), kinds, DAY)
    lines = []
    for one in sent:
        try:
            lines.append(encode(decode(one.raw.value, one.raw.headers)))
        except Refused:
            continue
    # of what is refused for its sender the pure function knows nothing
    of_others = {"foreign_source", "foreign_unit", "wrong_topic"}
    strange = {one.raw.value for one in sent if one.kind in of_others}
    lines = [line for line in lines if json.loads(line)["id"] not in {_id(value) for value in strange}]
    answer = evaluate(lines, DAY, True)
    assert {p["identity_number"]: p["episodes"] for p in answer["persons"] if p["episodes"]} == model.episodes
    assert {p["identity_number"] for p in answer["persons"]} == model.persons.keys()
    conflicts = [kind for kind in model.letters.values() if kind == "identity_conflict"]
    refused = [one for one in answer["rejected"] if one["reason"] == "identity_conflict"]
    # the pure function drops absence before it looks at ids
    absence = [one for one in sent if ".absence." in one.raw.topic]
    assert 0 < len(refused) <= len(conflicts) <= len(refused) + len(absence)


def _id(value: bytes | None) -> str:
    said: str = json.loads(value or b"{}")["id"]
    return said
