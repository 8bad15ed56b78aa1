"""What a process notes beside its work: who showed which key, and that callbacks are being taken.

Neither is a reason to fail a request or to make it wait: what cannot be noted is told to the log, and noted next time.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from shared.bootstrap import Container
from shared.ports.clock import Clock
from shared.telemetry.callbacks import record_gap_opened
from web import errors
from web.intake import keys, presence

_KEY_EVERY = timedelta(seconds=30)
_PRESENCE_EVERY = timedelta(seconds=15)


class Notes:
    """One a process, used by all its threads."""

    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._takes_callbacks = container.settings.routes.postmark_events.enabled
        self._away = timedelta(minutes=container.settings.callbacks.away_minutes)
        self._keys = Seldom(container.clock, _KEY_EVERY)
        self._presence = Seldom(container.clock, _PRESENCE_EVERY)

    def key_shown(self, fingerprint: str, purpose: str) -> None:
        if self._keys.is_time(f"{purpose} {fingerprint}"):
            _softly(lambda: keys.used(self._store, fingerprint, purpose))

    def ingress_is_there(self) -> None:
        """Called by whoever has just found that the database answers."""
        if self._takes_callbacks and self._presence.is_time(presence.INGRESS):
            _softly(self._note_presence)

    def _note_presence(self) -> None:
        gap = presence.seen(self._store, away_from=self._away)
        if gap is not None and gap.configurations:
            record_gap_opened(
                gap.cause, configurations=gap.configurations, seconds=gap.length.total_seconds()
            )


class Seldom:
    """Says yes once in `pause` for each thing, to one of the threads that ask."""

    def __init__(self, clock: Clock, pause: timedelta) -> None:
        self._clock = clock
        self._pause = pause
        self._last: dict[str, datetime] = {}
        self._turn = Lock()

    def is_time(self, thing: str) -> bool:
        now = self._clock.now()
        with self._turn:
            last = self._last.get(thing)
            # A clock that was set back must not silence us until it has caught up.
            if last is not None and timedelta(0) <= now - last < self._pause:
                return False
            self._last[thing] = now
            return True


def _softly(note: Callable[[], None]) -> None:
    try:
        note()
    except Exception as fault:  # noqa: BLE001 - whatever it is, the request that came along is not to blame
        errors.tell(fault)
