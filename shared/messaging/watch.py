"""Ends a worker that cannot get on, so that its supervisor starts it afresh; and shows that one does get on.

A Dramatiq worker may live and do nothing: a consumer's thread that died is not started again, a consumer that fails at
every fetch tries for ever, and one that lived through a long outage keeps its identity and sits on messages it no
longer knows. What counts is therefore not that the broker answers but that this worker's own consumers get answers.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware
from dramatiq.worker import Worker

from shared.telemetry.liveness import Liveness, Progress
from shared.telemetry.metrics import record_worker_fault, record_worker_stalled

# EX_TEMPFAIL of sysexits.h. Not 0: a supervisor that restarts on failure only has to see one.
EXIT_CODE = 75
# A worker that ends itself and has no handler running needs no longer than this; what still runs then waits for Redis.
_IDLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    give_up_after_seconds: float
    stuck_after_seconds: float
    drain_seconds: float
    liveness_file: Path | None = None
    look_seconds: float = 2.0


class WorkerStalled(RuntimeError):
    """Why a worker ends itself."""


class WorkerWatch(Middleware):
    """`fetched_at`: when each queue's consumer last got an answer, in seconds of `monotonic`."""

    def __init__(
        self,
        settings: WatchSettings,
        fetched_at: Mapping[str, float],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._fetched_at = fetched_at
        self._monotonic = monotonic
        self._progress = Progress(monotonic=monotonic)
        self._liveness = Liveness(
            settings.liveness_file,
            self._progress,
            counts="messages_processed",
            stuck_after_seconds=settings.stuck_after_seconds,
        )
        self._well_at: dict[str, float] = {}
        self._looked_at = monotonic()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._gave_up = False

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        self._progress.begin(message.message_id)

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        self._progress.end(message.message_id)

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        self._progress.end(message.message_id)

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        self._looked_at = self._monotonic()
        threading.Thread(target=self._watch, args=(worker,), name="worker-watch", daemon=True).start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        self._stopping.set()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        self._ended.set()
        if self._gave_up:
            sys.exit(EXIT_CODE)

    def look(self, worker: Worker) -> None:
        """Touches the file, or raises `WorkerStalled`."""
        self._forgive_own_absence(worker)
        if not self._stopping.is_set():
            _all_threads_live(worker)
            silent_seconds = self._silent_seconds(worker)
            if silent_seconds > self._settings.give_up_after_seconds:
                raise WorkerStalled(f"the broker has not answered a fetch for {silent_seconds:.0f} s")
        try:
            self._liveness.touch()
        except OSError as error:
            # A full disk is the probe's to judge, by the file's age; mail goes out without it.
            record_worker_fault("liveness", error)

    def _watch(self, worker: Worker) -> None:
        # At once as well: whatever file an earlier process left is replaced.
        while not self._ended.is_set():
            try:
                self.look(worker)
            except WorkerStalled as stalled:
                record_worker_stalled(str(stalled))
                self._end()
                return
            self._ended.wait(self._settings.look_seconds)

    def _forgive_own_absence(self, worker: Worker) -> None:
        """A process that was itself stopped, or a machine that slept, has not been left without answers."""
        now = self._monotonic()
        if now - self._looked_at > 5 * self._settings.look_seconds:
            self._well_at.update(dict.fromkeys(worker.consumers, now))
        self._looked_at = now

    def _silent_seconds(self, worker: Worker) -> float:
        """Of the consumer that got no answer for longest."""
        now = self._monotonic()
        for queue, thread in worker.consumers.items():
            well_at = self._well_at.setdefault(queue, now)
            # Only the Redis consumer has the count.
            has_room = getattr(thread.consumer, "outstanding_message_count", 0) < thread.prefetch
            # Without room it does not ask.
            self._well_at[queue] = max(well_at, self._fetched_at.get(queue, 0.0)) if has_room else now
        return max((now - self._well_at[queue] for queue in worker.consumers), default=0.0)

    def _end(self) -> None:
        """In order if that is possible. Messages that were fetched stay Redis's, and rows stay rows."""
        self._gave_up = True
        os.kill(os.getpid(), signal.SIGTERM)
        leave_by = self._monotonic() + self._settings.drain_seconds
        idle_since = self._monotonic()
        while not self._ended.wait(min(self._settings.look_seconds, 1.0)):
            now = self._monotonic()
            idle_since = now if self._progress.running else idle_since
            if now > leave_by or now - idle_since > _IDLE_SECONDS:
                # A thread that waits to acknowledge to a broker that is gone would hold up the end for minutes.
                os._exit(EXIT_CODE)


def _all_threads_live(worker: Worker) -> None:
    for queue, thread in worker.consumers.items():
        if not thread.is_alive():
            raise WorkerStalled(f"the consumer of {queue} died")
    dead = sum(not thread.is_alive() for thread in worker.workers)
    if dead:
        raise WorkerStalled(f"{dead} of {len(worker.workers)} worker threads died")
