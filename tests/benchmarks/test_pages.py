"""The benchmark of the pages asks for every page there is, and recites what each sends, in a small municipality."""

import pytest

from benchmarks.pages import Size, figures, measured, routes
from benchmarks.stage import Stage
from contracts.organisers import Directory

SMALL = Size(persons=40, tasks=280, users=2, rounds=2, asked=2, pace=0.01, processes=1)


def test_the_pages_of_every_group_are_asked_for_and_what_a_search_finds() -> None:
    asked = set(routes())
    assert {
        ("GET", "/mine"),
        ("GET", "/persons/{person_id}"),
        ("GET", "/overview"),
        ("GET", "/follow-ups"),
    } <= asked
    assert {method for method, _ in asked} == {"GET", "POST"}


async def test_every_page_is_answered_and_measured_beside_its_bare_sql(
    postgres: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await measured(Stage("localhost:9", postgres, Directory(organisers=())), SMALL)
    assert set(found) == {f"{method} {path}" for method, path in routes()}
    for seconds in found.values():
        assert [len(once) for once in seconds.served] == [len(once) for once in seconds.bare] == [4, 4]
        assert min(map(min, seconds.bare)) > 0
    told = figures(found)
    assert all(figure.reference > 5 and figure.at_most == 1 for figure in told)
    assert "GET /overview" in capsys.readouterr().out
