"""The chart of the figures: each ratio as a bar on a logarithmic axis, from 1, as the reference, to what it is.

All that the bars show is also said in words, beside them and in the description, so that nothing depends on colour.
"""

import math
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.stage import Figure

_WIDTH: Final = 960
_LEFT: Final = 24
_RIGHT: Final = _WIDTH - 24
_HEAD: Final = 112
_ROW: Final = 92
_FOOT: Final = 24
_BAR: Final = 16

#: Dark on light, or light on dark where the reader's system asks for it; each pair has a contrast of 4.5 or more.
_STYLE: Final = """
text { font-family: system-ui, 'DejaVu Sans', sans-serif; font-size: 15px; fill: #1b1f24; }
.title { font-size: 22px; font-weight: 600; }
.name { font-weight: 600; }
.small { font-size: 13px; fill: #4a5058; }
.ground { fill: #ffffff; }
.bar { fill: #1f6fb2; }
.line { stroke: #c3c8ce; stroke-width: 1; }
.one { stroke: #4a5058; stroke-width: 1.5; }
.goal { stroke: #1b1f24; stroke-width: 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f2f4; }
  .small { fill: #b9c0c8; }
  .ground { fill: #14171b; }
  .bar { fill: #6db3ee; }
  .line { stroke: #3a4048; }
  .one { stroke: #b9c0c8; }
  .goal { stroke: #f0f2f4; }
}
"""


def chart(figures: Sequence[Figure], measured: str) -> str:
    """An SVG document. ``measured`` says when and on what. Raises ValueError where a figure has no ratio above 0."""
    without = [figure.name for figure in figures if not (0 < figure.ratio < math.inf)]
    if without or not figures:
        raise ValueError(
            f"a chart needs figures with a ratio above 0; wrong: {', '.join(without) or 'no figures'}"
        )
    height = _HEAD + _ROW * len(figures) + _FOOT
    low, high = _decades(figures)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="title description">',
        '<title id="title">Benchmarks: ratios to their references</title>',
        f'<desc id="description">{escape(" ".join([f"{measured}.", *map(in_words, figures)]))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
        _text(_LEFT, 36, "title", "Benchmarks: ratios to their references"),
        _text(_LEFT, 60, "small", measured),
        _text(
            _LEFT,
            80,
            "small",
            "A bar runs from 1, as the reference, to the ratio; an upright mark is a goal.",
        ),
    ]
    for power in range(low, high + 1):
        anchor = "start" if power == low else "end" if power == high else "middle"
        parts.append(_text(_place(10.0**power, low, high), _HEAD - 6, "small", f"{10.0**power:g}", anchor))
    for index, figure in enumerate(figures):
        parts += _row(figure, _HEAD + _ROW * index, low, high)
    return "\n".join([*parts, "</svg>", ""])


def in_words(figure: Figure) -> str:
    """The whole figure as a sentence."""
    note = f" ({figure.note})" if figure.note else ""
    return f"{figure.name}: {_result(figure)}; {_measurement(figure)}{note}."


def _result(figure: Figure) -> str:
    return f"ratio {_number(figure.ratio)}, {figure.goal}"


def _measurement(figure: Figure) -> str:
    ours, reference = _number(figure.value), _number(figure.reference)
    return f"{ours} {figure.unit} against {reference} {figure.unit}: {figure.reference_name}"


def _row(figure: Figure, top: int, low: int, high: int) -> list[str]:
    one, end = _place(1, low, high), _place(figure.ratio, low, high)
    bar = top + 60
    parts = [
        _text(_LEFT, top + 24, "name", figure.name),
        _text(_RIGHT, top + 24, "", _result(figure), "end"),
        _text(_LEFT, top + 46, "small", _measurement(figure)),
        _text(_RIGHT, top + 46, "small", figure.note, "end"),
    ]
    parts += [
        _upright(_place(10.0**power, low, high), bar - 3, bar + _BAR + 3, "line" if power else "one")
        for power in range(low, high + 1)
    ]
    parts.append(
        f'<rect class="bar" x="{min(one, end):.1f}" y="{bar}" width="{max(abs(end - one), 1):.1f}" height="{_BAR}"/>'
    )
    goals = [goal for goal in (figure.at_least, figure.at_most) if goal is not None]
    return parts + [_upright(_place(goal, low, high), bar - 5, bar + _BAR + 5, "goal") for goal in goals]


def _decades(figures: Sequence[Figure]) -> tuple[int, int]:
    """The powers of ten between which all ratios and goals lie, and 1."""
    shown = [1.0]
    for figure in figures:
        shown += [x for x in (figure.ratio, figure.at_least, figure.at_most) if x is not None]
    low, high = math.floor(math.log10(min(shown))), math.ceil(math.log10(max(shown)))
    return low, max(high, low + 1)


def _place(ratio: float, low: int, high: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * (math.log10(ratio) - low) / (high - low)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _text(x: float, y: float, kind: str, words: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _upright(x: float, top: float, bottom: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
