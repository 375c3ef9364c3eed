"""A life: what is true about one person, whoever tells it.

Everything the simulator says later, by events and in the ledger, comes from here. A life is decided to the end of
the school year; what is open then stays open.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from simulator.names import Contact
from simulator.schools import School
from simulator.terms import birthday, default_compulsory_end

Kind = Literal["introductory", "upper_secondary", "equivalent", "compulsory", "other"]
#: How an enrolment came to its end. ``succeeded``: the next school or programme took over, nobody need say that
#: the old one ended.
Ending = Literal["left", "completed", "compulsory_ended", "succeeded"]

DAY = timedelta(days=1)
#: Credentials after which the responsibility is over for good (skollagen 29:9 p. 4-6).
COMPLETING = frozenset(
    {
        "diploma",
        "adapted_certificate",
        "ib_diploma",
        "adult_diploma",
        "folk_high_school_eligibility",
        "foreign_equivalent",
    }
)


def kind_of(form: str, path: str | None) -> Kind:
    """What a programme is to the municipality's responsibility."""
    if form == "GY":
        return "introductory" if (path or "").startswith("IM") else "upper_secondary"
    if form in ("GYAN", "GYS", "GYSAR", "GS"):
        return "upper_secondary"
    if form in ("VUXGY", "ABROAD"):
        return "equivalent"
    return "compulsory" if form == "GR" else "other"


@dataclass(slots=True)
class Programme:
    """What a pupil goes to from a day, at one school unit."""

    form: str
    path: str | None
    since: date

    @property
    def kind(self) -> Kind:
        return kind_of(self.form, self.path)

    def __str__(self) -> str:
        return f"{self.form} {self.path}" if self.path else self.form


@dataclass(slots=True)
class Enrolment:
    """Time at one school unit. ``last_day`` None: still there at the end of the school year."""

    school: School
    programmes: list[Programme]
    last_day: date | None = None
    ending: Ending | None = None
    reason: str | None = None
    outcome: str | None = None

    @property
    def started_on(self) -> date:
        return self.programmes[0].since

    def programme_on(self, day: date) -> Programme | None:
        """What is studied on a day; None before the start and after the last day."""
        if self.last_day is not None and day > self.last_day:
            return None
        return next((p for p in reversed(self.programmes) if p.since <= day), None)

    def end(self, last_day: date, ending: Ending, reason: str | None = None) -> None:
        self.last_day, self.ending, self.reason = last_day, ending, reason

    def goes_on(self) -> None:
        """There is no end of it (any more)."""
        self.last_day = self.ending = self.reason = self.outcome = None


@dataclass(slots=True)
class NeverBegan:
    """A place that was given and not taken up: no-show, or withdrawn before the first day."""

    school: School
    programme: Programme
    how: Literal["no_show", "withdrew"]
    #: The day on which the school knew.
    said_on: date


@dataclass(slots=True)
class Credential:
    """A diploma or certificate."""

    kind: str
    awarded_on: date
    #: The school says so (``leave.completed``), besides the national database, which may lack it.
    by_school: bool
    in_beda: bool


@dataclass(slots=True)
class Life:
    """One person. Lists are in order of date."""

    birth: date
    woman: bool
    given_name: str
    family_name: str
    #: Identity numbers, each from its day; the last is the current one.
    numbers: list[tuple[date, str]]
    #: What the population register says of where she lives; before the first day she lived elsewhere, which
    #: nobody tells. None: not resident in Sweden.
    residence: list[tuple[date, str | None]] = field(default_factory=list)
    #: The population feed knows the person; otherwise only schools do.
    in_feed: bool = True
    #: The birth date is not the one in the number; the population feed states it.
    birth_stated: bool = False
    registered_in_sweden_on: date | None = None
    deceased_on: date | None = None
    #: Last day of compulsory schooling (skolplikt).
    compulsory_over: date | None = None
    enrolments: list[Enrolment] = field(default_factory=list)
    never_began: list[NeverBegan] = field(default_factory=list)
    credentials: list[Credential] = field(default_factory=list)
    #: Level of protection from a day; none before the first.
    protection: list[tuple[date, str]] = field(default_factory=list)
    contact: Contact = field(default_factory=dict)
    #: Months (YYYY-MM) → minutes of unexcused absence by their end.
    absence: dict[str, int] = field(default_factory=dict)
    #: What happened that was told wrongly, late or twice, in words.
    told: list[str] = field(default_factory=list)

    @property
    def number(self) -> str:
        return self.numbers[-1][1]

    @property
    def twenty(self) -> date:
        return birthday(self.birth, 20)

    def ends_with(self, day: date) -> None:
        """Leaves out what comes after the day: nobody knows of it yet."""
        self.numbers = self.numbers[:1] + [known for known in self.numbers[1:] if known[0] <= day]
        self.residence = [lived for lived in self.residence if lived[0] <= day]
        self.protection = [known for known in self.protection if known[0] <= day]
        self.credentials = [credential for credential in self.credentials if credential.awarded_on <= day]
        self.never_began = [p for p in self.never_began if max(p.said_on, p.programme.since) <= day]
        self.enrolments = [enrolment for enrolment in self.enrolments if enrolment.started_on <= day]
        for enrolment in self.enrolments:
            enrolment.programmes = [programme for programme in enrolment.programmes if programme.since <= day]
            # the school that takes over begins the day after
            known = day - DAY if enrolment.ending == "succeeded" else day
            if enrolment.last_day is not None and enrolment.last_day > known:
                enrolment.goes_on()
        if self.deceased_on is not None and self.deceased_on > day:
            self.deceased_on = None
        if self.compulsory_over is not None and self.compulsory_over > day:
            self.compulsory_over = self._was_over()

    def _was_over(self) -> date | None:
        """When compulsory schooling was over of who went back to it, or left it before its end; None: goes on."""
        ended = [e.last_day for e in self.enrolments if e.ending == "compulsory_ended" and e.last_day]
        default, arrived = default_compulsory_end(self.birth), self.registered_in_sweden_on
        if arrived is not None and arrived > default:
            ended.append(arrived - DAY)
        if not ended and not any(
            e.programmes[0].form == "GR" and e.last_day is None for e in self.enrolments
        ):
            return default
        return max(ended, default=None)

    def number_on(self, day: date) -> str:
        """The identity number in use on a day; before the first one's day, the first."""
        known = [number for since, number in self.numbers if since <= day]
        return known[-1] if known else self.numbers[0][1]

    def municipality_on(self, day: date) -> str | None:
        """Where the person is resident; None before the first statement, after death and out of the country."""
        if self.deceased_on is not None and day >= self.deceased_on:
            return None
        lived = [municipality for since, municipality in self.residence if since <= day]
        return lived[-1] if lived else None

    def protection_on(self, day: date) -> str:
        levels = [level for since, level in self.protection if since <= day]
        return levels[-1] if levels else "none"

    def programmes_on(self, day: date) -> list[Programme]:
        """Every programme the person takes part in on a day."""
        return [p for e in self.enrolments if (p := e.programme_on(day)) is not None]

    def in_school_on(self, day: date) -> bool:
        """Takes part in compulsory, introductory, upper secondary or equivalent education."""
        return any(programme.kind != "other" for programme in self.programmes_on(day))

    def completed_on(self) -> date | None:
        """First day on which education is completed with a diploma or its equal; None: not."""
        return min((c.awarded_on for c in self.credentials if c.kind in COMPLETING), default=None)
