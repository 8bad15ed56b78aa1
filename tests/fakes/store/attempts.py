"""The ledger of attempts, as rows in memory."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.persistence.faults import DatabaseFault
from tests.fakes.store.state import Moment, State


class MemoryAttempts:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    @property
    def _all(self) -> dict[tuple[UUID, UUID], SendAttempt]:
        return self._state.attempts

    def intend(self, job: EmailJob) -> None:
        assert job.claim_id is not None
        if (job.e_id, job.claim_id) in self._all:
            raise DatabaseFault("UniqueViolation (pk_send_attempt)")
        self._all[job.e_id, job.claim_id] = SendAttempt(
            job_id=job.e_id, claim_id=job.claim_id, number=job.attempts, claimed_at=self._moment.now
        )

    def finish(self, claim_id: UUID, settlement: Settlement, *, late: bool) -> None:
        held = self._all.get((settlement.job_id, claim_id))
        if held is None:
            return
        if held.outcome is None:
            self._all[held.job_id, claim_id] = replace(
                held,
                finished_at=self._moment.now,
                outcome=settlement.status.value,
                code=settlement.error_code,
                text=settlement.error_text,
                provider_message_id=settlement.provider_message_id,
                fenced=late,
            )
        elif _contradicts(held, settlement):
            self._all[held.job_id, claim_id] = replace(
                held,
                text=_with_later(held, settlement),
                provider_message_id=held.provider_message_id or settlement.provider_message_id,
                fenced=held.fenced or late,
            )

    def found(self, job: EmailJob) -> None:
        """The provider knows the message of the job's last claim."""
        assert job.claim_id is not None
        held = self._all.get((job.e_id, job.claim_id))
        if held is not None:
            self._all[job.e_id, job.claim_id] = replace(
                held,
                finished_at=held.finished_at or self._moment.now,
                outcome=JobStatus.SENT.value,
                provider_message_id=job.provider_message_id or held.provider_message_id,
            )

    def of_job(self, job_id: UUID) -> list[SendAttempt]:
        mine: Iterable[SendAttempt] = (one for one in self._all.values() if one.job_id == job_id)
        return sorted(mine, key=lambda one: (one.claimed_at, one.number))


def _contradicts(held: SendAttempt, settlement: Settlement) -> bool:
    return (
        held.outcome != settlement.status.value
        or (None not in (held.code, settlement.error_code) and held.code != settlement.error_code)
        or (settlement.provider_message_id not in (None, held.provider_message_id))
    )


def _with_later(held: SendAttempt, settlement: Settlement) -> str:
    told = (
        settlement.status.value,
        settlement.error_code,
        settlement.provider_message_id,
        settlement.error_text,
    )
    later = " ".join(["later:", *filter(None, told)])
    return "; ".join(filter(None, (held.text, later)))
