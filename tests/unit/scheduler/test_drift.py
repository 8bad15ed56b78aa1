"""When the assertions are checked, and what is told of their freshness."""

from dataclasses import replace
from datetime import timedelta

from scheduler import jobs
from scheduler.jobs import SchedulerDeps
from shared.domain.drift import Assertion, Discrepancy, Drift, Problem, Verdict
from shared.messaging.messages import CheckDrift
from shared.telemetry.exposition import OF_THE_LEADER
from tests.factories import TENANT
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore

QUARTER_HOUR = 900.0


def deps(**given: object) -> tuple[SchedulerDeps, MemoryStore, RecordingDoorbell]:
    store, doorbell = MemoryStore(), RecordingDoorbell()
    plain = SchedulerDeps(store, doorbell, limit=3, look_in_seconds=0, keys=FakeCipher())
    return replace(plain, **given), store, doorbell  # type: ignore[arg-type]


def rung(doorbell: RecordingDoorbell) -> list[object]:
    found: list[object] = list(doorbell.rung)
    doorbell.rung.clear()
    return found


def finish(store: MemoryStore, assertion: Assertion, verdict: Verdict = Verdict.CLEAN) -> None:
    with store.begin() as tx:
        round = tx.rounds.begin(assertion.e_id, lease_seconds=60)
        assert round is not None
        tx.rounds.finish(round, verdict=verdict, checked=1, calls=1)


def test_nothing_is_checked_that_is_not_switched_on() -> None:
    off, _, doorbell = deps()
    jobs.due_drift(off)
    assert rung(doorbell) == []


def test_what_is_switched_on_is_checked_at_once_and_then_at_its_interval() -> None:
    on, store, doorbell = deps(drift_seconds={Assertion.DNS: QUARTER_HOUR})
    jobs.due_drift(on)
    assert rung(doorbell) == [CheckDrift(Assertion.DNS.e_id)]
    finish(store, Assertion.DNS)
    store.advance(seconds=QUARTER_HOUR - 1)
    jobs.due_drift(on)
    assert rung(doorbell) == []
    store.advance(seconds=1)
    jobs.due_drift(on)
    assert rung(doorbell) == [CheckDrift(Assertion.DNS.e_id)]


def test_a_round_that_somebody_is_at_work_on_is_not_rung_for() -> None:
    on, store, doorbell = deps(drift_seconds={Assertion.DNS: QUARTER_HOUR})
    jobs.due_drift(on)
    rung(doorbell)
    with store.begin() as tx:
        tx.rounds.begin(Assertion.DNS.e_id, lease_seconds=60)
    jobs.due_drift(on)
    assert rung(doorbell) == []
    store.advance(timedelta(seconds=61))
    jobs.due_drift(on)
    assert rung(doorbell) == [CheckDrift(Assertion.DNS.e_id)]


def test_what_an_operator_asks_for_is_checked_whatever_the_switches_say() -> None:
    off, store, doorbell = deps()
    with store.begin() as tx:
        tx.rounds.ask(Assertion.REGISTRY)
    jobs.due_drift(off)
    assert rung(doorbell) == [CheckDrift(Assertion.REGISTRY.e_id)]


def metric(name: str, **labels: str) -> float | None:
    return OF_THE_LEADER.get_sample_value(name, labels)


def test_freshness_intervals_and_findings_are_told_with_those_that_never_were() -> None:
    on, store, _ = deps(drift_seconds={Assertion.DNS: QUARTER_HOUR})
    jobs.due_drift(on)
    finish(store, Assertion.DNS, Verdict.DRIFTED)
    with store.begin() as tx:
        found = Discrepancy(
            tag=Drift.ORPHAN_SERVER, problem=Problem.UNACCOUNTED, tenant_id=TENANT, server_id=99
        )
        tx.findings.observe([found])
    jobs.tell_drift(on)
    finished = store.clock.now().timestamp()
    assert metric("email_drift_last_finished_seconds", assertion="dns") == finished
    assert metric("email_drift_last_finished_seconds", assertion="registry") == 0.0
    assert metric("email_drift_findings", tag=Drift.ORPHAN_SERVER, state="open") == 1
    assert metric("email_drift_findings", tag=Drift.DKIM_MISMATCH, state="open") == 0
    assert metric("email_drift_interval_seconds", assertion="dns") == QUARTER_HOUR
    assert metric("email_drift_interval_seconds", assertion="registry") == 0.0
