from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.errors import Conflict
from shared.domain.job import EmailJob, JobStatus
from shared.domain.recovery import Found, Look, Recovery, TakenMessage, Told
from shared.persistence.recoveries import EVIDENCE
from tests.fakes.store.state import Moment, State


class MemoryRecoveries:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    @property
    def _all(self) -> dict[UUID, Recovery]:
        return self._state.recoveries

    def begin(self, recovery: Recovery) -> None:
        if self.open() is not None:
            raise Conflict("a recovery is open already")
        self._all[recovery.e_id] = recovery

    def open(self) -> Recovery | None:
        return next((one for one in self._all.values() if one.ended_at is None), None)

    def get(self, e_id: UUID) -> Recovery | None:
        return self._all.get(e_id)

    def newest(self) -> Recovery | None:
        return max(self._all.values(), key=lambda one: (one.begun_at, one.e_id), default=None)

    def end(self, e_id: UUID, *, author: str) -> bool:
        held = self._all.get(e_id)
        if held is None or held.ended_at is not None:
            return False
        self._all[e_id] = replace(held, ended_at=self._moment.now, ended_by=author)
        return True

    def concerned(self) -> list[UUID]:
        configurations = self._state.configurations.values()
        return sorted(one.e_id for one in configurations if one.provisioned.server_token is not None)

    def looks(self, e_id: UUID) -> list[Look]:
        mine = (look for key, look in self._state.recovery_looks.items() if key[0] == e_id)
        return sorted(mine, key=lambda look: (look.configuration_id, look.number))

    def look(self, e_id: UUID, configuration_id: UUID, number: int) -> Look | None:
        return self._state.recovery_looks.get((e_id, configuration_id, number))

    def save(self, look: Look) -> None:
        key = (look.recovery_id, look.configuration_id, look.number)
        held = self._state.recovery_looks.get(key, look)
        self._state.recovery_looks[key] = replace(
            held,
            searched_until=max(held.searched_until, look.searched_until),
            messages=max(held.messages, look.messages),
            fault=look.fault,
            finished_at=held.finished_at or look.finished_at,
        )

    def jobs(self, ids: Collection[UUID]) -> Mapping[UUID, EmailJob]:
        return {e_id: self._state.jobs[e_id] for e_id in sorted(ids) if e_id in self._state.jobs}

    def settle(self, messages: Sequence[TakenMessage]) -> None:
        for message in messages:
            job = self._state.jobs[message.job_id]
            is_other = message.claim_id not in (None, job.claim_id)
            self._state.jobs[job.e_id] = replace(
                job,
                status=JobStatus.SENT,
                claim_id=message.claim_id or job.claim_id,
                attempts=job.attempts + is_other,
                provider_message_id=message.message_id,
                due_at=None,
                lease_until=None,
                in_doubt_since=None,
                error_code=None,
                error_text=None,
                version=job.version + 1,
                updated_at=self._moment.now,
            )

    def note_attempts(self, messages: Sequence[TakenMessage]) -> None:
        for message in messages:
            if message.claim_id is None:
                continue
            key = (message.job_id, message.claim_id)
            number = self._state.jobs[message.job_id].attempts
            first = SendAttempt(
                job_id=message.job_id, claim_id=message.claim_id, number=number, claimed_at=message.taken_at
            )
            held = self._state.attempts.get(key, first)
            self._state.attempts[key] = replace(
                held,
                finished_at=held.finished_at or self._moment.now,
                outcome=JobStatus.SENT.value,
                text=held.text or EVIDENCE,
                provider_message_id=message.message_id,
            )

    def keep(self, e_id: UUID, told: Sequence[Told]) -> None:
        for one in told:
            self._state.recovery_messages.setdefault((e_id, one.job_id), one)

    def count(self, e_id: UUID) -> Mapping[Found, int]:
        return Counter(one.found for one in self._of(e_id))

    def told(
        self, e_id: UUID, *, found: Found | None = None, after: UUID | None = None, limit: int
    ) -> list[Told]:
        wanted = (
            one
            for one in self._of(e_id)
            if found in (None, one.found) and (after is None or one.job_id > after)
        )
        return sorted(wanted, key=lambda one: one.job_id)[:limit]

    def _of(self, e_id: UUID) -> Iterator[Told]:
        return (one for key, one in self._state.recovery_messages.items() if key[0] == e_id)
