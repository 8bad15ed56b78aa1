"""What happens how often."""

from collections.abc import Callable
from dataclasses import dataclass

from scheduler import jobs
from scheduler.jobs import SchedulerDeps
from shared.config.settings import Scheduler


@dataclass(frozen=True, slots=True)
class Entry:
    job: Callable[[SchedulerDeps], None]
    every_seconds: float


def timetable(settings: Scheduler) -> tuple[Entry, ...]:
    return (
        Entry(jobs.due_sends, settings.sweep_seconds),
        Entry(jobs.due_events, settings.sweep_seconds),
        Entry(jobs.due_verifications, settings.verification_seconds),
        Entry(jobs.due_replays, settings.sweep_seconds),
        Entry(jobs.reconcile, settings.reconcile_seconds),
        Entry(jobs.stale_tokens, settings.registry_seconds),
        Entry(jobs.due_drift, settings.registry_seconds),
        Entry(jobs.due_retention, settings.registry_seconds),
    )
