"""The events that tell of notices. Pure.

``notice.registered`` is told once for each notice, as revision 1; every later change is a ``notice.updated``. Of
absence that is over before it can be told, the first already says ``closed``. An event's id is made of the notice and
its revision, so that publishing it again is the same event.
"""

from datetime import datetime
from typing import Final, cast
from uuid import UUID

from contracts.catalogue import FAMILY_OF_TYPE
from contracts.envelope import Event, encode
from contracts.own import NoticeRegistered, NoticeUpdated
from servicekit.outbox import Message
from services.notifications.notices import Decision, Fact

SOURCE: Final = "urn:kaa:notifications"


def notice_message(notice_id: UUID, revision: int, fact: Fact, decision: Decision, now: datetime) -> Message:
    """What is told of a notice: registered, closed or withdrawn, from revision 1. Raises ValueError for another."""
    if decision.status not in ("registered", "closed", "withdrawn") or decision.person_id is None:
        raise ValueError("only what the home municipality is told is published")
    model = NoticeRegistered if revision == 1 else NoticeUpdated
    data = model(
        person_id=decision.person_id,
        notice_id=notice_id,
        revision=revision,
        municipality=cast(str, decision.municipality),
        kind=fact.kind,
        school_unit=fact.school_unit,
        status=decision.status,
    )
    about = str(decision.person_id)
    event = Event(f"{notice_id}.{revision}", SOURCE, data.TYPE, now, data, subject=about)
    return Message(FAMILY_OF_TYPE[data.TYPE].topic(), about.encode(), encode(event))
