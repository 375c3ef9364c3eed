"""Every metric of every service, declared in one place. No label can name a person or an event."""

from collections.abc import Iterable
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
#: 1 for each of them while it is paused, so that an alert can say which and why (the limit, in words without data);
#: every process of the service says it.
TOPIC_PAUSED: Final = Gauge(
    "kaa_topic_paused", "Topic paused by the limits on bad records", ["service", "topic", "reason"]
)
#: Partitions this process holds now.
PARTITIONS: Final = Gauge("kaa_partitions_assigned", "Partitions assigned to this process", ["service"])
#: Records not applied yet on the partitions this process holds, those of paused topics too; asked of the broker.
LAG: Final = Gauge("kaa_lag_records", "Records not yet applied on held partitions", ["service"])
#: Age of the oldest of them, from the broker's time stamp; 0 when nothing waits.
LAG_SECONDS: Final = Gauge(
    "kaa_lag_seconds", "Seconds since the oldest record not yet applied was written", ["service", "family"]
)
#: Events published and acknowledged by the relay of this process.
RELAYED: Final = Counter("kaa_outbox_published", "Events published from the outbox", ["service"])
#: Rows waiting in the outbox, counted up to 100,000; every process that publishes says it, whoever has the turn.
OUTBOX_BACKLOG: Final = Gauge("kaa_outbox_backlog", "Events waiting in the outbox", ["service"])
#: Age of the first row in the outbox, 0 when it is empty.
OUTBOX_OLDEST: Final = Gauge(
    "kaa_outbox_oldest_seconds", "Seconds the first event has waited in the outbox", ["service"]
)
#: 1 in the one process whose relay holds the turn.
RELAY_ACTIVE: Final = Gauge("kaa_relay_active", "Whether this process holds the relay's turn", ["service"])
#: Times another relay took over and the broker refused this one: expected after a pause, never in peace.
RELAY_FENCED: Final = Counter("kaa_relay_fenced", "Times this relay was fenced by the broker", ["service"])
#: 1 while /health/ready says yes: database and broker answer.
READY: Final = Gauge("kaa_ready", "Whether this process is ready", ["service"])
#: The business day of the registry as a day number, to alert when it stands still.
BUSINESS_DAY: Final = Gauge(
    "kaa_registry_business_day", "Business day of the registry (days since 1970-01-01)"
)


def begin(service: str, families: Iterable[str], kinds: Iterable[str], publishes: bool) -> None:
    """Shows a service's counters at zero: one that appears with its first count has no rise that an alert could see.

    ``families``: topic families it reads; ``kinds``: classes of dead letters; ``publishes``: whether it has a relay.
    """
    RETRIES.labels(service)
    COMMITS_LOST.labels(service)
    PARTITIONS.labels(service)
    TOPICS_PAUSED.labels(service)
    classes = tuple(kinds)
    for family in families:
        APPLIED.labels(service, family)
        DUPLICATES.labels(service, family)
        for kind in classes:
            DEAD_LETTERS.labels(service, family, kind)
    if publishes:
        RELAY_ACTIVE.labels(service)
        RELAY_FENCED.labels(service)
        RELAYED.labels(service)
