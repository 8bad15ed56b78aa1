from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from shared.domain.traffic import Counted, checked_span
from shared.ports.traffic import Bar
from tests.fakes.store.state import Moment, State


class MemoryTraffic:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    def add(self, counts: Mapping[tuple[Counted, str], int]) -> None:
        minute = self._moment.now.replace(second=0, microsecond=0)
        for (counted, label), count in counts.items():
            key = (minute, counted, label)
            self._state.traffic[key] = self._state.traffic.get(key, 0) + count

    def bars(self, *, since: datetime, span_minutes: int) -> Sequence[Bar]:
        checked_span(span_minutes)
        found: Counter[tuple[datetime, Counted, str]] = Counter()
        for (minute, counted, label), count in self._state.traffic.items():
            if minute >= since:
                found[_begin_of_span(minute, span_minutes), counted, label] += count
        return [Bar(*key, count) for key, count in sorted(found.items())]

    def forget(self, *, until: datetime, limit: int) -> int:
        old = sorted(key for key in self._state.traffic if key[0] < until)[:limit]
        for key in old:
            del self._state.traffic[key]
        return len(old)


def _begin_of_span(minute: datetime, span_minutes: int) -> datetime:
    midnight = minute.replace(hour=0, minute=0, second=0, microsecond=0)
    spans = (minute - midnight) // timedelta(minutes=span_minutes)
    return midnight + spans * timedelta(minutes=span_minutes)
