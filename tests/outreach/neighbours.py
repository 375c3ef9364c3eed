"""Two municipalities with all that outreach keeps of persons, and one who moved from the first to the second."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from contracts.municipality import Contact
from servicekit.calendar import today
from servicekit.database import Connection
from servicekit.viewers import Role, Viewer
from services.outreach import contacts, measures
from services.outreach.plans import Plan
from tests.outreach.steps import said
from tests.outreach.tellings import LADDERS, SINCE, Person, identity_number, tell

HERE, THERE = "1440", "1441"
NOWHERE: Final = "0114"


def viewer(municipality: str, *roles: Role) -> Viewer:
    """Somebody at work in the municipality, with the role outreach unless others are named."""
    return Viewer(f"idp:{municipality}", municipality, frozenset(roles or ("outreach",)))


@dataclass(slots=True)
class Side:
    """One of the two. ``marks``: what gives away its persons and what it did, wherever it stands."""

    municipality: str
    #: Of no protection; of another than protected registration; and of that.
    open: Person
    confidential: Person
    shielded: Person
    #: A pupil with a notice of absence alone.
    noticed: Person
    #: Who has moved; known to both.
    moved: Person
    contacts: list[UUID] = field(default_factory=list)
    measures: list[UUID] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)

    @property
    def persons(self) -> list[Person]:
        """Those of this municipality alone."""
        return [self.open, self.confidential, self.shielded, self.noticed]


def _phones(number: str) -> Contact:
    return Contact(address=None, email=None, phones=(number,))


def _side(municipality: str, year: int, mover: UUID) -> Side:
    one, two, three, four = (
        Person(born=date(year, 5, day), municipality=municipality) for day in range(1, 5)
    )
    return Side(municipality, one, two, three, four, Person(person_id=mover, municipality=municipality))


async def settle(connection: Connection) -> tuple[Side, Side]:
    """Makes both, as events and staff would; gives the one that was left and the one that was moved to."""
    here = _side(HERE, 2008, Person().person_id)
    there = _side(THERE, 2009, here.moved.person_id)
    for side, phone in ((here, "070-1740601"), (there, "070-1740602")):
        await _fill(connection, side, phone)
    await tell(connection, here.moved.known(1, contact=_phones("070-1740603")), here.moved.covered())
    await _work_with(connection, here, here.moved)
    await tell(
        connection,
        here.moved.no_longer(2, "moved"),
        there.moved.known(2, contact=_phones("070-1740604")),
        there.moved.covered(since=SINCE + timedelta(days=60)),
    )
    await _work_with(connection, there, there.moved)
    there.marks.add("070-1740604")
    for side in (here, there):
        rows = await connection.fetch(
            "SELECT task_id FROM task WHERE municipality = $1 ORDER BY 1", side.municipality
        )
        side.tasks = [row[0] for row in rows]
        side.marks |= {str(one) for one in (*side.contacts, *side.measures)}
        side.marks |= {str(person.person_id) for person in side.persons}
    return here, there


async def _fill(connection: Connection, side: Side, phone: str) -> None:
    family = f"Familj{side.municipality}"
    for person in side.persons:
        way = _phones(phone) if person is side.open else None
        await tell(connection, person.known(1, family_name=family, contact=way))
        side.marks.add(identity_number(person.born))
    side.marks |= {family, phone, _content(side)}
    await tell(connection, *(person.covered() for person in side.persons[:3]), side.noticed.noticed())
    for person in side.persons[:3]:
        await _work_with(connection, side, person)
    for person, protection in (
        (side.confidential, "confidential"),
        (side.shielded, "protected_registration"),
    ):
        await tell(connection, person.known(2, family_name=family, protection=protection))


def _content(side: Side) -> str:
    return f"Praktik i {side.municipality}"


async def _work_with(connection: Connection, side: Side, person: Person) -> None:
    """A contact and a measure of hers."""
    who, municipality = f"idp:{side.municipality}", side.municipality
    words = _content(side)
    plan = Plan(kind="guidance", content=words, note=words, from_day=today(), follow_up_on=(today(),))
    async with connection.transaction():
        made = await contacts.log(
            connection, LADDERS, municipality, person.person_id, who, said("not_reached")
        )
        measure_id = await measures.start(connection, LADDERS, municipality, person.person_id, who, plan)
    side.contacts.append(made.contact_id)
    side.measures.append(measure_id)
