"""The chart of the benchmarks says all that was measured, in words too."""

from xml.etree import ElementTree

import pytest

from benchmarks.chart import chart, in_words
from benchmarks.stage import Figure

_SVG = "{http://www.w3.org/2000/svg}"
_MEASURED = "2026-11-22, 2 cores, load average 1.5 at the start"
_FASTER = Figure("registry", 3_693, "one message & one commit", 100, "events/s", at_least=20)
_DEARER = Figure("an event among many", 412, "an event among <few>", 400, "µs", at_least=0.85, at_most=1.15)
_SLOWER = Figure("relay", 8_795, "bare producer", 14_396, "events/s", note="no goal was set")
_FIGURES = [_FASTER, _DEARER, _SLOWER]


def _elements(figures: list[Figure], kind: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(chart(figures, _MEASURED)).iter(f"{_SVG}{kind}"))


def _words(figures: list[Figure]) -> str:
    return " | ".join(element.text or "" for element in _elements(figures, "text"))


def _bars(figures: list[Figure]) -> list[ElementTree.Element]:
    return [element for element in _elements(figures, "rect") if element.get("class") == "bar"]


def _goals(figures: list[Figure]) -> list[float]:
    return [float(line.get("x1", "")) for line in _elements(figures, "line") if line.get("class") == "goal"]


def test_the_chart_has_a_title_and_a_description_that_holds_every_figure_in_words() -> None:
    (title,), (description,) = _elements(_FIGURES, "title"), _elements(_FIGURES, "desc")
    assert title.text
    assert description.text == " ".join([f"{_MEASURED}.", *(in_words(figure) for figure in _FIGURES)])


def test_the_words_of_a_figure_hold_value_reference_ratio_goal_and_note() -> None:
    assert in_words(_FASTER) == (
        "registry: ratio 36.9, goal at least 20: met; "
        "3,693 events/s against 100 events/s: one message & one commit."
    )
    assert in_words(_SLOWER).endswith(": bare producer (no goal was set).")


@pytest.mark.parametrize(
    "value",
    [
        "36.9", "3,693 events/s", "100 events/s", "one message & one commit", "at least 20",
        "1.03", "412 µs", "400 µs", "an event among <few>", "at least 0.85 and at most 1.15",
        "0.611", "8,795 events/s", "14,396 events/s", "no goal was set", _MEASURED,
    ],
)  # fmt: skip
def test_no_value_is_only_in_the_bars(value: str) -> None:
    assert value in _words(_FIGURES)


def test_each_figure_has_one_bar_and_each_bound_of_a_goal_one_mark() -> None:
    assert len(_bars(_FIGURES)) == 3
    assert len(_goals(_FIGURES)) == 3


def test_a_goal_that_is_met_lies_within_the_bar_and_one_that_is_missed_beyond_its_end() -> None:
    met, missed = (Figure("x", value, "y", 1, "s", at_least=20) for value in (40, 10))
    for figure, within in ((met, True), (missed, False)):
        (bar,), (goal,) = _bars([figure]), _goals([figure])
        end = float(bar.get("x", "")) + float(bar.get("width", ""))
        assert (goal <= end) is within


def test_a_ratio_below_one_is_drawn_to_the_left_of_one_as_long_as_its_inverse_to_the_right() -> None:
    below, above = _bars([Figure("x", 1, "y", 4, "s"), Figure("x", 4, "y", 1, "s")])
    assert float(below.get("x", "")) + float(below.get("width", "")) == pytest.approx(
        float(above.get("x", "")), abs=0.2
    )
    assert below.get("width") == above.get("width")


@pytest.mark.parametrize(
    ("figure", "goal"),
    [
        (Figure("x", 19, "y", 1, "s", at_least=20), "goal at least 20: missed"),
        (Figure("x", 20, "y", 1, "s", at_least=20), "goal at least 20: met"),
        (Figure("x", 290, "allowed", 300, "MiB", at_most=1), "goal at most 1: met"),
        (Figure("x", 310, "allowed", 300, "MiB", at_most=1), "goal at most 1: missed"),
        (Figure("x", 8, "y", 10, "s", at_least=0.85, at_most=1.15), "goal at least 0.85 and at most 1.15: missed"),
        (Figure("x", 8, "y", 10, "s"), "no goal"),
    ],
)  # fmt: skip
def test_a_goal_says_its_bounds_and_whether_the_ratio_is_within_them(figure: Figure, goal: str) -> None:
    assert figure.goal == goal


def test_a_figure_that_measured_nothing_is_named_instead_of_drawn() -> None:
    with pytest.raises(ValueError, match="wrong: relay"):
        chart([_FASTER, Figure("relay", 0, "bare producer", 14_396, "events/s")], _MEASURED)
