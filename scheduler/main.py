"""The scheduler's process: `python -m scheduler.main`. Any number may run; one leads, the others wait for its end."""

import math
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from apscheduler.events import EVENT_JOB_ERROR
from apscheduler.schedulers.background import BackgroundScheduler

from scheduler.jobs import SchedulerDeps
from scheduler.timetable import timetable
from shared import config
from shared.bootstrap import Container, build, observe
from shared.config.settings import Scheduler
from shared.domain.errors import EmailModuleError
from shared.ports.leadership import Leadership
from shared.telemetry.errors import report_fault
from shared.telemetry.liveness import Liveness, Progress
from shared.telemetry.metrics import record_leadership, record_scheduler_fault
from shared.telemetry.metrics_server import Address, serve_scheduler

# A leader that looks after its lead this often too late has lost it: another leads after so many looks.
SILENCE_IN_LOOKS = 5


class Ticker:
    """Runs the timetable's jobs while this process leads; all of them at once when it begins to.

    Whether it leads is asked again before each tick: whoever was stopped for a while does not know what it missed.
    Each look after the leadership touches the liveness file, unless a job hangs.
    """

    def __init__(
        self,
        leadership: Leadership,
        deps: SchedulerDeps,
        settings: Scheduler,
        *,
        liveness_file: Path | None = None,
        stuck_after_seconds: float = math.inf,
    ) -> None:
        self._leadership = leadership
        self._deps = deps
        self._entries = timetable(settings)
        self._leader_seconds = settings.leader_seconds
        self._leads = False
        self._asking = threading.Lock()
        self._progress = Progress()
        self._liveness = Liveness(
            liveness_file, self._progress, counts="jobs_run", stuck_after_seconds=stuck_after_seconds
        )

    def look_after_leadership(self) -> None:
        silence_seconds = SILENCE_IN_LOOKS * self._leader_seconds
        if self._begins(lambda: self._leadership.hold(silence_seconds=silence_seconds)):
            for entry in self._entries:
                self._run(entry.job)
        self._show_life()

    @property
    def leads(self) -> bool:
        """As of the last look or tick."""
        return self._leads

    def _begins(self, ask: Callable[[], bool]) -> bool:
        """Asks, and tells what changed; True when the lead has just been won."""
        with self._asking:
            led_before, self._leads = self._leads, ask()
            if self._leads != led_before:
                record_leadership(leads=self._leads)
            return self._leads and not led_before

    def schedule_on(self, scheduler: BackgroundScheduler) -> None:
        # One look for several missed ones is enough, and a slow one must not pile up.
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler.add_job(self.look_after_leadership, "interval", seconds=self._leader_seconds, **options)
        for entry in self._entries:
            scheduler.add_job(
                self._tick, "interval", seconds=entry.every_seconds, args=[entry.job], **options
            )

    def _tick(self, job: Callable[[SchedulerDeps], None]) -> None:
        if self._leads:
            self._begins(self._leadership.holds)
        if self._leads:
            self._run(job)

    def _run(self, job: Callable[[SchedulerDeps], None]) -> None:
        run = object()
        self._progress.begin(run)
        try:
            job(self._deps)
        except EmailModuleError as fault:
            # The next tick looks again; the rows have not gone anywhere, and the other jobs have work to do.
            record_scheduler_fault(job.__name__, fault)
            report_fault(fault)
        finally:
            self._progress.end(run)

    def _show_life(self) -> None:
        try:
            self._liveness.touch()
        except OSError as error:
            # The probe judges by the file's age; ticks go on without it.
            record_scheduler_fault("liveness", error)


def main() -> None:
    settings = config.read()
    observe(settings, "scheduler")
    container = build(settings, "scheduler")
    deps = SchedulerDeps(
        store=container.store,
        doorbell=container.doorbell,
        limit=settings.scheduler.sweep_limit,
        look_in_seconds=0,
        keys=container.key_versions,
        drift_seconds=settings.drift.every_seconds,
        keep_days=settings.retention.keep_days,
        retention_seconds=settings.retention.check_interval_minutes * 60,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(container, deps, stop)


def run(container: Container, deps: SchedulerDeps, stop: threading.Event) -> None:
    """Until `stop` is set."""
    ticker = Ticker(
        container.leadership,
        deps,
        container.settings.scheduler,
        liveness_file=container.settings.worker.liveness_file,
        stuck_after_seconds=container.settings.worker.stuck_after_seconds,
    )
    metrics = container.settings.metrics
    serve_scheduler(Address(metrics.host, metrics.port), lambda: ticker.leads)
    scheduler = BackgroundScheduler(timezone="UTC")
    # What no job expected is logged by the library, and reported here.
    scheduler.add_listener(lambda event: report_fault(event.exception), EVENT_JOB_ERROR)
    ticker.schedule_on(scheduler)
    ticker.look_after_leadership()
    scheduler.start()
    stop.wait()
    scheduler.shutdown(wait=True)
    container.leadership.resign()


if __name__ == "__main__":
    main()
