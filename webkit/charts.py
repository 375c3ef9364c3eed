"""Charts as SVG that stands in the page: bars and stacked bars.

Nothing depends on seeing them: the title and the description name what is shown, and ``macros.html`` puts the same
figures in a table behind. Lengths across are in percent and type is not scaled, so that a chart is as readable on a
phone as on a desk. Colours come from the classes of ``style.css``; there is no inline style, which the content
security policy forbids.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from webkit.language import Language

Kind = Literal["bars", "stacked"]

#: As many colours as ``style.css`` tells apart; more series than that nobody reads.
MOST_SERIES: Final = 5

_ROW: Final = 52
_LABEL: Final = 15
_BAR: Final = 18
#: Between the label and its bar.
_GAP: Final = 8


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn in one colour: a value for each category, None where there is none."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is shown; all texts are in the reader's language already.

    Raises ValueError where values and categories do not fit, a value is negative or not finite, or there are more
    than five series.
    """

    kind: Kind
    #: Begins the ids inside the SVG: another one for each chart of a page.
    id: str
    title: str
    #: What a reader should take from it, in a sentence: for those who do not see it, and for those who do.
    description: str
    #: What the categories are (heading of the table's first column), e.g. "Age".
    categories_are: str
    #: Short: what a phone has room for in one line.
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    #: Stands after each value where it is not empty, e.g. "%".
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.categories or not 0 < len(self.series) <= MOST_SERIES:
            raise ValueError(f"chart {self.id}: expected categories, and 1 to {MOST_SERIES} series")
        if self.kind == "bars" and len(self.series) > 1:
            raise ValueError(f"chart {self.id}: bars have one series; take stacked")
        for series in self.series:
            if len(series.values) != len(self.categories):
                raise ValueError(f"chart {self.id}: {series.name} has not one value for each category")
            if any(value is not None and not 0 <= value < math.inf for value in series.values):
                raise ValueError(f"chart {self.id}: {series.name} has a value below 0 or without end")


def svg(chart: Chart, language: Language) -> Markup:
    """The chart as an ``svg`` element, its values written as the language does."""
    height, parts = _bars(chart, language)
    return Markup(
        '<svg class="drawing {kind}" role="img" aria-labelledby="{id}-title {id}-text" '
        'width="100%" height="{height}">'
        '<title id="{id}-title">{title}</title><desc id="{id}-text">{description}</desc>{parts}</svg>'
    ).format(
        kind=chart.kind, id=chart.id, height=height, title=chart.title,
        description=chart.description, parts=Markup("").join(parts),
    )  # fmt: skip


def table(chart: Chart, language: Language) -> list[list[str]]:
    """The rows of the table behind: category and a value for each series, "–" where there is none."""
    return [
        [
            category,
            *(
                _with_unit(chart, series.values[index] or 0, language, series.values[index] is not None)
                for series in chart.series
            ),
        ]
        for index, category in enumerate(chart.categories)
    ]


def swatch(index: int) -> Markup:
    """The colour of a series, for the legend."""
    return Markup(
        '<svg class="swatch" aria-hidden="true" width="14" height="14">'
        '<rect class="bar s{}" width="14" height="14"/></svg>'
    ).format(index + 1)


def _bars(chart: Chart, language: Language) -> tuple[int, list[Markup]]:
    """A row for each category: its name and its sum above, the bar below, as long as the sum."""
    sums = [
        math.fsum(series.values[index] or 0 for series in chart.series)
        for index in range(len(chart.categories))
    ]
    longest = max(sums) or 1
    parts = []
    for index, (category, total) in enumerate(zip(chart.categories, sums, strict=True)):
        top = _ROW * index
        known = any(series.values[index] is not None for series in chart.series)
        parts.append(_text("0", top + _LABEL, "label", category, "start"))
        parts.append(_text("100%", top + _LABEL, "value", _with_unit(chart, total, language, known), "end"))
        y = top + _LABEL + _GAP
        parts.append(_rectangle("track", 0, y, 100))
        left = 0.0
        for place, series in enumerate(chart.series):
            wide = 100 * (series.values[index] or 0) / longest
            if wide:
                parts.append(_rectangle(f"bar s{place + 1}", left, y, wide))
            left += wide
    return _ROW * len(chart.categories), parts


def _with_unit(chart: Chart, value: float, language: Language, known: bool) -> str:
    if not known:
        return "–"
    written = language.number(value)
    if not chart.unit:
        return written
    # English alone has percent without a space
    apart = "" if (language.code, chart.unit) == ("en", "%") else "\u00a0"
    return f"{written}{apart}{chart.unit}"


def _text(x: str, y: float, kind: str, words: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, x, y, anchor, words
    )


def _rectangle(kind: str, x: float, y: float, width: float) -> Markup:
    return Markup('<rect class="{}" x="{:.2f}%" y="{}" width="{:.2f}%" height="{}"/>').format(
        kind, x, y, width, _BAR
    )
