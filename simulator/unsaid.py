"""What schools leave unsaid without the register getting it wrong.

A new installation is not told everything: most leaves from compulsory school of past years, and starts at schools
that joined later. Here is where the register comes to the same all the same.
"""

from datetime import date

from simulator.life import Enrolment, Life


def begins_in_august(life: Life, compulsory: Enrolment) -> bool:
    """Goes on to another school before September of the year in which compulsory school ends."""
    ended = compulsory.last_day
    if ended is None:
        return False
    september = date(ended.year, 9, 1)
    return any(ended < e.started_on < september and e.programmes[0].kind != "other" for e in life.enrolments)


def end_goes_without_saying(life: Life, compulsory: Enrolment) -> bool:
    """Whether the end of compulsory school need not be told.

    The register presumes 30 June of the year the person turns 16, or that it was over when the next school began
    if that was earlier; and nobody is listed between then and September who was resident all the time. A place
    not taken up tells it that there was nothing but compulsory school.
    """
    ended = compulsory.last_day
    if ended is None or compulsory.ending != "compulsory_ended":
        return False
    if sum(e.programmes[0].form == "GR" for e in life.enrolments) > 1:
        return False  # of several ends the latest holds
    early = ended.year == life.birth.year + 15 and begins_in_august(life, compulsory)
    if ended.year != life.birth.year + 16 and not early:
        return False
    summer = date(ended.year, 6, 1), date(ended.year, 9, 1)
    if any(summer[0] <= since <= summer[1] for since, _ in life.residence):
        return False
    no_show = any(p.how == "no_show" and p.programme.since.year == ended.year for p in life.never_began)
    return no_show or begins_in_august(life, compulsory)


def start_that_can_stay_untold(life: Life) -> Enrolment | None:
    """The enrolment of which the leave is enough: its school joined later, and the person moved in after it.

    Only one from upper secondary school: that is what a leave counts as that no start was told of.
    """
    if not life.in_feed:
        return None
    lived_here = life.residence[0][0]
    before = [e for e in life.enrolments if e.programmes[0].form != "GR" and e.started_on < lived_here]
    if len(before) != 1:
        return None
    (only,) = before
    if only.ending != "left" or only.last_day is None or only.last_day >= lived_here:
        return None
    if any(p.form != "GY" or p.kind != "upper_secondary" for p in only.programmes):
        return None
    schools = [e.school for e in life.enrolments] + [place.school for place in life.never_began]
    return only if schools.count(only.school) == 1 else None
