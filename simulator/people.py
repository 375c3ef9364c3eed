"""Who lives in the municipality, and what becomes of them apart from school: births, moves, arrivals, deaths.

People are of the six years of birth that turn 15 to 20 in the autumn of the school year.
"""

from datetime import date, timedelta
from random import Random

from contracts.identifiers import MUNICIPALITIES
from simulator import names
from simulator.expected import covered
from simulator.identity import PER_DAY, Numbers
from simulator.life import DAY, Life
from simulator.schooling import decide_schooling
from simulator.schools import Schools
from simulator.terms import SchoolYear, default_compulsory_end

#: How people come to be known, as shares of all; everybody else is resident from the start.
_BACKGROUNDS = {
    "arrives_in_the_year": 0.009,
    "arrived_before": 0.009,
    "moves_in": 0.026,
    "moved_in_newly_arrived": 0.002,
    "no_known_school": 0.004,
    "pupil_from_elsewhere": 0.024,
    "pupil_from_nowhere": 0.003,
}
#: What happens to residents in the school year, as shares of all people.
_FATES = {
    "dies": 0.0006,
    "moves_out": 0.026,
    "moves_out_and_back": 0.0015,
    "emigrates": 0.004,
    "emigrates_and_returns": 0.0015,
    "gets_another_number": 0.0006,
    "birth_date_is_not_the_number's": 0.0008,
}
_PROTECTION = {
    "confidential": 0.0035,
    "protected_registration": 0.0012,
    "assumed_identity": 0.0004,
    "confidential_from_the_year": 0.001,
    "confidential_until_the_year": 0.001,
}


def _birth_years(year: SchoolYear) -> tuple[int, int]:
    return year.start - 20, year.start - 15


def most_people(year: SchoolYear) -> int:
    """How many people there are numbers for; 3 % are kept for those who get a second one."""
    first, last = _birth_years(year)
    return int(((date(last, 12, 31) - date(first, 1, 1)).days + 1) * PER_DAY * 0.97)


def people(count: int, municipality: str, schools: Schools, year: SchoolYear, rng: Random) -> list[Life]:
    """That many lives, decided to the end of the school year. Raises ValueError when there are too few numbers."""
    if not 1 <= count <= most_people(year):
        raise ValueError(
            f"expected 1 to {most_people(year)} persons: there are no more identity numbers with"
            " serials 980-999 for six years of birth"
        )
    crowd = _Crowd(municipality, year, rng)
    backgrounds = _words(_BACKGROUNDS, count, least=1)[:count]
    backgrounds += [""] * (count - len(backgrounds))
    # those with conditions on their birth date come first, while every day still has numbers
    lives = [crowd.person(background) for background in sorted(backgrounds, reverse=True)]
    for life in lives:
        decide_schooling(life, schools, year, rng)
        crowd.moves_to_school(life)
    for life, fate in zip(crowd.drawn(), _words(_FATES, count), strict=False):
        crowd.meets(life, fate)
        _cut_short(life)
    for life, level in zip(
        rng.sample(crowd.settled, len(crowd.settled)), _words(_PROTECTION, count), strict=False
    ):
        crowd.protect(life, level)
    rng.shuffle(lives)
    return lives


def _words(shares: dict[str, float], count: int, least: int = 2) -> list[str]:
    """Each word as often as its share of ``count`` says."""
    return [word for word, share in shares.items() for _ in range(max(least, round(share * count)))]


