from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import Rest
from shared.domain.job import EmailJob, JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.ports.waits import COUNTED_MAX, Standing, Waiting
from tests.fakes.store.state import Moment, State

_OPERATIONAL = {
    Operational.PROVISIONING: Waiting.PROVISIONING,
    Operational.AWAITING_VERIFICATION: Waiting.AWAITING_VERIFICATION,
    Operational.MISSING: Waiting.MISSING,
    Operational.UNVERIFIED: Waiting.UNVERIFIED,
    Operational.FAILURE: Waiting.FAILURE,
}

Wait = tuple[Waiting, datetime | None]


class MemoryWaits:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    def oldest(self) -> Mapping[Waiting, datetime]:
        found: dict[Waiting, datetime] = {}
        for waiting, since in (*self._configurations(), *self._jobs(), *self._events()):
            if since is not None:
                found[waiting] = min(found.get(waiting, since), since)
        return found

    def standing(self) -> Standing:
        letters = Counter(one.subject for one in self._state.letters.values() if one.rest is Rest.OPEN)
        jobs = Counter(job.status for job in self._state.jobs.values())
        gaps = sum(kept.due_at is not None for kept in self._state.gaps.values())
        return Standing(
            jobs_in_doubt=min(jobs[JobStatus.IN_DOUBT], COUNTED_MAX),
            jobs_inconsistent=min(jobs[JobStatus.INCONSISTENT], COUNTED_MAX),
            gaps_open=min(gaps, COUNTED_MAX),
            dead_letters={subject: min(count, COUNTED_MAX) for subject, count in letters.items()},
        )

    def _configurations(self) -> Iterator[Wait]:
        for one in self._state.configurations.values():
            if one.retired:
                yield Waiting.REMOVAL, None if one.cleaned_up_at else one.retired_at
                continue
            if one.operational in _OPERATIONAL:
                yield _OPERATIONAL[one.operational], one.operational_since
            if one.administrative is Administrative.LOCKING:
                yield Waiting.LOCKING, one.administrative_since

    def _jobs(self) -> Iterator[Wait]:
        for job in self._state.jobs.values():
            if job.status is JobStatus.QUEUED and self._configuration(job).may_claim:
                yield Waiting.JOB_DUE, self._past(job.due_at)
            elif job.status is JobStatus.SENDING:
                yield Waiting.JOB_SENDING, job.updated_at
            elif job.status is JobStatus.IN_DOUBT:
                yield Waiting.JOB_IN_DOUBT, job.in_doubt_since

    def _events(self) -> Iterable[Wait]:
        return ((Waiting.EVENT_DUE, self._past(kept.due_at)) for kept in self._state.events.values())

    def _configuration(self, job: EmailJob) -> EmailConfiguration:
        return self._state.configurations[job.configuration_id]

    def _past(self, due_at: datetime | None) -> datetime | None:
        return due_at if self._moment.is_due(due_at) else None
