"""People and programs of two municipalities who ask outreach for anything, and what no answer to them may hold."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
from fastapi import FastAPI

from servicekit.calendar import today
from servicekit.database import Connection
from servicekit.viewers import Role
from services.outreach import contacts, measures
from services.outreach.plans import Plan
from services.outreach.web import app_of
from tests.outreach.neighbours import HERE, THERE, Side, settle
from tests.outreach.steps import said
from tests.outreach.tellings import LADDERS, Person, identity_number, tell
from tests.webkit.issuing import SECRET, FakeIssuer, entry
from tests.webkit.visiting import ADDRESS, Visitor
from webkit.openid import Provider
from webkit.sessions import open_session
from webkit.site import Site

_API: Final = {
    "audience": "kaa-api",
    "roles": [
        {"scope": f"kaa.{role}", "role": role, "municipality_claim": "kommun"}
        for role in ("outreach", "leader", "registrar")
    ],
}
ISSUER: Final = FakeIssuer(entry("stockholm", HERE, THERE, api=_API))
#: Who asks, in each municipality. To the worker a case of protected registration is routed at the beginning.
ROLES: Final[Mapping[str, tuple[Role, ...]]] = {
    "otto": ("outreach",),
    "lena": ("leader",),
    "regina": ("registrar",),
    "worker": ("outreach",),
    "all": ("outreach", "leader", "registrar"),
}


@dataclass(frozen=True, slots=True)
class Shielded:
    """A person with protected registration, with what gives her away."""

    person: Person
    #: Shown to nobody.
    name: str
    #: Shown to registrars, on their list.
    number: str
    #: Shown to registrars and to whom her case is routed.
    marks: frozenset[str]
    #: Ids to ask for, by what they are of.
    ids: Mapping[str, Any]


@dataclass(slots=True)
class Neighbour:
    """A municipality of the two: its rows, its protected persons, and who asks there."""

    side: Side
    shielded: list[Shielded]
    askers: list["Asker"] = field(default_factory=list)

    @property
    def code(self) -> str:
        return self.side.municipality

    @property
    def marks(self) -> set[str]:
        """What must never be seen in the other municipality."""
        own = {mark for one in self.shielded for mark in (one.name, one.number, *one.marks)}
        return self.side.marks | own


class Asker(Visitor):
    """Somebody logged in, who also has a program; as both she is ``stockholm:<name>-<code>``."""

    def __init__(self, app: FastAPI, name: str, municipality: str, session: str) -> None:
        super().__init__(app)
        self.roles, self.municipality = ROLES[name], municipality
        self.subject = f"{name}-{municipality}"
        self.who = f"stockholm:{self.subject}"
        self.browser.cookies.set("__Host-kaa_session", session, domain=urlsplit(ADDRESS).hostname or "")
        self._form_token = ""
        scope = " ".join(f"kaa.{role}" for role in self.roles)
        claims = ISSUER.claims(aud="kaa-api", sub=self.subject, scope=scope, kommun=municipality, name=None)
        self._bearer = {"Authorization": f"Bearer {ISSUER.signed(claims)}"}

    async def ask(self, method: str, path: str, given: Mapping[str, Any]) -> httpx.Response:
        """A page, a form or a request of the program, by its path."""
        if path.startswith("/api/"):
            headers = self._bearer | {"Idempotency-Key": str(uuid4())}
            if method == "GET":
                return await self.browser.get(path, params=given, headers=headers)
            return await self.browser.post(path, json=given, headers=headers)
        if method == "GET":
            return await self.browser.get(path, params=given)
        self._form_token = self._form_token or await self.csrf_token("/search")
        return await self.post(path, csrf_token=self._form_token, **given)


@dataclass(slots=True)
class Given:
    """Values for addresses and forms: by chance of these municipalities, half of whom is shielded; or fixed."""

    chance: random.Random
    sides: tuple[Neighbour, ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    #: Those that were given.
    values: set[str] = field(default_factory=set)

    @property
    def person(self) -> str:
        side = self.chance.choice(self.sides).side
        return str(self._of("person", [person.person_id for person in (*side.persons, side.moved)]))

    @property
    def task(self) -> int:
        number: int = self._of("task", self.chance.choice(self.sides).side.tasks)
        return number

    @property
    def contact(self) -> str:
        return str(self._of("contact", self.chance.choice(self.sides).side.contacts))

    @property
    def measure(self) -> str:
        return str(self._of("measure", self.chance.choice(self.sides).side.measures))

    @property
    def worker(self) -> str:
        return self.chance.choice([asker.who for one in self.sides for asker in one.askers])

    @property
    def sought(self) -> str:
        one = self.chance.choice(self.sides)
        number = identity_number(self.chance.choice(one.side.persons).born)
        return str(self._of("sought", [f"Familj{one.code}", f"Dold{one.code}", "Ver", number]))

    def address(self, path: str) -> str:
        """The path of a route with something in each of its places."""
        return re.sub(r"\{(\w+)_id\}", lambda place: str(getattr(self, place[1])), path)

    def _of(self, kind: str, known: Sequence[Any]) -> Any:
        shielded = [one.ids[kind] for side in self.sides for one in side.shielded]
        chosen = self.fixed.get(kind) or self.chance.choice(self.chance.choice([known, shielded]))
        self.values.add(str(chosen))
        return chosen


async def neighbours(admin: Connection, pool: asyncpg.Pool) -> tuple[FastAPI, tuple[Neighbour, Neighbour]]:
    """The application, and both municipalities with all that they have and who asks there."""
    provider = Provider(ISSUER.entry, SECRET, transport=ISSUER.transport())
    app = app_of(Site(ADDRESS, pool, {ISSUER.entry.name: provider}), LADDERS)
    here, there = [Neighbour(side, []) for side in await settle(admin)]
    for one in (here, there):
        one.shielded += [await _shielded(admin, one.side, month) for month in (6, 7)]
        one.side.tasks = [
            row[0] for row in await admin.fetch("SELECT task_id FROM task WHERE municipality = $1", one.code)
        ]
        for name, roles in ROLES.items():
            grants = frozenset((one.code, role) for role in roles)
            token = await open_session(pool, "stockholm", f"{name}-{one.code}", name.title(), grants)
            one.askers.append(Asker(app, name, one.code, token.value))
    return app, (here, there)


async def _shielded(admin: Connection, side: Side, month: int) -> Shielded:
    """Worked with before her registration was protected."""
    code, who = side.municipality, f"stockholm:otto-{side.municipality}"
    person = Person(born=side.open.born.replace(month=month), municipality=code)
    name, content = f"Dold{code}", f"Gömt i {code}, {month}"
    facts: dict[str, Any] = {"family_name": name, "given_name": f"Vera{code}"}
    await tell(admin, person.known(**facts), person.covered())
    plan = Plan(kind="guidance", content=content, note=content, from_day=today(), follow_up_on=(today(),))
    async with admin.transaction():
        made = await contacts.log(admin, LADDERS, code, person.person_id, who, said("not_reached"))
        measure_id = await measures.start(admin, LADDERS, code, person.person_id, who, plan)
    await tell(admin, person.known(2, protection="protected_registration", **facts))
    number = await admin.fetchval("SELECT max(task_id) FROM task WHERE person_id = $1", person.person_id)
    identity = identity_number(person.born)
    ids = {"person": person.person_id, "contact": made.contact_id, "measure": measure_id, "task": number}
    marks = {content, *(str(ids[kind]) for kind in ("person", "contact", "measure"))}
    return Shielded(person, name, identity, frozenset(marks), ids | {"sought": identity})


async def fresh(admin: Connection, one: Neighbour, holder: Asker) -> dict[str, Any]:
    """Two more persons of the municipality: one whose task somebody holds, one with a contact and a measure."""
    called, met = (Person(born=one.side.open.born.replace(month=8), municipality=one.code) for _ in range(2))
    for person in (called, met):
        await tell(admin, person.known(family_name=f"Familj{one.code}"), person.covered())
    number = await admin.fetchval(
        """UPDATE task SET leased_by = $2, leased_until = now() + interval '1 hour' WHERE person_id = $1
           RETURNING task_id""",
        called.person_id, holder.who,
    )  # fmt: skip
    one.side.tasks.append(number)
    async with admin.transaction():
        whose = LADDERS, one.code, met.person_id, holder.who
        made = await contacts.log(admin, *whose, said("not_reached", "sms"))
        measure_id = await measures.start(
            admin, *whose, Plan(kind="talks", content="Två samtal", from_day=today())
        )
    return {
        "person": called.person_id, "task": number, "contact": made.contact_id, "measure": measure_id, "sought": "Ver"
    }  # fmt: skip


async def forbidden(admin: Connection, asker: Asker, own: Neighbour, other: Neighbour) -> set[str]:
    """What no answer to somebody may hold, as cases are routed now."""
    rows = await admin.fetch(
        "SELECT person_id FROM routing WHERE municipality = $1 AND worker = $2", own.code, asker.who
    )
    hers = {row[0] for row in rows}
    found = set(other.marks)
    for one in own.shielded:
        found.add(one.name)
        if "registrar" not in asker.roles:
            found.add(one.number)
            found |= set() if one.person.person_id in hers else one.marks
    return found