class _Crowd:
    def __init__(self, municipality: str, year: SchoolYear, rng: Random) -> None:
        self.municipality = municipality
        self.year = year
        self._december = date(year.start, 12, 1)
        self.rng = rng
        self.numbers = Numbers(rng)
        #: Residents from the start, to whom anything may happen.
        self.settled: list[Life] = []
        self._elsewhere = [code for code in MUNICIPALITIES if code != municipality]
        near = [code for code in self._elsewhere if code[:2] == municipality[:2]]
        self._near = near or self._elsewhere

    def _day(self, first: date, last: date) -> date:
        return first + timedelta(days=self.rng.randint(0, (last - first).days))

    def _born(self, latest_year: int | None = None) -> tuple[date, bool]:
        """A birth date and a sex for which there is a number left."""
        first, last = _birth_years(self.year)
        last = min(last, latest_year or last)
        for _ in range(200):
            birth, woman = self._day(date(first, 1, 1), date(last, 12, 31)), self.rng.random() < 0.487
            if self.numbers.left(birth, woman):
                return birth, woman
        birth = date(first, 1, 1)
        while birth.year <= last:
            for woman in (True, False):
                if self.numbers.left(birth, woman):
                    return birth, woman
            birth += DAY
        raise ValueError("no identity number left; ask for fewer persons")

    def _new(self, latest_birth_year: int | None = None) -> Life:
        birth, woman = self._born(latest_birth_year)
        given, family = names.name(woman, self.rng)
        life = Life(birth, woman, given, family, [(birth, self.numbers.issue(birth, woman))])
        life.contact = names.contact(given, family, MUNICIPALITIES[self.municipality], self.rng)
        return life

    def person(self, background: str) -> Life:
        """A life with its residence; school is decided later."""
        year, rng = self.year, self.rng
        match background:
            case "arrives_in_the_year":
                life = self._new(year.start - 16)
                self._arrives(life, self._day(year.first_day + DAY, year.last_day - timedelta(days=20)))
                if rng.random() < 0.5:
                    self._had_coordination_number(life)
            case "arrived_before":
                life = self._new(year.start - 18)
                earliest = default_compulsory_end(life.birth) + DAY
                self._arrives(life, self._day(earliest, min(year.go_live, earliest + timedelta(days=900))))
                self.settled.append(life)
            case "moves_in":
                life = self._new()
                moved = self._day(year.first_day, year.last_day - timedelta(days=15))
                life.residence = [(moved, self.municipality)]
            case "moved_in_newly_arrived":
                life = self._new(year.start - 17)
                moved = self._day(year.first_day, year.last_day - timedelta(days=15))
                life.residence = [(moved, self.municipality)]
                life.registered_in_sweden_on = self._day(
                    default_compulsory_end(life.birth) + DAY, moved - DAY
                )
            case "no_known_school":
                life = self._new(year.start - 16)
                life.residence = [(life.birth, self.municipality)]
                life.compulsory_over = default_compulsory_end(life.birth)
            case "pupil_from_elsewhere":
                life = self._new()
                life.in_feed = False
                life.residence = [(life.birth, rng.choice(self._near))]
            case "pupil_from_nowhere":
                life = self._new()
                life.in_feed = False
            case _:
                life = self._new()
                self._settles(life)
                self.settled.append(life)
        return life

    def _settles(self, life: Life) -> None:
        since = life.birth
        if self.rng.random() < 0.25:
            since = self._day(life.birth, self.year.go_live - timedelta(days=30))
            if self.rng.random() < 0.2 and since <= default_compulsory_end(life.birth):
                life.registered_in_sweden_on = since
        life.residence = [(since, self.municipality)]

    def _arrives(self, life: Life, day: date) -> None:
        life.registered_in_sweden_on = day
        life.residence = [(day, self.municipality)]

    def _had_coordination_number(self, life: Life) -> None:
        coordination = self.numbers.issue(life.birth, life.woman, coordination=True)
        arrived = life.residence[0][0]
        changed = arrived + timedelta(days=self.rng.choice((0, 0, 20, 45)))
        changed = min(changed, self.year.last_day - timedelta(days=10))
        life.numbers = [(life.birth, coordination), (changed, life.number)]
        if self.rng.random() < 0.12 and self.numbers.left(life.birth, life.woman):
            life.numbers.append((changed + timedelta(days=9), self.numbers.issue(life.birth, life.woman)))

    def moves_to_school(self, life: Life) -> None:
        """A pupil from elsewhere, whom no feed here knows, moves when another school begins, which says so."""
        starts = [e.started_on for e in life.enrolments if e.programmes[0].form != "GR"]
        if not life.in_feed and life.residence and len(starts) > 1 and self.rng.random() < 0.4:
            life.residence.append((starts[-1], self.rng.choice((self.municipality, *self._near))))

    def drawn(self) -> list[Life]:
        """The settled residents in the order in which fate takes them: who is in no school moves more often.

        The first is one of these, so that in a small municipality too a death ends an episode.
        """
        lots = []
        for life in self.settled:
            outside = covered(life, self._december)
            lots.append((self.rng.random() ** (1 / 3 if outside else 1), outside, life))
        lots.sort(key=lambda lot: lot[0], reverse=True)
        first = next((life for _, outside, life in lots if outside), None)
        rest = [life for _, _, life in lots if life is not first]
        return rest if first is None else [first, *rest]

    def meets(self, life: Life, fate: str) -> None:
        """What happens to a resident in the school year."""
        year, rng = self.year, self.rng
        day = self._day(year.first_day + DAY, year.last_day - timedelta(days=90))
        later = min(day + timedelta(days=rng.randint(40, 200)), year.last_day - timedelta(days=10))
        match fate:
            case "dies":
                life.deceased_on = self._december + timedelta(days=rng.randint(1, 30))
            case "moves_out" | "moves_out_and_back":
                life.residence.append(
                    (day, rng.choice(self._near if rng.random() < 0.6 else self._elsewhere))
                )
                if fate == "moves_out_and_back":
                    life.residence.append((later, self.municipality))
            case "emigrates" | "emigrates_and_returns":
                life.residence.append((day, None))
                if fate == "emigrates_and_returns":
                    life.residence.append((later, self.municipality))
            case "gets_another_number" if self.numbers.left(life.birth, life.woman):
                life.numbers.append((day, self.numbers.issue(life.birth, life.woman)))
            case "birth_date_is_not_the_number's":
                near = life.birth + timedelta(days=rng.choice((-9, -5, 5, 9)))
                if near.year == life.birth.year:
                    life.birth, life.birth_stated = near, True

    def protect(self, life: Life, level: str) -> None:
        """A statement of protection (sekretessmarkering, skyddad folkbokföring, fingerade personuppgifter)."""
        day = self._day(self.year.first_day + timedelta(days=30), self.year.last_day - timedelta(days=60))
        if level == "confidential_from_the_year":
            life.protection = [(day, "confidential")]
        elif level == "confidential_until_the_year":
            life.protection = [(life.birth, "confidential"), (day, "none")]
        else:
            life.protection = [(life.birth, level)]


