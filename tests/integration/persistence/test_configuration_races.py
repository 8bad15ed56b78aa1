"""Operators, workers and claims that meet on one configuration: each sees all of the other, or nothing of it.

What two of them come to is held against the same two one after the other, in memory.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import pairwise, permutations
from threading import Barrier
from threading import Lock as Mutex
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from shared.domain.configuration import EmailConfiguration, Verdict
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.domain.mail import Accepted, Deferred, OutboundMessage, Outcome, Unknown
from shared.domain.query import Query
from shared.domain.verification import Check, CheckRun
from shared.persistence import PostgresStore, make_engine, new_id
from shared.ports.configurations import Change
from shared.ports.rows import Lock
from shared.ports.store import Store
from shared.steering import finish_drain, steer
from tests.factories import CREATED, configuration, new_job, provisioned, sendable
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore
from tests.unit.workers.send_world import POLICY
from web.intake.configuration import ConfigurationPorts, signal
from workers.send.claiming import Batch, claim_batch
from workers.send.deps import SendDeps
from workers.send.handler import send_batch, send_jobs

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
Wait = Callable[[], None]
Told = tuple[Verdict, str]
Act = Callable[[Store, EmailConfiguration], Told]

LOCKED, UNLOCKED, LOCKING = Administrative
OK, DEGRADED, AWAITING = Operational.OK, Operational.DEGRADED, Operational.AWAITING_VERIFICATION
CHANGED, UNCHANGED, REFUSED = Verdict
ANOTHER = (REFUSED, "tenant_has_another_sendable")


@pytest.fixture(scope="module")
def engine(module_database_url: str) -> Iterator[Engine]:
    engine = make_engine(module_database_url, pool_size=8, application_name="email-test")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def store(engine: Engine) -> PostgresStore:
    """One database for all tests here: each has tenants of its own."""
    return PostgresStore(engine)


@pytest.fixture(scope="module")
def other_store(module_database_url: str) -> Iterator[PostgresStore]:
    engine = make_engine(module_database_url, application_name="email-test-other")
    yield PostgresStore(engine)
    engine.dispose()


def signalled(trigger: Trigger) -> Act:
    """As an operator sends it."""

    def act(store: Store, one: EmailConfiguration) -> Told:
        ports = ConfigurationPorts(store, RecordingDoorbell(), new_id)
        done = signal(ports, one.tenant_id, one.e_id, trigger, author="olga", reason=None)
        assert done is not None
        return done.decision.verdict, done.decision.reason

    return act


def reported(trigger: Trigger) -> Act:
    """As a worker reports it."""

    def act(store: Store, one: EmailConfiguration) -> Told:
        with store.begin() as tx:
            held = tx.configurations.get(one.e_id, lock=Lock.UPDATE)
            assert held is not None
            decision = steer(tx, held, trigger, Change("worker", trigger)).decision
        return decision.verdict, decision.reason

    return act


def add(store: Store, *configurations: EmailConfiguration, jobs: int = 0) -> None:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)
            tx.jobs.accept([new_job(one) for _ in range(jobs)])


def now(store: Store, one: EmailConfiguration) -> EmailConfiguration:
    with store.begin() as tx:
        held = tx.configurations.get(one.e_id)
    assert held is not None
    return held


def jobs_of(store: Store, one: EmailConfiguration) -> list[EmailJob]:
    with store.begin() as tx:
        found = tx.jobs.query(one.tenant_id, Query(size=500)).rows
    return [job for job in found if job.configuration_id == one.e_id]


def statuses(store: Store, one: EmailConfiguration) -> Counter[JobStatus]:
    return Counter(job.status for job in jobs_of(store, one))


@pytest.fixture
def until_waiting(engine: Engine) -> Callable[[int], None]:
    """Returns once so many sessions of this database wait for a lock; asks PostgreSQL, and not the clock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def wait(sessions: int) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for _ in range(100_000):
                if connection.scalar(waiting) >= sessions:
                    return
        pytest.fail("nobody waits")

    return wait


