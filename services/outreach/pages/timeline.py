"""What has happened with a person, as the municipality knows it: one list, the latest first."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from uuid import UUID

from contracts.organisers import Directory
from services.outreach.contacts import Contact
from services.outreach.kinds import Kind
from services.outreach.listing import Past
from services.outreach.measures import Measure
from services.outreach.pages import words
from services.outreach.pages.evidence import stated
from services.outreach.pages.ground import People
from services.outreach.persons import Noticed, Spell
from webkit.language import Language
from webkit.parts import Tone


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; texts are in the reader's language. ``change``: where it can be corrected."""

    on: date
    when: str
    sign: str
    tone: Tone
    title: str
    text: str = ""
    who: str = ""
    change: str = ""
    #: How often it was said anew: of a contact, which was over then, a correction; of a measure, which may have come
    #: to be another meanwhile, a change.
    corrected: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """In whose language, and who the people and the organisers in it are."""

    language: Language
    people: People
    organisers: Directory

    def text(self, english: str) -> str:
        """A text of ``words`` in the reader's language."""
        return self.language.text(english)


def entries(
    told: Told,
    spells: Sequence[Spell],
    contacts: Sequence[Contact],
    measures: Sequence[Measure],
    tasks: Sequence[Past],
    notices: Sequence[Noticed],
) -> Sequence[Entry]:
    """Everything in one list. Of contacts and measures every revision is given; the latest is what is shown."""
    found = [
        *_of_grounds(told, spells),
        *_of_spells(told, spells),
        *_of_contacts(told, contacts, {task.task_id: task.kind for task in tasks}),
        *_of_measures(told, measures),
        *_of_tasks(told, tasks, {contact.task_id for contact in contacts}),
        *_of_notices(told, notices),
    ]
    return sorted(found, key=lambda entry: entry.on, reverse=True)


def _of_grounds(told: Told, spells: Sequence[Spell]) -> Iterator[Entry]:
    # two times on the list may rest on the same
    grounds = dict.fromkeys(ground for spell in spells for ground in spell.grounds)
    for one in stated(list(grounds), told.language, told.organisers):
        yield Entry(one.on, told.language.day(one.on), one.sign, "plain", one.what, one.source)


def _of_spells(told: Told, spells: Sequence[Spell]) -> Iterator[Entry]:
    text, day = told.text, told.language.day
    for spell in spells:
        yield Entry(
            spell.from_day, day(spell.from_day), "school", "info", text("Came onto the list"),
            text(words.ENTRY_REASONS[spell.entry_reason]),
        )  # fmt: skip
        if spell.to_day is not None and spell.exit_reason is not None:
            yield Entry(
                spell.to_day, day(spell.to_day), "done", "plain", text("Last day on the list"),
                text(words.EXIT_REASONS[spell.exit_reason]),
            )  # fmt: skip


def _of_contacts(told: Told, contacts: Sequence[Contact], kinds: Mapping[int, Kind]) -> Iterator[Entry]:
    text = told.text
    occupation, of_task = text("Occupation"), text("Task done")
    latest = {contact.contact_id: contact for contact in contacts}
    for contact in latest.values():
        said = contact.said
        more = []
        if contact.task_id is not None and (kind := kinds.get(contact.task_id)) is not None:
            more.append(f"{of_task}: {text(words.KINDS[kind])}")
        if said.occupation is not None:
            more.append(f"{occupation}: {text(words.OCCUPATIONS[said.occupation])}")
        yield Entry(
            said.on, told.language.day(said.on), words.SIGNS[said.channel],
            "good" if said.outcome in {"reached", "informed"} else "plain",
            f"{text(words.CHANNELS[said.channel])}: {text(words.OUTCOMES[said.outcome]).lower()}",
            " · ".join(more),
            told.people.name(contact.who), f"/contacts/{contact.contact_id}", contact.revision - 1,
        )  # fmt: skip


def _of_measures(told: Told, measures: Sequence[Measure]) -> Iterator[Entry]:
    text, day = told.text, told.language.day
    revisions: defaultdict[UUID, list[Measure]] = defaultdict(list)
    for one in measures:
        revisions[one.measure_id].append(one)
    begins, ends = text("Measure begins"), text("Measure ends")
    for said in revisions.values():
        first, last = said[0], said[-1]
        ended = [after for before, after in pairwise(said) if after.end != before.end]
        planned_anew = sum(after.plan != before.plan for before, after in pairwise(said))
        kind, link = text(words.MEASURES[last.plan.kind]), f"/measures/{last.measure_id}"
        yield Entry(
            last.plan.from_day, day(last.plan.from_day), "measure", "good", f"{begins}: {kind}",
            last.plan.content, told.people.name(first.who), link,
            # an end that was taken back has no entry of its own
            changed=planned_anew if last.end else last.revision - 1,
        )  # fmt: skip
        if last.end is not None:
            yield Entry(
                last.end.to_day, day(last.end.to_day), "measure", "plain", f"{ends}: {kind}",
                text(words.END_REASONS[last.end.reason]), told.people.name(ended[-1].who), link,
                changed=len(ended) - 1,
            )  # fmt: skip


def _of_tasks(told: Told, tasks: Sequence[Past], told_of: Collection[int | None]) -> Iterator[Entry]:
    """``told_of``: the tasks that a contact was made for, whose own line says so."""
    text, day = told.text, told.language.day
    done, opened = text("Task done"), text("Task opened")
    for task in tasks:
        kind = text(words.KINDS[task.kind])
        if task.state == "done" and task.done_on is not None and task.task_id not in told_of:
            yield Entry(task.done_on, day(task.done_on), "done", "plain", f"{done}: {kind}")
        elif task.state == "open":
            yield Entry(task.opened_on, day(task.opened_on), "queue", "plain", f"{opened}: {kind}")


def _of_notices(told: Told, notices: Sequence[Noticed]) -> Iterator[Entry]:
    text, day = told.text, told.language.day
    law, back = text("Education Act 15:15; no part of the register"), text("The pupil is back at school")
    for notice in notices:
        yield Entry(
            notice.heard_on, day(notice.heard_on), "school", "warn", text("A school told of much absence"),
            f"{back}. {law}" if notice.closed else law,
        )  # fmt: skip
