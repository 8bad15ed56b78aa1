"""Recoveries: one at a time, everything held while it is open, and never back in what was written down."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import Conflict, InvalidValue
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.domain.recovery import Found, Look, Recovery, TakenMessage, Told
from shared.persistence.ids import new_id
from shared.ports.pressure import Gate
from shared.ports.store import Store
from tests.factories import CREATED, LONG_AGO, configuration, later, new_job, sendable

GAP: dict[str, Any] = {"gap_from": LONG_AGO, "gap_until": later(hours=1), "begun_at": later(hours=2)}
CLAIM = UUID("c1a10000-0000-4000-8000-000000000001")
OTHER_CLAIM = UUID("c1a10000-0000-4000-8000-000000000002")


def begun(store: Store, **given: Any) -> Recovery:
    recovery = Recovery(**{"e_id": new_id(), "author": "op", "reason": "restored", **GAP, **given})
    with store.begin() as tx:
        tx.recoveries.begin(recovery)
    return recovery


def end(store: Store, recovery: Recovery) -> bool:
    with store.begin() as tx:
        return tx.recoveries.end(recovery.e_id, author="another")


def is_open(store: Store) -> bool:
    with store.begin() as tx:
        return tx.recovering()


def accepted(store: Store, acme: EmailConfiguration, **given: Any) -> EmailJob:
    new = new_job(acme, **given)
    with store.begin() as tx:
        tx.jobs.accept([new])
    return new.job


def in_doubt(store: Store, acme: EmailConfiguration) -> EmailJob:
    doubtful = {"status": JobStatus.IN_DOUBT, "claim_id": CLAIM, "in_doubt_since": LONG_AGO}
    return accepted(store, acme, **doubtful)


def message(job: EmailJob, **given: Any) -> TakenMessage:
    fields: dict[str, Any] = {
        "job_id": job.e_id,
        "claim_id": OTHER_CLAIM,
        "message_id": f"message-of-{job.e_id}",
        "recipient": job.recipient,
        "subject": "Your order",
        "tag": None,
        "taken_at": later(minutes=30),
    }
    return TakenMessage(**{**fields, **given})


def settle(store: Store, *messages: TakenMessage) -> None:
    with store.begin() as tx:
        tx.recoveries.jobs([one.job_id for one in messages])
        tx.recoveries.settle(messages)
        tx.recoveries.note_attempts(messages)


def read(store: Store, job: EmailJob) -> EmailJob:
    with store.begin() as tx:
        found = tx.jobs.get(job.tenant_id, job.e_id)
    assert found is not None
    return found


def look(recovery: Recovery, acme: EmailConfiguration, **given: Any) -> Look:
    fields: dict[str, Any] = {
        "recovery_id": recovery.e_id,
        "configuration_id": acme.e_id,
        "number": 1,
        "begun_at": later(hours=2),
        "searched_until": LONG_AGO,
    }
    return Look(**{**fields, **given})


def saved(store: Store, *looks: Look) -> list[Look]:
    with store.begin() as tx:
        for one in looks:
            tx.recoveries.save(one)
        return tx.recoveries.looks(looks[0].recovery_id)


def test_none_is_open_before_one_is_begun(store: Store) -> None:
    with store.begin() as tx:
        assert (tx.recovering(), tx.recoveries.open(), tx.recoveries.newest()) == (False, None, None)


def test_one_is_open_until_it_is_ended_by_somebody(store: Store) -> None:
    recovery = begun(store)
    assert is_open(store)
    with store.begin() as tx:
        assert tx.recoveries.open() == recovery == tx.recoveries.get(recovery.e_id)
    assert end(store, recovery)
    assert not is_open(store)
    with store.begin() as tx:
        ended = tx.recoveries.newest()
    assert ended is not None
    assert ended.ended_at is not None
    assert ended.ended_by == "another"


def test_only_one_is_open_at_a_time(store: Store) -> None:
    first = begun(store)
    with pytest.raises(Conflict):
        begun(store)
    end(store, first)
    assert begun(store) != first


def test_it_is_ended_once(store: Store) -> None:
    recovery = begun(store)
    assert [end(store, recovery), end(store, recovery)] == [True, False]


def test_the_gate_is_shut_while_one_is_open_and_nobody_probes(
    store: Store, time_passes: Callable[[float], object]
) -> None:
    with store.begin() as tx:
        tx.account.pause(seconds=10, longest_seconds=10, reason="credits")
    time_passes(20)
    recovery = begun(store)
    with store.begin() as tx:
        assert [tx.account.gate(probe_seconds=30), tx.account.gate(probe_seconds=30)] == [Gate.SHUT] * 2
    end(store, recovery)
    with store.begin() as tx:
        assert tx.account.gate(probe_seconds=30) is Gate.PROBE


def test_the_gate_is_shut_where_the_account_never_was(store: Store) -> None:
    recovery = begun(store)
    with store.begin() as tx:
        assert tx.account.gate(probe_seconds=30) is Gate.SHUT
        assert not tx.pressure.is_free(uuid4())
        tx.account.resume()
        assert tx.account.gate(probe_seconds=30) is Gate.SHUT
    end(store, recovery)
    with store.begin() as tx:
        assert tx.account.gate(probe_seconds=30) is Gate.OPEN
        assert tx.pressure.is_free(uuid4())


def test_nobody_is_rung_for_due_jobs_or_doubts_while_one_is_open(
    store: Store, acme: EmailConfiguration
) -> None:
    accepted(store, acme)
    in_doubt(store, acme)
    recovery = begun(store)
    with store.begin() as tx:
        assert tx.jobs.configurations_with_due_jobs(10) == tx.jobs.configurations_with_due_doubts(10) == []
        assert tx.jobs.take_doubts(acme.e_id, limit=10, lease_seconds=30) == []
    end(store, recovery)
    with store.begin() as tx:
        assert tx.jobs.configurations_with_due_jobs(10) == [acme.e_id]
        assert tx.jobs.configurations_with_due_doubts(10) == [acme.e_id]
        assert len(tx.jobs.take_doubts(acme.e_id, limit=10, lease_seconds=30)) == 1


def test_whoever_has_a_server_is_concerned_also_when_removed(store: Store) -> None:
    served = sendable(e_id=UUID(int=2))
    removed = sendable(e_id=UUID(int=1), tenant_id=uuid4(), retired_at=LONG_AGO)
    with store.begin() as tx:
        for one in (served, removed, configuration(e_id=UUID(int=3))):
            tx.configurations.add(one, CREATED)
        assert tx.recoveries.concerned() == [removed.e_id, served.e_id]


def test_a_look_never_goes_back(store: Store, acme: EmailConfiguration) -> None:
    first = look(begun(store), acme)
    further = replace(first, searched_until=later(minutes=30), messages=7, finished_at=later(hours=3))
    assert saved(store, first, further, replace(first, fault="timeout")) == [
        replace(further, fault="timeout")
    ]


def test_looks_are_told_by_their_configuration_and_number(store: Store, acme: EmailConfiguration) -> None:
    recovery = begun(store)
    first, second = look(recovery, acme), look(recovery, acme, number=2)
    assert saved(store, second, first) == [first, second]
    with store.begin() as tx:
        assert tx.recoveries.look(recovery.e_id, acme.e_id, 2) == second
        assert tx.recoveries.look(recovery.e_id, acme.e_id, 1) == first
        assert tx.recoveries.look(uuid4(), acme.e_id, 1) is None


def test_jobs_are_found_whosever_they_are(store: Store, acme: EmailConfiguration) -> None:
    other = sendable(tenant_id=uuid4())
    with store.begin() as tx:
        tx.configurations.add(other, CREATED)
    mine, theirs = accepted(store, acme), accepted(store, other)
    with store.begin() as tx:
        assert tx.recoveries.jobs([mine.e_id, theirs.e_id, uuid4()]) == {
            mine.e_id: mine,
            theirs.e_id: theirs,
        }


def test_a_queued_job_that_had_gone_out_is_sent_and_its_claim_is_in_the_ledger(
    store: Store, acme: EmailConfiguration
) -> None:
    queued = accepted(store, acme)
    settle(store, message(queued))
    sent = read(store, queued)
    assert (sent.status, sent.due_at, sent.claim_id, sent.attempts) == (JobStatus.SENT, None, OTHER_CLAIM, 1)
    assert sent.provider_message_id == f"message-of-{queued.e_id}"
    assert sent.version == queued.version + 1
    with store.begin() as tx:
        (attempt,) = tx.jobs.attempts(queued.tenant_id, queued.e_id)
    assert (attempt.claim_id, attempt.number, attempt.outcome) == (OTHER_CLAIM, 1, "SENT")
    assert attempt.claimed_at == later(minutes=30)
    assert attempt.text == "found at the provider after the database had been restored"


def test_a_job_whose_claim_was_known_completes_that_attempt(store: Store, acme: EmailConfiguration) -> None:
    queued = accepted(store, acme)
    with store.begin() as tx:
        claim = tx.jobs.claim(acme.e_id, claim_id=CLAIM, limit=1, lease_seconds=30)
    assert claim.jobs
    settle(store, message(queued, claim_id=CLAIM))
    sent = read(store, queued)
    assert (sent.status, sent.attempts, sent.lease_until) == (JobStatus.SENT, 1, None)
    with store.begin() as tx:
        (attempt,) = tx.jobs.attempts(queued.tenant_id, queued.e_id)
    assert (attempt.outcome, attempt.provider_message_id) == ("SENT", f"message-of-{queued.e_id}")
    assert attempt.finished_at is not None


def test_a_doubt_that_was_settled_is_in_doubt_about_nothing(store: Store, acme: EmailConfiguration) -> None:
    doubtful = in_doubt(store, acme)
    settle(store, message(doubtful, claim_id=None))
    sent = read(store, doubtful)
    assert (sent.status, sent.in_doubt_since, sent.claim_id) == (JobStatus.SENT, None, CLAIM)
    with store.begin() as tx:
        assert tx.jobs.attempts(doubtful.tenant_id, doubtful.e_id) == []


def test_whoever_held_a_settled_job_cannot_write_its_result_any_more(
    store: Store, acme: EmailConfiguration
) -> None:
    queued = accepted(store, acme)
    with store.begin() as tx:
        tx.jobs.claim(acme.e_id, claim_id=CLAIM, limit=1, lease_seconds=30)
    settle(store, message(queued, claim_id=CLAIM))
    with store.begin() as tx:
        back = Settlement(queued.e_id, JobStatus.QUEUED, due_at=tx.now())
        assert tx.jobs.record(CLAIM, [back]) == set()
    assert read(store, queued).status is JobStatus.SENT


def test_noted_twice_is_one_attempt(store: Store, acme: EmailConfiguration) -> None:
    queued = accepted(store, acme)
    settle(store, message(queued))
    with store.begin() as tx:
        tx.recoveries.note_attempts([message(queued)])
        assert len(tx.jobs.attempts(queued.tenant_id, queued.e_id)) == 1


def told(job_id: UUID, acme: EmailConfiguration, found: Found, **given: Any) -> Told:
    fields: dict[str, Any] = {
        "job_id": job_id,
        "tenant_id": acme.tenant_id,
        "configuration_id": acme.e_id,
        "found": found,
        "provider_message_id": "message",
        "taken_at": LONG_AGO,
    }
    return Told(**{**fields, **given})


def test_what_was_found_is_counted_and_paged_and_kept_as_it_was_first(
    store: Store, acme: EmailConfiguration
) -> None:
    recovery = begun(store)
    one = told(UUID(int=1), acme, Found.SETTLED)
    two, three = (told(UUID(int=number), acme, Found.ADOPTED) for number in (2, 3))
    with store.begin() as tx:
        tx.recoveries.keep(recovery.e_id, [three, one])
        tx.recoveries.keep(recovery.e_id, [two, replace(one, found=Found.CONTRADICTED)])
        assert tx.recoveries.count(recovery.e_id) == {Found.SETTLED: 1, Found.ADOPTED: 2}
        assert tx.recoveries.told(recovery.e_id, limit=2) == [one, two]
        assert tx.recoveries.told(recovery.e_id, after=two.job_id, limit=2) == [three]
        assert tx.recoveries.told(recovery.e_id, found=Found.ADOPTED, limit=9) == [two, three]
        assert tx.recoveries.told(uuid4(), limit=9) == []


def test_nothing_to_keep_is_nothing_kept(store: Store) -> None:
    recovery = begun(store)
    with store.begin() as tx:
        tx.recoveries.keep(recovery.e_id, [])
        assert tx.recoveries.count(recovery.e_id) == {}


def test_a_gap_has_a_length_and_lies_in_the_past() -> None:
    for wrong in ({"gap_from": GAP["gap_until"]}, {"begun_at": GAP["gap_until"] - timedelta(seconds=1)}):
        with pytest.raises(InvalidValue):
            Recovery(**{"e_id": new_id(), "author": "op", "reason": "restored", **GAP, **wrong})