@dataclass(frozen=True)
class Result:
    """What both were told, and what is left: the states, why they changed, the jobs."""

    told: tuple[Told, ...]
    states: tuple[Operational, Administrative, bool]
    causes: tuple[str, ...]
    jobs: Counter[JobStatus]


@dataclass(frozen=True)
class Meeting:
    acts: tuple[Act, Act]
    given: dict[str, Any] = field(default_factory=dict)
    jobs: int = 0

    def arranged(self, store: Store) -> EmailConfiguration:
        one = configuration(tenant_id=uuid4(), **self.given)
        add(store, one, jobs=self.jobs)
        return one

    def one_after_the_other(self) -> Iterator[Result]:
        for order in permutations(range(2)):
            store = MemoryStore()
            one = self.arranged(store)
            told = {number: self.acts[number](store, one) for number in order}
            yield result(store, one, (told[0], told[1]))


def result(store: Store, one: EmailConfiguration, told: tuple[Told, ...]) -> Result:
    held = now(store, one)
    with store.begin() as tx:
        history = tx.configurations.history(one.e_id)
    assert [record.configuration.version for record in history] == list(range(len(history)))
    states = (held.operational, held.administrative, held.retired)
    return Result(told, states, tuple(record.cause for record in history), statuses(store, one))


def in_state(operational: Operational, administrative: Administrative, **given: Any) -> dict[str, Any]:
    return {"operational": operational, "administrative": administrative, **given}


SENDING, READY = in_state(OK, UNLOCKED), in_state(OK, LOCKED)
MEETINGS: dict[str, Meeting] = {
    "lock, force-lock": Meeting((signalled(Trigger.LOCK), signalled(Trigger.FORCE_LOCK)), SENDING, jobs=2),
    "lock, unlock": Meeting((signalled(Trigger.LOCK), signalled(Trigger.UNLOCK)), SENDING, jobs=2),
    "lock of an idle one, unlock": Meeting((signalled(Trigger.LOCK), signalled(Trigger.UNLOCK)), SENDING),
    "lock, lock": Meeting((signalled(Trigger.LOCK), signalled(Trigger.LOCK)), SENDING, jobs=2),
    "force-lock, unlock": Meeting(
        (signalled(Trigger.FORCE_LOCK), signalled(Trigger.UNLOCK)), SENDING, jobs=2
    ),
    "unlock, unlock": Meeting((signalled(Trigger.UNLOCK), signalled(Trigger.UNLOCK)), READY),
    "unlock, remove": Meeting((signalled(Trigger.UNLOCK), signalled(Trigger.REMOVE)), READY),
    "remove, remove": Meeting((signalled(Trigger.REMOVE), signalled(Trigger.REMOVE)), READY),
    "provision, remove": Meeting((signalled(Trigger.PROVISION), signalled(Trigger.REMOVE))),
    "re-provision, remove": Meeting(
        (signalled(Trigger.RE_PROVISION), signalled(Trigger.REMOVE)), in_state(Operational.MISSING, LOCKED)
    ),
    "re-verify, verified": Meeting(
        (signalled(Trigger.RE_VERIFY), reported(Trigger.VERIFIED)), in_state(AWAITING, LOCKED)
    ),
    "re-verify, window exceeded": Meeting(
        (signalled(Trigger.RE_VERIFY), reported(Trigger.WINDOW_EXCEEDED)), in_state(AWAITING, LOCKED)
    ),
    "unlock, verified": Meeting(
        (signalled(Trigger.UNLOCK), reported(Trigger.VERIFIED)), in_state(AWAITING, LOCKED, recovering=True)
    ),
    "remove, verified": Meeting(
        (signalled(Trigger.REMOVE), reported(Trigger.VERIFIED)), in_state(AWAITING, LOCKED)
    ),
    "remove, provisioned": Meeting(
        (signalled(Trigger.REMOVE), reported(Trigger.PROVISIONED)),
        in_state(Operational.PROVISIONING, LOCKED),
    ),
    "unlock, send faults": Meeting(
        (signalled(Trigger.UNLOCK), reported(Trigger.SEND_FAULTS_REACHED)), in_state(OK, LOCKED)
    ),
    "force-lock, send accepted": Meeting(
        (signalled(Trigger.FORCE_LOCK), reported(Trigger.SEND_ACCEPTED)), in_state(DEGRADED, UNLOCKED), jobs=1
    ),
    "force-lock, drained": Meeting(
        (signalled(Trigger.FORCE_LOCK), reported(Trigger.DRAINED)), in_state(OK, LOCKING), jobs=1
    ),
    "send faults, verified": Meeting(
        (reported(Trigger.SEND_FAULTS_REACHED), reported(Trigger.VERIFIED)), in_state(AWAITING, UNLOCKED)
    ),
}


