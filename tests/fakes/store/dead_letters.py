from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest, Subject
from shared.domain.job import EmailJob, JobStatus
from shared.persistence.letters import UNJOINED, UNJOINED_REASON
from shared.ports.clock import NewId
from shared.ports.dead_letters import HandlerFault
from tests.fakes.store.state import KeptEvent, Moment, State


class MemoryDeadLetters:
    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self._new_id = new_id

    @property
    def _all(self) -> dict[UUID, DeadLetter]:
        return self._state.letters

    def count_fault(self, fault: HandlerFault, *, dead_after: int, forget_after_seconds: float) -> int:
        key = (fault.actor, fault.row_id)
        count, raised_at = self._state.faults.get(key, (0, self._moment.now))
        if raised_at < self._moment.now - timedelta(seconds=forget_after_seconds):
            count = 0
        self._state.faults[key] = (count + 1, self._moment.now)
        if count + 1 >= dead_after:
            self._bury_message(fault, count + 1)
        return count + 1

    def _bury_message(self, fault: HandlerFault, attempts: int) -> None:
        about = self._state.configurations.get(fault.row_id)
        letter = DeadLetter(
            e_id=self._new_id(),
            subject=Subject.MESSAGE,
            subject_id=fault.row_id,
            actor=fault.actor,
            tenant_id=about.tenant_id if about else None,
            configuration_id=about.e_id if about else None,
            error_class=fault.error_class,
            reason=fault.reason,
            attempts=attempts,
            traceback=fault.traceback,
            raised_at=self._moment.now,
        )
        held = self._open_of(letter)
        self._all[held.e_id if held else letter.e_id] = replace(letter, e_id=held.e_id) if held else letter

    def bury_job(self, job: EmailJob) -> None:
        self._bury(
            DeadLetter(
                e_id=self._new_id(),
                subject=Subject.JOB,
                subject_id=job.e_id,
                tenant_id=job.tenant_id,
                configuration_id=job.configuration_id,
                error_class=job.error_code or "",
                reason=job.error_text or "",
                attempts=job.attempts,
                raised_at=self._moment.now,
            )
        )

    def bury_event(self, kept: KeptEvent) -> None:
        self._bury(
            DeadLetter(
                e_id=self._new_id(),
                subject=Subject.EVENT,
                subject_id=kept.event.e_id,
                tenant_id=kept.event.tenant_id,
                configuration_id=kept.event.configuration_id,
                error_class=UNJOINED,
                reason=f"{UNJOINED_REASON}: {kept.event.facts.kind.value}",
                attempts=0,
                raised_at=self._moment.now,
            )
        )

    def _bury(self, letter: DeadLetter) -> None:
        if self._open_of(letter) is None:
            self._all[letter.e_id] = letter

    def _open_of(self, letter: DeadLetter) -> DeadLetter | None:
        wanted = (letter.subject, letter.subject_id, letter.actor, Rest.OPEN)
        held = (
            one for one in self._all.values() if (one.subject, one.subject_id, one.actor, one.rest) == wanted
        )
        return next(held, None)

    def find(self, wanted: DeadLetterFilter, *, limit: int, after: UUID | None = None) -> list[DeadLetter]:
        found = [one for one in self._all.values() if _holds(wanted, one)]
        found = [one for one in found if after is None or one.e_id > after]
        return sorted(found, key=lambda one: one.e_id)[:limit]

    def count_by_class(self, wanted: DeadLetterFilter) -> Mapping[tuple[str, str], int]:
        found = (one for one in self._all.values() if _holds(wanted, one))
        return Counter((one.subject.value, one.error_class) for one in found)

    def replay(self, letter: DeadLetter, action: OperatorAction) -> bool:
        if not self._is_open(letter) or not self._put_back(letter):
            return False
        self._rest(letter, Rest.REPLAYED, action)
        return True

    def replay_all(self, letters: Sequence[tuple[DeadLetter, OperatorAction]]) -> set[UUID]:
        return {letter.e_id for letter, action in letters if self.replay(letter, action)}

    def discard(self, letter: DeadLetter, action: OperatorAction) -> bool:
        if not self._is_open(letter):
            return False
        self._rest(letter, Rest.DISCARDED, action)
        return True

    def _is_open(self, letter: DeadLetter) -> bool:
        held = self._all.get(letter.e_id)
        return held is not None and held.rest is Rest.OPEN

    def _put_back(self, letter: DeadLetter) -> bool:
        match letter.subject:
            case Subject.JOB:
                return self._put_back_job(letter)
            case Subject.EVENT:
                return self._put_back_event(letter)
            case Subject.MESSAGE:
                return True

    def _put_back_job(self, letter: DeadLetter) -> bool:
        job = self._state.jobs[letter.subject_id]
        if job.status is not JobStatus.FAILED or self._state.configurations[job.configuration_id].retired:
            return False
        self._state.jobs[job.e_id] = replace(
            put_back(job, self._moment.now), status=JobStatus.QUEUED, attempts=0
        )
        return True

    def _put_back_event(self, letter: DeadLetter) -> bool:
        kept = self._state.events[letter.subject_id]
        if not kept.parked:
            return False
        self._state.events[letter.subject_id] = replace(kept, due_at=self._moment.now)
        return True

    def _rest(self, letter: DeadLetter, rest: Rest, action: OperatorAction) -> None:
        held = self._all[letter.e_id]
        self._all[letter.e_id] = replace(held, rest=rest, rested_at=self._moment.now)
        if held.actor is not None:
            self._state.faults.pop((held.actor, held.subject_id), None)
        self._state.actions[action.e_id] = action


def put_back(job: EmailJob, now: datetime) -> EmailJob:
    """What an operator's word makes of a job that is to be sent again."""
    return replace(
        job,
        due_at=now,
        replayed_at=now,
        worker_deaths=0,
        late_looks=0,
        version=job.version + 1,
        updated_at=now,
    )


def _holds(wanted: DeadLetterFilter, letter: DeadLetter) -> bool:
    same = ("subject", "error_class", "tenant_id", "configuration_id", "actor", "rest")
    return (
        all(getattr(wanted, name) in (None, getattr(letter, name)) for name in same)
        and (wanted.raised_from is None or letter.raised_at >= wanted.raised_from)
        and (wanted.raised_until is None or letter.raised_at < wanted.raised_until)
    )
