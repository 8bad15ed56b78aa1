"""Requests at the same moment: the database decides, and every caller is told what came of it."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from shared.config.settings import Settings
from shared.domain.audit import OperatorAction
from shared.domain.configuration import Provisioned
from shared.domain.job import EmailJob, JobStatus, Settlement, canonical_hash
from shared.domain.lifecycle import Administrative
from shared.domain.mail import MessageContent
from shared.persistence import PostgresStore, new_id
from shared.ports.configurations import Change
from shared.ports.jobs import NewJob
from shared.ports.rows import Lock
from tests.fakes.doorbell import RecordingDoorbell
from tests.integration.web.racing import at_once, begun, wait_until_blocked
from tests.unit.web.api import (
    AUTHOR,
    CONFIGURATION,
    LONG_AGO,
    TENANT,
    Api,
    a_configuration,
    a_job,
    code,
    container_of,
)
from workers.projection.handler import ProjectionDeps, project_batch
from workers.projection.policy import ProjectionPolicy

PATH = f"/configuration/{CONFIGURATION}"


def the_same_job(key: str = "k1") -> NewJob:
    """What another process makes of `a_job()`."""
    job = EmailJob(
        e_id=new_id(),
        tenant_id=TENANT,
        configuration_id=CONFIGURATION,
        recipient="person@example.com",
        idempotency_key=key,
        body_hash=canonical_hash(a_job()),
        author=AUTHOR,
        accepted_at=LONG_AGO,
        updated_at=LONG_AGO,
        due_at=LONG_AGO,
    )
    return NewJob(job, MessageContent(subject="Your order", text_body="It is on its way."))


def in_flight(store: PostgresStore) -> int:
    with store.begin() as tx:
        return tx.jobs.in_flight(CONFIGURATION)


def test_a_key_taken_between_the_look_and_the_insert_is_a_replay(
    api: Api, postgres_store: PostgresStore, engine: Engine, doorbell: RecordingDoorbell
) -> None:
    a_configuration(postgres_store)
    first = the_same_job()
    with postgres_store.begin() as tx:
        tx.jobs.accept([first])
        second = begun(lambda: api.send(a_job()))
        wait_until_blocked(engine)
    answer = second.result(10)
    assert answer.status_code == 200
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert answer.get_json()["payload"]["eId"] == str(first.job.e_id)
    assert doorbell.rung == []
    assert in_flight(postgres_store) == 1


def test_a_key_taken_meanwhile_with_another_body_is_422(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    with postgres_store.begin() as tx:
        tx.jobs.accept([the_same_job()])
        second = begun(lambda: api.send(a_job(subject="Another")))
        wait_until_blocked(engine)
    assert code(second.result(10)) == (422, "key_reused")


def test_a_key_whose_holder_rolled_back_is_free(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)

    def fail_after_accepting() -> Future[TestResponse]:
        with contextlib.suppress(LookupError), postgres_store.begin() as tx:
            tx.jobs.accept([the_same_job()])
            second = begun(lambda: api.send(a_job()))
            wait_until_blocked(engine)
            raise LookupError
        return second

    assert fail_after_accepting().result(10).status_code == 202
    assert in_flight(postgres_store) == 1


def test_of_many_requests_with_one_key_one_is_accepted_and_the_others_are_told_of_it(
    settings: Settings, postgres_store: PostgresStore
) -> None:
    a_configuration(postgres_store)
    doorbell = RecordingDoorbell()
    callers = [Api(container_of(settings, postgres_store, doorbell, new_id)) for _ in range(4)]
    answers = at_once([partial(caller.send, a_job()) for caller in callers])
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 3}
    assert len({answer.get_json()["payload"]["eId"] for answer in answers}) == 1
    assert len(doorbell.rung) == 1
    assert in_flight(postgres_store) == 1


def test_batches_with_the_same_keys_in_opposite_order_do_not_wait_for_each_other_for_ever(
    settings: Settings, postgres_store: PostgresStore
) -> None:
    a_configuration(postgres_store)
    jobs = [{"idempotencyKey": f"k{number}", **a_job()} for number in range(50)]

    def batch(sent: list[dict[str, object]]) -> Callable[[], TestResponse]:
        caller = Api(container_of(settings, postgres_store, RecordingDoorbell(), new_id))
        return lambda: caller.post("/job/batch", {"jobs": sent})

    answers = at_once([batch(jobs), batch(jobs[::-1]), batch(jobs), batch(jobs[::-1])])
    assert [answer.status_code for answer in answers] == [200] * 4
    statuses = Counter(result["status"] for answer in answers for result in answer.get_json()["results"])
    assert statuses == {202: 50, 200: 150}
    assert in_flight(postgres_store) == 50


def test_a_lock_waits_for_a_job_that_is_being_accepted_and_then_drains_it(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    with postgres_store.begin() as tx:
        tx.configurations.get(CONFIGURATION, lock=Lock.SHARE)
        tx.jobs.accept([the_same_job()])
        lock = begun(lambda: api.post(f"{PATH}/lock"))
        wait_until_blocked(engine)
    answer = lock.result(10)
    assert answer.status_code == 202
    assert answer.get_json()["payload"]["administrative"] == "LOCKING"
    assert answer.get_json()["payload"]["inFlight"] == 1


def test_a_job_waits_for_a_lock_that_is_being_written_and_is_then_refused(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    with postgres_store.begin() as tx:
        held = tx.configurations.get(CONFIGURATION, lock=Lock.UPDATE)
        assert held is not None
        locked = replace(held, administrative=Administrative.LOCKED)
        tx.configurations.save(locked, Change("olga", "signal:lock"))
        job = begun(lambda: api.send(a_job()))
        wait_until_blocked(engine)
    assert code(job.result(10)) == (409, "locked")
    assert in_flight(postgres_store) == 0


def test_a_forced_lock_cancels_the_job_that_was_being_accepted(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    accepted = the_same_job()
    with postgres_store.begin() as tx:
        tx.configurations.get(CONFIGURATION, lock=Lock.SHARE)
        tx.jobs.accept([accepted])
        lock = begun(lambda: api.post(f"{PATH}/force-lock"))
        wait_until_blocked(engine)
    assert lock.result(10).get_json()["payload"]["administrative"] == "LOCKED"
    assert api.get(f"/job/{accepted.job.e_id}").get_json()["payload"]["status"] == "CANCELLED"


def test_jobs_do_not_wait_for_each_other(api: Api, postgres_store: PostgresStore) -> None:
    a_configuration(postgres_store)
    with postgres_store.begin() as tx:
        tx.configurations.get(CONFIGURATION, lock=Lock.SHARE)
        tx.jobs.accept([the_same_job("other")])
        assert begun(lambda: api.send(a_job())).result(10).status_code == 202


def test_of_two_configurations_of_a_tenant_unlocked_at_once_one_is_refused(
    settings: Settings, postgres_store: PostgresStore
) -> None:
    ids = [UUID(int=1), UUID(int=2)]
    for e_id in ids:
        a_configuration(
            postgres_store,
            e_id=e_id,
            slug=f"acme-{e_id.int}",
            administrative=Administrative.LOCKED,
            routing_token_hash=None,
        )
    callers = [Api(container_of(settings, postgres_store, RecordingDoorbell(), new_id)) for _ in ids]
    answers = at_once(
        [
            partial(caller.post, f"/configuration/{e_id}/unlock")
            for caller, e_id in zip(callers, ids, strict=True)
        ]
    )
    (refused,) = [answer for answer in answers if answer.status_code != 200]
    assert code(refused) == (409, "signal_refused")
    assert refused.get_json()["reason"] == "tenant_has_another_sendable"


def test_of_two_signals_with_the_same_version_one_is_carried_out_and_one_is_told_of_the_other(
    settings: Settings, postgres_store: PostgresStore
) -> None:
    a_configuration(postgres_store)
    callers = [Api(container_of(settings, postgres_store, RecordingDoorbell(), new_id)) for _ in range(2)]
    version = callers[0].get(PATH).headers["ETag"]
    answers = at_once(
        [
            partial(caller.post, f"{PATH}/{signal}", headers={"If-Match": version})
            for caller, signal in zip(callers, ["lock", "force-lock"], strict=True)
        ]
    )
    (done,) = [answer for answer in answers if answer.status_code in (200, 202)]
    (refused,) = [answer for answer in answers if answer is not done]
    assert code(refused) == (412, "precondition_failed")
    assert refused.headers["ETag"] == done.headers["ETag"] != version
    assert len(callers[0].get(f"{PATH}/history").get_json()["records"]) == 2


def test_a_signal_waits_for_another_with_its_version_and_is_then_refused(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    version = api.get(PATH).headers["ETag"]
    with postgres_store.begin() as tx:
        held = tx.configurations.get(CONFIGURATION, lock=Lock.UPDATE)
        assert held is not None
        tx.configurations.save(replace(held, from_name="Acme Ltd"), Change("olga", "rename"))
        late = begun(lambda: api.post(f"{PATH}/lock", headers={"If-Match": version}))
        wait_until_blocked(engine)
    assert code(late.result(10)) == (412, "precondition_failed")
    assert api.get(PATH).get_json()["payload"]["administrative"] == "UNLOCKED"


def contradicted(store: PostgresStore, api: Api) -> UUID:
    """A job that bounced and was delivered after that."""
    a_configuration(store)
    job = the_same_job()
    with store.begin() as tx:
        tx.jobs.accept([job])
    for event in (
        {"RecordType": "Bounce", "Type": "HardBounce", "ID": 1},
        {"RecordType": "Delivery", "DeliveredAt": "2026-11-02T09:00:00Z"},
    ):
        api.receive(json.dumps({**event, "Metadata": {"job": str(job.job.e_id)}}))
        project_batch(CONFIGURATION, projection(store))
    return job.job.e_id


def projection(store: PostgresStore) -> ProjectionDeps:
    policy = ProjectionPolicy(batch_size=100, retry_seconds=60, give_up_after=timedelta(hours=24))
    return ProjectionDeps(store, RecordingDoorbell(), policy)


def status_of(api: Api, e_id: UUID) -> str:
    status: str = api.get(f"/job/{e_id}").get_json()["payload"]["status"]
    return status


def test_a_resolution_waits_for_the_events_that_are_being_folded_and_counts_them(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    e_id = contradicted(postgres_store, api)
    assert status_of(api, e_id) == "INCONSISTENT"
    api.receive(json.dumps({"RecordType": "SpamComplaint", "ID": 2, "Metadata": {"job": str(e_id)}}))
    with postgres_store.begin() as tx:
        tx.events.serialise(CONFIGURATION)
        (complaint,) = tx.events.unprojected(CONFIGURATION, limit=10)
        tx.events.mark_projected({complaint.e_id: e_id})
        resolved = begun(lambda: api.post(f"/job/{e_id}/resolve", {"reason": "settle it"}))
        wait_until_blocked(engine)
    assert resolved.result(10).get_json()["payload"]["status"] == "COMPLAINED"


def test_events_wait_for_a_resolution_and_are_folded_into_what_it_made(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    e_id = contradicted(postgres_store, api)
    complaint = {"RecordType": "SpamComplaint", "ID": 2, "Metadata": {"job": str(e_id)}}
    with postgres_store.begin() as tx:
        # What the resolution holds while it reads the log.
        tx.events.serialise(CONFIGURATION)
        assert begun(lambda: api.receive(json.dumps(complaint))).result(10).status_code == 200
        folded = begun(lambda: project_batch(CONFIGURATION, projection(postgres_store)))
        wait_until_blocked(engine)
        held = tx.jobs.get(TENANT, e_id)
        assert held is not None
        assert tx.jobs.decide(held, Settlement(e_id, JobStatus.BOUNCED), an_action(e_id))
    assert folded.result(10)
    assert status_of(api, e_id) == "COMPLAINED"


def an_action(e_id: UUID) -> OperatorAction:
    return OperatorAction(
        e_id=new_id(),
        tenant_id=TENANT,
        action="job.resolve",
        subject_id=e_id,
        author=AUTHOR,
        reason="settle it",
        at=LONG_AGO,
    )


def test_of_two_resolutions_at_once_one_is_kept_and_both_are_answered(
    settings: Settings, postgres_store: PostgresStore
) -> None:
    callers = [Api(container_of(settings, postgres_store, RecordingDoorbell(), new_id)) for _ in range(2)]
    e_id = contradicted(postgres_store, callers[0])
    answers = at_once(
        [partial(caller.post, f"/job/{e_id}/resolve", {"reason": "settle it"}) for caller in callers]
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    assert {answer.get_json()["payload"]["status"] for answer in answers} == {"BOUNCED"}
    with postgres_store.begin() as tx:
        assert len(tx.jobs.actions(TENANT, e_id)) == 1


def test_of_processes_that_come_back_at_once_one_opens_the_gap(
    settings: Settings, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store, provisioned=Provisioned(webhook_id=7))
    with postgres_store.begin() as tx:
        tx.presence.seen("ingress")
    with engine.begin() as connection:
        connection.execute(text("UPDATE presence SET seen_at = seen_at - interval '2 hours'"))
    processes = [Api(container_of(settings, postgres_store, RecordingDoorbell(), new_id)) for _ in range(3)]
    answers = at_once([partial(process.get, "/readyz") for process in processes])
    assert [answer.status_code for answer in answers] == [200] * 3
    with postgres_store.begin() as tx:
        (gap,) = tx.gaps.latest(10)
    assert gap.until_at - gap.from_at >= timedelta(hours=2)


def test_two_creations_of_one_slug_are_one(settings: Settings, postgres_store: PostgresStore) -> None:
    wanted = {"sendingDomainSlug": "acme", "signatureRequest": {"fromName": "Acme"}}
    callers = [Api(container_of(settings, postgres_store, RecordingDoorbell(), new_id)) for _ in range(2)]
    answers = at_once([partial(caller.post, "/configuration", wanted) for caller in callers])
    assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_a_row_that_stays_locked_is_503_and_not_a_hanging_request(
    settings: Settings, postgres_store: PostgresStore, short_tempered_engine: Engine
) -> None:
    a_configuration(postgres_store)
    impatient = Api(container_of(settings, PostgresStore(short_tempered_engine), RecordingDoorbell(), new_id))
    with postgres_store.begin() as tx:
        tx.configurations.get(CONFIGURATION, lock=Lock.UPDATE)
        refused = begun(lambda: impatient.send(a_job())).result(10)
    assert code(refused) == (503, "store_unavailable")
    assert impatient.send(a_job()).status_code == 202