@pytest.mark.parametrize("meeting", MEETINGS.values(), ids=MEETINGS)
@pytest.mark.parametrize("first", [0, 1])
def test_two_who_meet_come_to_what_one_after_the_other_would(
    store: PostgresStore,
    other_store: PostgresStore,
    elsewhere: Elsewhere,
    until_waiting: Callable[[int], None],
    meeting: Meeting,
    first: int,
) -> None:
    one = meeting.arranged(store)
    pending: dict[int, Future[Told]] = {}
    with store.begin() as tx:
        tx.configurations.get(one.e_id, lock=Lock.UPDATE)
        for waiting, number in enumerate((first, 1 - first), start=1):
            pending[number] = elsewhere(partial(meeting.acts[number], other_store, one))
            until_waiting(waiting)
    told = (pending[0].result(), pending[1].result())
    assert result(store, one, told) in list(meeting.one_after_the_other())


def test_of_a_tenants_configurations_unlocked_at_once_one_wins_and_the_others_are_told(
    store: PostgresStore, elsewhere: Elsewhere
) -> None:
    tenant = uuid4()
    ones = [configuration(operational=OK, tenant_id=tenant) for _ in range(4)]
    add(store, *ones)
    together = Barrier(len(ones))

    def unlock(one: EmailConfiguration) -> Told:
        together.wait()
        return signalled(Trigger.UNLOCK)(store, one)

    for _ in range(5):
        told = [pending.result() for pending in [elsewhere(partial(unlock, one)) for one in ones]]
        assert Counter(told) == {(CHANGED, "unlock"): 1, ANOTHER: 3}
        (winner,) = [one for one in ones if now(store, one).administrative is UNLOCKED]
        assert told[ones.index(winner)] == (CHANGED, "unlock")
        assert signalled(Trigger.LOCK)(store, winner) == (CHANGED, "lock")


@pytest.mark.parametrize(
    ("committed", "expected"), [(True, ANOTHER), (False, (CHANGED, "unlock"))], ids=["commits", "fails"]
)
def test_an_unlock_waits_for_the_tenants_other_and_is_refused_if_that_one_commits(
    store: PostgresStore,
    other_store: PostgresStore,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
    committed: bool,
    expected: Told,
) -> None:
    tenant = uuid4()
    one, two = [configuration(operational=OK, tenant_id=tenant) for _ in range(2)]
    add(store, one, two)

    class Interrupted(Exception):
        pass

    def unlock_one() -> Future[Told]:
        with store.begin() as tx:
            held = tx.configurations.get(one.e_id, lock=Lock.UPDATE)
            assert held is not None
            assert steer(tx, held, Trigger.UNLOCK, CREATED).changed
            pending.append(elsewhere(partial(signalled(Trigger.UNLOCK), other_store, two)))
            until_somebody_waits()
            if not committed:
                raise Interrupted
        return pending[0]

    pending: list[Future[Told]] = []
    try:
        unlock_one()
    except Interrupted:
        assert not committed
    assert pending[0].result() == expected
    assert {now(store, one).administrative, now(store, two).administrative} == {LOCKED, UNLOCKED}


