"""Contacts: attempts to reach a young person, successful or not, recorded with the task they were made for."""

from typing import Final, Literal
from uuid import uuid4

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event, encode
from contracts.own import ContactMade
from servicekit.access_log import looked
from servicekit.calendar import now, today
from servicekit.database import Connection
from servicekit.outbox import Message, append
from services.outreach import queue

SOURCE: Final = "urn:kaa:outreach"

#: As the contract of ``outreach.contact.made`` has them.
Channel = Literal["phone", "sms", "email", "letter", "home_visit", "social_media", "meeting", "other"]
Outcome = Literal["reached", "not_reached", "message_left", "declined", "informed"]

_KEEP = """
INSERT INTO contact (contact_id, task_id, municipality, revision, on_day, channel, outcome, who)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def record(
    connection: Connection, task_id: int, worker: str, outcome: Outcome, channel: Channel
) -> ContactMade:
    """Closes a task that the worker holds, records the contact made today and tells of it through the outbox.

    Call it in a transaction. Raises queue.NotHeldError.
    """
    held = await queue.hold(connection, task_id, worker)
    made = ContactMade(
        person_id=held.person_id,
        municipality=held.municipality,
        contact_id=uuid4(),
        revision=1,
        on=today(),
        channel=channel,
        outcome=outcome,
    )
    await queue.finish(connection, held, worker)
    await connection.execute(
        _KEEP, made.contact_id, task_id, made.municipality, made.revision, made.on, channel, outcome, worker
    )
    await append(connection, [message(made)])
    await looked(connection, "outreach done", person_id=held.person_id, municipality=held.municipality)
    return made


def message(made: ContactMade) -> Message:
    """The contact as it is told; its id is made of contact and revision: told again it is the same event."""
    event = Event(
        id=f"{made.contact_id}.{made.revision}",
        source=SOURCE,
        type=made.TYPE,
        time=now(),
        data=made,
        subject=str(made.person_id),
    )
    return Message(FAMILY_OF_TYPE[made.TYPE].topic(), str(made.person_id).encode(), encode(event))
