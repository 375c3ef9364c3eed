"""When bad records become the rule on a topic (INV-05). Pure.

Dead letters are for the exception. An organiser whose new release sends nothing right would otherwise have a month
of enrolments diverted, record by record, with every service reporting that it runs well.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """``run`` bad records in a row, or a share above ``ratio`` among the last ``window``, pause a topic."""

    run: int = 200
    ratio: float = 0.5
    window: int = 500


@dataclass(slots=True)
class _Seen:
    last: deque[bool]
    run: int = 0
    bad: int = 0


@dataclass(slots=True)
class TopicLimits:
    """The records lately seen, topic by topic."""

    limits: Limits
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def would_exceed(self, topic: str, verdicts: Sequence[bool]) -> tuple[int, str] | None:
        """As ``exceeded``, without counting them."""
        seen = self._seen.get(topic)
        trial = {topic: replace(seen, last=seen.last.copy())} if seen else {}
        return TopicLimits(self.limits, trial).exceeded(topic, verdicts)

    def exceeded(self, topic: str, verdicts: Sequence[bool]) -> tuple[int, str] | None:
        """Counts records in order (True: bad). At the first that breaks a limit: (its index, the limit in words)."""
        seen = self._seen.setdefault(topic, _Seen(deque(maxlen=self.limits.window)))
        for index, bad in enumerate(verdicts):
            if len(seen.last) == self.limits.window:
                seen.bad -= seen.last[0]
            seen.last.append(bad)
            seen.bad += bad
            seen.run = seen.run + 1 if bad else 0
            if seen.run >= self.limits.run:
                return index, f"{seen.run} bad records in a row"
            if len(seen.last) == self.limits.window and seen.bad > self.limits.ratio * self.limits.window:
                return index, f"{seen.bad} bad records among the last {self.limits.window}"
        return None

    def forget(self, topic: str) -> None:
        """Starts anew for a topic that was resumed."""
        self._seen.pop(topic, None)