class Provider:
    """Says of each message what `answer` says, and counts those it took, or may have taken."""

    def __init__(self, answer: Callable[[OutboundMessage], Outcome]) -> None:
        self._answer = answer
        self._mutex = Mutex()
        self.taken: Counter[UUID] = Counter()

    def send(
        self, server_token: str, messages: Sequence[OutboundMessage], *, not_after_monotonic: float
    ) -> list[Outcome]:
        with self._mutex:
            outcomes = [self._answer(message) for message in messages]
            took = (isinstance(outcome, Accepted | Unknown) for outcome in outcomes)
            self.taken.update(message.job_id for message, yes in zip(messages, took, strict=True) if yes)
        return outcomes


def accepted(message: OutboundMessage) -> Outcome:
    return Accepted(str(message.job_id))


def deferred(_message: OutboundMessage) -> Outcome:
    return Deferred("503", "come back later")


def deps_of(store: Store, provider: Provider) -> SendDeps:
    return SendDeps(
        store=store,
        sender=provider,
        sent_messages=cast("Any", None),
        cipher=FakeCipher(),
        doorbell=RecordingDoorbell(),
        new_id=new_id,
        zone_name="dev.ardamails.com",
        # Deferred jobs are due again at once; jobs of long ago have not expired.
        policy=replace(POLICY, retry_base_seconds=0.0, max_age=timedelta(days=36_500)),
    )


def may_send(store: Store, *, jobs: int = 0, **given: Any) -> EmailConfiguration:
    one = sendable(**{"tenant_id": uuid4(), **given})
    envelope = FakeCipher().encrypt("token", tenant_id=one.tenant_id, configuration_id=one.e_id)
    one = replace(one, provisioned=provisioned(server_token=envelope))
    add(store, one, jobs=jobs)
    return one


def taken(store: Store, one: EmailConfiguration, provider: Provider) -> Batch:
    batch = claim_batch(one.e_id, deps_of(store, provider))
    assert batch is not None
    return batch


FORCE_LOCK = signalled(Trigger.FORCE_LOCK)


def test_a_forced_lock_waits_for_a_claim_and_cancels_what_it_left(
    store: PostgresStore, other_store: PostgresStore, elsewhere: Elsewhere, until_somebody_waits: Wait
) -> None:
    one = may_send(store, jobs=3)
    with store.begin() as tx:
        tx.configurations.get(one.e_id, lock=Lock.SHARE)
        claim = tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=2, lease_seconds=60)
        lock = elsewhere(partial(FORCE_LOCK, other_store, one))
        until_somebody_waits()
    assert lock.result() == (CHANGED, "force-lock")
    assert statuses(store, one) == {JobStatus.SENDING: 2, JobStatus.CANCELLED: 1}
    with store.begin() as tx:
        sent = [Settlement(job.e_id, JobStatus.SENT, provider_message_id="m") for job in claim.jobs]
        assert len(tx.jobs.record(claim.claim_id, sent)) == 2


def test_a_claim_waits_for_a_forced_lock_and_takes_nothing(
    store: PostgresStore, other_store: PostgresStore, elsewhere: Elsewhere, until_somebody_waits: Wait
) -> None:
    one = may_send(store, jobs=3)
    with store.begin() as tx:
        held = tx.configurations.get(one.e_id, lock=Lock.UPDATE)
        assert held is not None
        assert steer(tx, held, Trigger.FORCE_LOCK, CREATED).cancelled_jobs == 3
        claim = elsewhere(partial(claim_batch, one.e_id, deps_of(other_store, Provider(accepted))))
        until_somebody_waits()
    assert claim.result() is None
    assert statuses(store, one) == {JobStatus.CANCELLED: 3}


