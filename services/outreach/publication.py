"""The events that tell of contacts and measures. Pure.

They carry no free text. An event's id is made of the contact or measure and its revision: told again it is the same.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event, encode
from contracts.own import ContactMade, MeasureChanged, MeasureEnded, MeasureStarted
from servicekit.outbox import Message

SOURCE: Final = "urn:kaa:outreach"

Told = ContactMade | MeasureStarted | MeasureChanged | MeasureEnded


def message(told: Told, entity: UUID, now: datetime) -> Message:
    """What is told of a contact or measure in a revision of it; ``now`` in UTC."""
    about = str(told.person_id)
    event = Event(f"{entity}.{told.revision}", SOURCE, told.TYPE, now, told, subject=about)
    return Message(FAMILY_OF_TYPE[told.TYPE].topic(), about.encode(), encode(event))