def _cut_short(life: Life) -> None:
    """Ends at death or when leaving the country what school had in store; who comes back begins at nothing."""
    left_country = next((since for since, municipality in life.residence if municipality is None), None)
    day = life.deceased_on or left_country
    if day is None:
        return
    life.never_began = [place for place in life.never_began if place.said_on < day]
    life.credentials = [credential for credential in life.credentials if credential.awarded_on < day]
    life.enrolments = [enrolment for enrolment in life.enrolments if enrolment.started_on < day]
    for enrolment in life.enrolments:
        enrolment.programmes = [p for p in enrolment.programmes if p.since < day]
        last = enrolment.last_day
        if last is not None and last < (day - DAY if enrolment.ending == "succeeded" else day):
            continue
        enrolment.goes_on()
        if left_country is not None:
            enrolment.end(day - DAY, "left", "moved")
    if life.compulsory_over is None or life.compulsory_over >= day:
        life.compulsory_over = _compulsory_over(life)


def _compulsory_over(life: Life) -> date:
    """Last day of compulsory schooling as far as the life has come: as it ended, else as the law presumes."""
    ended = [e.last_day for e in life.enrolments if e.ending == "compulsory_ended" and e.last_day is not None]
    arrived, presumed = life.registered_in_sweden_on, default_compulsory_end(life.birth)
    if not ended and arrived is not None and arrived > presumed:
        return arrived - DAY
    return max(ended, default=presumed)