@pytest.mark.parametrize(
    ("answer", "left"),
    [(accepted, JobStatus.SENT), (deferred, JobStatus.CANCELLED)],
    ids=["sent", "deferred"],
)
def test_a_result_that_waits_for_a_forced_lock_leaves_nothing_in_the_queue(
    store: PostgresStore,
    other_store: PostgresStore,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
    answer: Callable[[OutboundMessage], Outcome],
    left: JobStatus,
) -> None:
    one = may_send(store, jobs=3)
    provider = Provider(answer)
    batch = taken(other_store, one, provider)
    with store.begin() as tx:
        held = tx.configurations.get(one.e_id, lock=Lock.UPDATE)
        assert held is not None
        steer(tx, held, Trigger.FORCE_LOCK, CREATED)
        recorded = elsewhere(partial(send_batch, batch, deps_of(other_store, provider)))
        until_somebody_waits()
    recorded.result()
    assert statuses(store, one) == {left: 3}


def test_a_forced_lock_waits_for_a_result_and_cancels_what_that_put_back(
    store: PostgresStore, other_store: PostgresStore, elsewhere: Elsewhere, until_somebody_waits: Wait
) -> None:
    one = may_send(store, jobs=2)
    batch = taken(store, one, Provider(accepted))
    sent, again = (job.e_id for job in batch.jobs)
    with store.begin() as tx:
        tx.configurations.get(one.e_id, lock=Lock.SHARE)
        settled = [
            Settlement(sent, JobStatus.SENT, provider_message_id="m"),
            Settlement(again, JobStatus.QUEUED, due_at=tx.now()),
        ]
        tx.jobs.record(batch.claim_id, settled)
        lock = elsewhere(partial(FORCE_LOCK, other_store, one))
        until_somebody_waits()
    assert lock.result() == (CHANGED, "force-lock")
    assert statuses(store, one) == {JobStatus.SENT: 1, JobStatus.CANCELLED: 1}


STEPS = {(LOCKED, UNLOCKED), (UNLOCKED, LOCKING), (UNLOCKED, LOCKED), (LOCKING, LOCKED)}
ROUNDS = 40


@dataclass(frozen=True)
class Storm:
    """Two tenants with two configurations each, and everybody who has to do with them."""

    store: Store
    provider: Provider
    ones: Sequence[EmailConfiguration]

    def operator(self, chance: random.Random) -> None:
        trigger = chance.choice([Trigger.LOCK, Trigger.UNLOCK, Trigger.UNLOCK, Trigger.FORCE_LOCK])
        signalled(trigger)(self.store, chance.choice(self.ones))

    def caller(self, chance: random.Random) -> None:
        one = chance.choice(self.ones)
        with self.store.begin() as tx:
            held = tx.configurations.get(one.e_id, lock=Lock.SHARE)
            assert held is not None
            if held.can_send:
                tx.jobs.accept([new_job(one) for _ in range(3)])

    def worker(self, chance: random.Random) -> None:
        send_jobs(chance.choice(self.ones).e_id, deps_of(self.store, self.provider))

    def scheduler(self, _chance: random.Random) -> None:
        with self.store.begin() as tx:
            draining = tx.configurations.locking(10)
        for e_id in draining:
            finish_drain(self.store, e_id, author="scheduler")

    @property
    def everybody(self) -> list[Callable[[random.Random], None]]:
        return [self.operator] * 3 + [self.caller] + [self.worker] * 2 + [self.scheduler]


