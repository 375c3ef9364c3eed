"""The figures over the API, for who leads the work. They name nobody."""

from datetime import date
from itertools import pairwise
from operator import attrgetter
from typing import Annotated, Final, Self

from fastapi import APIRouter, Depends
from starlette.requests import Request

from contracts.own import EntryReason
from servicekit.calendar import today
from servicekit.viewers import Viewer
from services.outreach.api.once import looking
from services.outreach.api.refusals import described
from services.outreach.api.shown import Shown
from services.outreach.figures import WAITS, Figures, counted, figures
from webkit.access import require_token
from webkit.site import site_of

router: Final = APIRouter(tags=["figures"], generate_unique_id_function=attrgetter("name"))


class OfAge(Shown):
    """Those of an age in whole years, null where it is not known."""

    age: int | None
    contacted: int
    waiting: int


class OfReason(Shown):
    """Those who wait, by why they came onto the list."""

    entry_reason: EntryReason
    waiting: int


class OfTime(Shown):
    """Those who wait, by their days on the list, both included; ``to_days`` is null for the longest."""

    from_days: int
    to_days: int | None
    waiting: int


class FiguresShown(Shown):
    """A municipality on a day. Contacted is who was met with or heard since she came onto the list; others wait."""

    day: date
    on_the_list: int
    contacted: int
    in_measure: int
    #: Half of those contacted waited longer; null when nobody was.
    days_to_first_contact: float | None
    by_age: list[OfAge]
    by_entry_reason: list[OfReason]
    by_time: list[OfTime]

    @classmethod
    def of(cls, found: Figures, day: date) -> Self:
        """Counted from groups who are alike."""
        whole = counted(found.groups, lambda group: group.age)
        waiting = counted(found.waiting, lambda group: group.age)
        reasons = counted(found.waiting, lambda group: group.entry_reason)
        times = counted(found.waiting, lambda group: group.waits)
        bounds = [-1, *WAITS, None]
        return cls(
            day=day, on_the_list=found.covered, contacted=found.contacted, in_measure=found.in_measure,
            days_to_first_contact=found.days_to_first_contact,
            by_age=[
                OfAge(age=age, contacted=whole[age] - waiting[age], waiting=waiting[age])
                for age in sorted(whole, key=lambda age: (age is None, age))
            ],
            by_entry_reason=[
                OfReason(entry_reason=reason, waiting=number) for reason, number in reasons.most_common()
            ],
            by_time=[
                OfTime(from_days=before + 1, to_days=last, waiting=times[place])
                for place, (before, last) in enumerate(pairwise(bounds))
                if before is not None
            ],
        )  # fmt: skip


@router.get("/figures", summary="How the work stands", responses=described())
async def read_figures(
    request: Request, viewer: Annotated[Viewer, Depends(require_token("leader"))]
) -> FiguresShown:
    """Of those on the list today, for leaders. Protected population registration is counted nowhere. Names nobody."""
    day = today()
    async with looking(site_of(request), viewer) as connection:
        found = await figures(connection, viewer.municipality, day)
    return FiguresShown.of(found, day)
