"""Follow-ups of measures, week by week."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from contracts.identifiers import EARLIEST, LATEST
from servicekit.calendar import today
from servicekit.viewers import seen_by
from services.outreach import measures
from services.outreach.pages import words
from services.outreach.pages.ground import Reader
from webkit.pages import render
from webkit.problems import INVALID, Problem
from webkit.site import site_of

router = APIRouter()

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)


@router.get("/follow-ups")
async def week(request: Request, viewer: Reader, week: str | None = None) -> Response:
    """The follow-ups of a week (``2026-W37``), this one unless another is asked for; in it also all that is late."""
    day = today()
    this = day - timedelta(days=day.weekday())
    monday = _monday(week) if week else this
    sunday = monday + _WEEK - _DAY
    place = viewer.municipality
    late: Sequence[measures.FollowUp] = ()
    async with seen_by(site_of(request).pool, viewer) as connection:
        # asked apart, so that however much is late the week's own are shown
        planned = await measures.follow_ups(connection, place, monday, sunday, viewer.who)
        if monday == this:
            late = await measures.follow_ups(connection, place, EARLIEST, monday - _DAY, viewer.who)
    return render(
        request, "weeks.html", monday=monday, sunday=sunday, number=monday.isocalendar().week, is_this=monday == this,
        late=late, planned=planned, most=measures.MOST_LISTED, previous=_written(monday - _WEEK),
        following=_written(monday + _WEEK), today=day, words=words,
    )  # fmt: skip


def _written(monday: date) -> str:
    year, number, _weekday = monday.isocalendar()
    return f"{year}-W{number:02}"


def _monday(week: str) -> date:
    said = re.fullmatch(r"(\d{4})-W(\d{2})", week, re.ASCII)
    if said is None:
        raise Problem(INVALID)
    try:
        monday = date.fromisocalendar(int(said[1]), int(said[2]), 1)
    except ValueError:
        raise Problem(INVALID) from None
    if not EARLIEST < monday < LATEST - _WEEK:
        raise Problem(INVALID)
    return monday