def test_in_a_storm_of_signals_and_sends_nobody_deadlocks_and_every_state_is_legal(
    store: PostgresStore,
) -> None:
    tenants = [uuid4(), uuid4()]
    unlocked = [may_send(store, jobs=10, tenant_id=tenant) for tenant in tenants]
    locked = [may_send(store, tenant_id=tenant, administrative=LOCKED) for tenant in tenants]
    storm = Storm(store, Provider(mostly_accepted), unlocked + locked)
    together = Barrier(len(storm.everybody))

    def often(seed: int, act: Callable[[random.Random], None]) -> None:
        chance = random.Random(seed)
        together.wait()
        for _ in range(ROUNDS):
            act(chance)

    with ThreadPoolExecutor(len(storm.everybody)) as threads:
        # A deadlock that PostgreSQL had to break would be raised here, as StoreUnavailable.
        for done in [threads.submit(often, seed, act) for seed, act in enumerate(storm.everybody)]:
            done.result()
    check_tenants(store, storm.ones)
    for one in storm.ones:
        check_jobs(store, one, storm.provider)
    # By chance one of them may never get its tenant's turn to be unlocked.
    taken = [check_steps(store, one) for one in storm.ones]
    assert any(taken)


def mostly_accepted(message: OutboundMessage) -> Outcome:
    kind = message.job_id.int % 10
    if kind == 0:
        return Unknown("timeout", "no answer")
    # Until a claim's id is odd.
    put_off = kind < 4 and message.claim_id.int % 2 == 0
    return deferred(message) if put_off else accepted(message)


def check_tenants(store: Store, ones: Sequence[EmailConfiguration]) -> None:
    held = [now(store, one) for one in ones]
    may_claim = Counter(one.tenant_id for one in held if one.administrative is not LOCKED)
    assert all(count == 1 for count in may_claim.values())


def check_steps(store: Store, one: EmailConfiguration) -> set[tuple[Administrative, Administrative]]:
    with store.begin() as tx:
        history = [record.configuration for record in tx.configurations.history(one.e_id)]
    assert [known.version for known in history] == list(range(len(history)))
    steps = {(before.administrative, after.administrative) for before, after in pairwise(history)}
    assert steps <= STEPS
    return steps


def check_jobs(store: Store, one: EmailConfiguration, provider: Provider) -> None:
    counted = statuses(store, one)
    assert counted[JobStatus.SENDING] == 0
    assert counted[JobStatus.QUEUED] == 0 or now(store, one).administrative is not LOCKED
    assert set(counted) <= {JobStatus.QUEUED, JobStatus.SENT, JobStatus.IN_DOUBT, JobStatus.CANCELLED}
    for job in jobs_of(store, one):
        assert provider.taken[job.e_id] == (job.status in (JobStatus.SENT, JobStatus.IN_DOUBT))


def test_workers_that_find_the_same_at_once_lengthen_one_run(
    store: PostgresStore, elsewhere: Elsewhere
) -> None:
    one = configuration()
    add(store, one)
    together = Barrier(4)

    def record() -> None:
        together.wait()
        for _ in range(10):
            with store.begin() as tx:
                tx.checks.record(one.e_id, Check(dkim_verified=False))

    for done in [elsewhere(record) for _ in range(4)]:
        done.result()
    assert [run.times for run in runs_of(store, one)] == [40]


def test_workers_that_find_different_things_at_once_lose_none_and_keep_runs_apart(
    store: PostgresStore, elsewhere: Elsewhere
) -> None:
    one = configuration()
    add(store, one)
    together = Barrier(4)

    def record(found: bool) -> None:
        together.wait()
        for _ in range(10):
            with store.begin() as tx:
                tx.checks.record(one.e_id, Check(dkim_verified=found))

    for done in [elsewhere(partial(record, bool(number % 2))) for number in range(4)]:
        done.result()
    runs = runs_of(store, one)
    assert sum(run.times for run in runs) == 40
    assert all(newer.check != older.check for newer, older in pairwise(runs))
    assert all(newer.first_at > older.last_at for newer, older in pairwise(runs))


def runs_of(store: Store, one: EmailConfiguration) -> list[CheckRun]:
    with store.begin() as tx:
        return tx.checks.latest(one.e_id, limit=50)
