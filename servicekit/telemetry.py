"""Every metric of every service, declared in one place. No label can name a person or an event."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

#: Records that took effect, per service and topic family.
APPLIED: Final = Counter("kaa_events_applied", "Events that took effect", ["service", "family"])
#: Records recognised as repetitions: redelivery, or a source that sent again.
DUPLICATES: Final = Counter("kaa_events_duplicate", "Events recognised as duplicates", ["service", "family"])
#: Records put aside, with their class; a rise means that somebody's release is bad.
DEAD_LETTERS: Final = Counter(
    "kaa_events_dead_letter", "Records put aside as dead letters", ["service", "family", "kind"]
)
#: Records a poll gave: near the limit all the time means that the service runs behind.
BATCH_SIZE: Final = Histogram(
    "kaa_batch_records",
    "Records a polled batch held",
    ["service"],
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000),
)
#: From the poll's return to the committed transaction.
BATCH_SECONDS: Final = Histogram(
    "kaa_batch_seconds",
    "Seconds from poll to committed transaction",
    ["service"],
    buckets=(0.005, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)
#: Attempts that failed for a passing reason (database away, deadlock) and were made again.
RETRIES: Final = Counter("kaa_batch_retries", "Batches tried again", ["service"])
#: Transactions that were committed while the commit of offsets after them failed: harmless, records come again.
COMMITS_LOST: Final = Counter("kaa_offset_commits_lost", "Offset commits that failed", ["service"])
#: Topics that are paused because bad records became the rule there; any value above 0 wants an operator.
TOPICS_PAUSED: Final = Gauge("kaa_topics_paused", "Topics paused by the limits on bad records", ["service"])
#: Partitions this process holds now.
PARTITIONS: Final = Gauge("kaa_partitions_assigned", "Partitions assigned to this process", ["service"])
#: Records behind the end of the log, over all partitions this process holds, by its own last poll.
LAG: Final = Gauge("kaa_lag_records", "Records not yet applied on held partitions", ["service"])
#: Events published and acknowledged by the relay of this process.
RELAYED: Final = Counter("kaa_outbox_published", "Events published from the outbox", ["service"])
#: Rows waiting in the outbox when the relay last looked (at most one page beyond what it took).
OUTBOX_BACKLOG: Final = Gauge("kaa_outbox_backlog", "Events waiting in the outbox", ["service"])
#: 1 in the one process whose relay holds the turn.
RELAY_ACTIVE: Final = Gauge("kaa_relay_active", "Whether this process holds the relay's turn", ["service"])
#: Times another relay took over and the broker refused this one: expected after a pause, never in peace.
RELAY_FENCED: Final = Counter("kaa_relay_fenced", "Times this relay was fenced by the broker", ["service"])
#: The business day of the registry as a day number, to alert when it stands still.
BUSINESS_DAY: Final = Gauge(
    "kaa_registry_business_day", "Business day of the registry (days since 1970-01-01)"
)
