"""The overview for who leads the work."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from starlette.responses import Response

from contracts.identifiers import MUNICIPALITIES
from servicekit.calendar import today
from servicekit.viewers import seen_by
from services.outreach import listing
from services.outreach.figures import Figures, counted, figures
from services.outreach.pages import words
from services.outreach.pages.ground import Leader
from webkit.charts import Chart, Series
from webkit.language import Language, _
from webkit.pages import render, spoken
from webkit.site import site_of

router = APIRouter()

_WAITS = (_("up to a week"), _("8 to 30 days"), _("31 to 90 days"), _("over 90 days"))


@router.get("/overview")
async def overview(request: Request, viewer: Leader) -> Response:
    """How the work stands today, in figures that name nobody."""
    day = today()
    async with seen_by(site_of(request).pool, viewer) as connection:
        found = await figures(connection, viewer.municipality, day)
        tasks = await listing.to_take(connection, viewer.municipality, day)
    return render(
        request, "overview.html", totals=found, tasks=tasks, charts=_charts(found, spoken(request)),
        place=MUNICIPALITIES[viewer.municipality], today=day,
    )  # fmt: skip


def _charts(found: Figures, language: Language) -> Sequence[Chart]:
    if not found.groups:
        return ()
    text = language.text
    waiting = found.waiting
    by_age = counted(waiting, lambda group: group.age)
    all_ages = counted(found.groups, lambda group: group.age)
    ages = sorted(all_ages, key=lambda age: (age is None, age))
    charts = [
        Chart(
            "stacked", "ages", text("Contacted, by age"),
            text("Of those on the list today: whom somebody has met with or heard, and who waits for it."),
            text("Age"), tuple(text("unknown") if age is None else str(age) for age in ages),
            (
                Series(text("Contacted"), tuple(all_ages[age] - by_age[age] for age in ages)),
                Series(text("Waiting"), tuple(by_age[age] for age in ages)),
            ),
        )
    ]  # fmt: skip
    if waiting:
        reasons = counted(waiting, lambda group: group.entry_reason).most_common()
        times = counted(waiting, lambda group: group.waits)
        charts += [
            Chart(
                "bars", "reasons", text("Waiting, by entry reason"),
                text("Who has not been met with or heard yet, by why she came onto the list."), text("Entry reason"),
                tuple(text(words.ENTRY_REASONS[reason]) for reason, _number in reasons),
                (Series(text("Persons"), tuple(number for _reason, number in reasons)),),
            ),
            Chart(
                "bars", "waits", text("Waiting, by time on the list"),
                text("Who has not been met with or heard yet, by the days since she came onto the list."),
                text("Time on the list"), tuple(text(wait) for wait in _WAITS),
                (Series(text("Persons"), tuple(times[place] for place in range(len(_WAITS)))),),
            ),
        ]  # fmt: skip
    return charts
