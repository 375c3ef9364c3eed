"""The parts that stand in a page many times, in each row of a list: as macros they took most of a page's time.

Templates find them beside the macros: ``ui.cell(…)``, ``ui.row_head(…)``, ``ui.badge(…)``, ``ui.button(…)``,
``ui.act(…)``. A text that is no markup already is escaped.
"""

from functools import cache
from pathlib import Path
from typing import Final, Literal

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

#: What a part says by its colour, besides its text.
Tone = Literal["plain", "info", "good", "warn", "bad"]

_ICONS: Final = Path(__file__).parent / "static" / "icons"


@cache
def icon(name: str) -> Markup:
    """An icon to stand beside a text; it says nothing of its own. Raises OSError when there is none of that name."""
    drawn = (_ICONS / f"{name}.svg").read_text()
    inner = drawn.partition(">")[2].rpartition("</svg>")[0]
    return Markup(f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{inner}</svg>')


def badge(text: str, tone: Tone = "plain", sign: str | None = None) -> Markup:
    """A state in a word or two; ``sign`` is an icon before it."""
    return Markup(f'<span class="badge {escape(tone)}">{icon(sign) if sign else ""}{escape(text)}</span>')


def row_head(content: str) -> Markup:
    """The cell that names a table's row."""
    return Markup(f'<th scope="row" role="rowheader">{escape(content)}</th>')


def cell(column: str, content: object, kind: str = "") -> Markup:
    """Another cell, with its column's heading. ``kind``: ``number``, or ``acts`` for a last one with buttons."""
    of_kind = f' class="{escape(kind)}"' if kind else ""
    return Markup(
        f'<td role="cell" data-column="{escape(column)}"{of_kind}><span>{escape(content)}</span></td>'
    )


def button(
    text: str, tone: str = "", sign: str | None = None, about: str = "", name: str = "", value: str = ""
) -> Markup:
    """A form's button: ``primary``, ``bad`` (takes away), ``plain``. ``about`` says what it is for where several have
    the same text; it is read out and not shown."""
    of_tone = f' class="{escape(tone)}"' if tone else ""
    sent = f' name="{escape(name)}" value="{escape(value)}"' if name else ""
    of_what = f'<span class="unseen"> {escape(about)}</span>' if about else ""
    return Markup(f"<button{of_tone}{sent}>{icon(sign) if sign else ''}{escape(text)}{of_what}</button>")


@pass_context
def token(context: Context) -> Markup:
    """The field with the token that every form which POSTs needs; nothing where there is no session."""
    value = context["csrf_token"]
    return Markup(f'<input type="hidden" name="csrf_token" value="{escape(value)}">' if value else "")


@pass_context
def act(
    context: Context, action: str, text: str, tone: str = "", sign: str | None = None, about: str = ""
) -> Markup:
    """A form of one button: claims, releases, takes the next."""
    shown = button(text, tone, sign, about)
    return Markup(f'<form method="post" action="{escape(action)}" class="act">{token(context)}{shown}</form>')
