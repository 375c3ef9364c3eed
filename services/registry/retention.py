"""Retention of the event log. Statements stay as long as the person does; confirmations, half of the log, fade."""

from datetime import datetime, timedelta
from typing import Final

from servicekit.database import Connection
from servicekit.retention import in_pages
from services.registry.statement import CONFIRMED

#: A school year and the summer after it: until then somebody may ask when a school last confirmed an enrolment.
FADES_AFTER: Final = timedelta(days=400)

# Nothing is computed of a confirmation. Its identity and digest stay: the school may send it again at any time.
_FADE = f"""
UPDATE event_log SET identity_number = NULL, on_day = NULL, school_unit = NULL, given_name = NULL, family_name = NULL
FROM (
  SELECT source, id FROM event_log
  WHERE received_at < $1 AND type = '{CONFIRMED}' AND identity_number IS NOT NULL LIMIT $2
) AS old
WHERE event_log.source = old.source AND event_log.id = old.id
"""


async def fade_confirmations(connection: Connection, at: datetime) -> int:
    """Takes from confirmations received 400 days before ``at`` whom they were about; gives how many."""
    return await in_pages(connection, _FADE, at - FADES_AFTER)
