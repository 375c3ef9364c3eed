"""The school units that the simulated people go to, as the directory of organisers lists them.

The directory tells organiser and name of a unit, not its school form; the simulator reads that from the Swedish
name (*anpassat gymnasium*, *gymnasium*, *vuxenutbildning*, *folkhögskola*, else compulsory school).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from contracts.organisers import Directory

SchoolKind = Literal["compulsory", "upper", "adapted", "adult", "folk"]

#: Where pupils of upper secondary school go: the municipality's own schools, those of other municipalities,
#: and independent ones (29 % of the pupils of the country).
_SHARES = {"own": 0.45, "other": 0.26, "independent": 0.29}


@dataclass(frozen=True, slots=True)
class School:
    """A school unit (skolenhet), and how its organiser's systems tell about it."""

    code: str
    name: str
    organiser: str
    kind: SchoolKind
    #: ``own``, ``other`` (another municipality) or ``independent``, seen from the simulated municipality.
    owner: str
    #: ``source`` of its enrolments and leaves, and of its absence reports.
    source: str
    absence_source: str
    #: Confirms its pupils every month; otherwise once a term.
    monthly: bool
    #: 0-4: how its terms lie against others'.
    shift: int


def kind_by_name(name: str) -> SchoolKind:
    """School form of a unit by its Swedish name."""
    said = name.lower()
    if "folkhögskola" in said:
        return "folk"
    if "vuxenutbildning" in said or "komvux" in said:
        return "adult"
    if "gymnasi" in said:
        return "adapted" if "anpassa" in said else "upper"
    return "compulsory"


def _systems(organiser: str, owner: str, kind: SchoolKind, turn: int) -> tuple[str, str]:
    """Sources of enrolments and of absence: large organisers have a system for each form, others one or two."""
    urn = f"urn:se:orgnr:{organiser}"
    if owner == "own":
        system = {"compulsory": "grundskola", "adult": "vuxenutbildning"}.get(kind, "gymnasium")
        return f"{urn}:{system}", f"{urn}:franvaro"
    if turn % 3 == 0:
        return urn, urn
    return (urn, f"{urn}:narvaro") if turn % 3 == 1 else (f"{urn}:elevregister", f"{urn}:elevregister")


class Schools:
    """The units by kind and owner. Raises ValueError when the directory lacks what a school year needs."""

    def __init__(self, directory: Directory, municipality: str) -> None:
        self._units: dict[tuple[SchoolKind, str], list[School]] = {}
        self.all: list[School] = []
        for turn, organiser in enumerate(directory.organisers):
            owner = "independent" if organiser.municipality is None else "other"
            if organiser.municipality == municipality:
                owner = "own"
            for code, name in organiser.units.items():
                kind = kind_by_name(name)
                source, absence_source = _systems(organiser.number, owner, kind, turn)
                school = School(
                    code=code,
                    name=name,
                    organiser=organiser.number,
                    kind=kind,
                    owner=owner,
                    source=source,
                    absence_source=absence_source,
                    monthly=int(code) % 6 != 0,
                    shift=int(code) % 5,
                )
                self.all.append(school)
                self._units.setdefault((kind, owner), []).append(school)
        if municipality not in directory.municipalities:
            raise ValueError(
                f"no organiser in the directory is part of municipality {municipality}; add it, or choose one of "
                + ", ".join(directory.municipalities)
            )
        for needed, words in (("compulsory", "compulsory school"), ("upper", "upper secondary school")):
            if not any(school.kind == needed for school in self.all):
                raise ValueError(
                    f"the directory of organisers has no {words}; expected at least one unit with such a name"
                )

    def choose(self, kind: SchoolKind, rng: Random, owners: Sequence[str], avoid: set[str]) -> School | None:
        """A unit of the kind, by the share of each owner, not one of ``avoid`` (codes); None if there is none."""
        open_to = {
            owner: units
            for owner in owners
            if (units := [u for u in self._units.get((kind, owner), ()) if u.code not in avoid])
        }
        if not open_to:
            return None
        owner = rng.choices(list(open_to), [_SHARES[owner] for owner in open_to])[0]
        return rng.choice(open_to[owner])
