"""Charts say in words all that they draw, and draw what they say."""

from xml.etree import ElementTree

import pytest

from tests.webkit.texts import WEBKIT
from webkit import language
from webkit.charts import Chart, Kind, Series, svg, swatch, table

_SVG = "{http://www.w3.org/2000/svg}"


def _chart(
    kind: Kind, *series: Series, categories: tuple[str, ...] = ("16", "17", "18"), unit: str = ""
) -> Chart:
    return Chart(kind, "ages", "Waiting <by> age", "The older & the later.", "Age", categories, series, unit)


_SWEDISH, _ENGLISH = language.load([WEBKIT / "locale"]).values()


def _drawn(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(
        str(svg(chart, _SWEDISH)).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )


def _of(chart: Chart, tag: str, kind: str) -> list[ElementTree.Element]:
    return [one for one in _drawn(chart).iter(f"{_SVG}{tag}") if kind in one.get("class", "").split()]


def _percent(element: ElementTree.Element, attribute: str) -> float:
    return float(element.get(attribute, "").removesuffix("%"))


_WAITING = Series("Waiting", (10, 40, 20))
_CONTACTED = Series("Contacted", (30, 0, 20))


@pytest.mark.parametrize("kind", ["bars", "stacked"])
def test_a_chart_is_an_image_named_by_its_title_and_its_description(kind: Kind) -> None:
    drawn = _drawn(_chart(kind, _WAITING))
    assert drawn.get("role") == "img"
    title, text = (drawn.find(f"{_SVG}{tag}") for tag in ("title", "desc"))
    assert title is not None
    assert text is not None
    assert (title.text, text.text) == ("Waiting <by> age", "The older & the later.")
    assert drawn.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"


@pytest.mark.parametrize("kind", ["bars", "stacked"])
def test_nothing_in_a_chart_is_styled_or_run_where_it_stands(kind: Kind) -> None:
    for element in _drawn(_chart(kind, _WAITING)).iter():
        assert element.tag not in {f"{_SVG}style", f"{_SVG}script"}
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]


def test_the_longest_bar_goes_all_the_way_and_the_others_in_proportion() -> None:
    bars = _of(_chart("bars", _WAITING), "rect", "bar")
    assert [_percent(bar, "width") for bar in bars] == [25, 100, 50]


def test_each_bar_has_its_name_and_its_value_above_it() -> None:
    chart = _chart("bars", Series("Waiting", (10, None, 0)), unit="days")
    assert [text.text for text in _of(chart, "text", "label")] == ["16", "17", "18"]
    assert [text.text for text in _of(chart, "text", "value")] == ["10\u00a0days", "–", "0\u00a0days"]
    assert len(_of(chart, "rect", "bar")) == 1


def test_the_parts_of_a_stacked_bar_stand_end_to_end_and_say_their_sum() -> None:
    chart = _chart("stacked", _WAITING, _CONTACTED)
    rows: dict[str, list[ElementTree.Element]] = {}
    for bar in _of(chart, "rect", "bar"):
        rows.setdefault(bar.get("y", ""), []).append(bar)
    first, second, third = rows.values()
    assert [(_percent(bar, "x"), _percent(bar, "width")) for bar in first] == [(0, 25), (25, 75)]
    assert [(_percent(bar, "x"), _percent(bar, "width")) for bar in second] == [(0, 100)]
    assert [bar.get("class") for bar in third] == ["bar s1", "bar s2"]
    assert [text.text for text in _of(chart, "text", "value")] == ["40", "40", "40"]


def test_nothing_to_show_is_drawn_as_nothing() -> None:
    none = Series("Waiting", (None, None, None))
    assert _of(_chart("bars", none), "rect", "bar") == []
    assert [text.text for text in _of(_chart("bars", Series("Waiting", (0, 0, 0))), "text", "value")] == [
        "0"
    ] * 3


def test_the_table_behind_has_every_value() -> None:
    chart = _chart("stacked", _WAITING, Series("Contacted", (30, None, 20)), unit="%")
    assert table(chart, _SWEDISH) == [
        ["16", "10\u00a0%", "30\u00a0%"], ["17", "40\u00a0%", "–"], ["18", "20\u00a0%", "20\u00a0%"]
    ]  # fmt: skip


def test_the_legend_shows_the_colour() -> None:
    assert 'class="bar s2"' in swatch(1)


@pytest.mark.parametrize(
    ("kind", "series", "words"),
    [
        ("bars", (), "1 to 5 series"),
        ("stacked", tuple(Series(str(n), (1, 1, 1)) for n in range(6)), "1 to 5 series"),
        ("bars", (_WAITING, _CONTACTED), "bars have one series"),
        ("stacked", (Series("Short", (1, 2)),), "Short has not one value for each category"),
        ("bars", (Series("Below", (1, -1, 2)),), "Below has a value below 0"),
        ("bars", (Series("Endless", (1, float("inf"), 2)),), "or without end"),
        ("bars", (Series("None", (1, float("nan"), 2)),), "or without end"),
    ],
)
def test_what_cannot_be_drawn_is_refused(kind: Kind, series: tuple[Series, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _chart(kind, *series)


def test_percent_stand_as_the_language_writes_them() -> None:
    chart = _chart("bars", Series("Share", (10.5, 40, 20)), unit="%")
    assert [row[1] for row in table(chart, _SWEDISH)] == ["10,5\u00a0%", "40\u00a0%", "20\u00a0%"]
    assert [row[1] for row in table(chart, _ENGLISH)] == ["10.5%", "40%", "20%"]
