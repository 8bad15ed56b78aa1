"""What may go and what may not, however old it is."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.domain.audit import OperatorAction
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.drift import Assertion, Discrepancy, Drift, FindingState, Problem
from shared.domain.event import EventFacts, EventKind
from shared.domain.job import JobStatus, Settlement
from shared.domain.replay import Fate, Replay
from shared.domain.retention import OVER, Kind
from shared.domain.traffic import Counted
from shared.persistence.ids import new_id
from shared.ports.configurations import Change
from shared.ports.store import Store
from tests.contract.store.retention_rows import old_event, old_id, old_job, removed
from tests.factories import LONG_AGO, TENANT, action, facts, later, new_job, suppression

TimePasses = Callable[[float], object]
OF_JOBS = (Kind.CONTENTS, Kind.JOBS)


def is_there(store: Store, job_id: UUID) -> bool:
    with store.begin() as tx:
        return tx.jobs.get(TENANT, job_id) is not None


def attempted(store: Store, acme: EmailConfiguration, status: JobStatus) -> UUID:
    """Claimed and recorded; FAILED makes a dead letter."""
    new = new_job(acme, e_id=old_id())
    with store.begin() as tx:
        tx.jobs.accept([new])
        claim = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=60)
        due_at = later(days=9999) if status is JobStatus.QUEUED else None
        tx.jobs.record(claim.claim_id, [Settlement(new.job.e_id, status, due_at=due_at, error_code="300")])
    return new.job.e_id


def attempts_of(store: Store, job_id: UUID) -> int:
    with store.begin() as tx:
        return len(tx.jobs.attempts(TENANT, job_id))


def discard_letters(store: Store) -> None:
    with store.begin() as tx:
        for letter in tx.dead_letters.find(DeadLetterFilter(), limit=9):
            tx.dead_letters.discard(letter, action(letter.subject_id, action="dead_letter.discard"))


# --- jobs, their contents and attempts -------------------------------------------------


@pytest.mark.parametrize("status", JobStatus)
@pytest.mark.parametrize("kind", OF_JOBS)
def test_nothing_goes_of_a_job_that_is_not_over(
    store: Store, acme: EmailConfiguration, kind: Kind, status: JobStatus
) -> None:
    job = old_job(store, acme, status)
    is_over = status not in {
        JobStatus.QUEUED,
        JobStatus.SENDING,
        JobStatus.IN_DOUBT,
        JobStatus.INCONSISTENT,
    }
    assert removed(store, kind) == int(is_over)
    assert is_there(store, job.e_id) is not (is_over and kind is Kind.JOBS)
    assert (status in OVER) is is_over


@pytest.mark.parametrize("kind", OF_JOBS)
def test_what_changed_lately_stays_however_long_ago_it_was_accepted(
    store: Store, acme: EmailConfiguration, kind: Kind
) -> None:
    with store.begin() as tx:
        now = tx.now()
    old_job(store, acme, JobStatus.SENT, updated_at=now - timedelta(days=29))
    assert removed(store, kind, keep_days=30) == 0
    old_job(store, acme, JobStatus.SENT, updated_at=now - timedelta(days=31))
    assert removed(store, kind, keep_days=30) == 1


@pytest.mark.parametrize("kind", [*OF_JOBS, Kind.ATTEMPTS])
def test_a_job_that_somebody_may_put_back_keeps_everything(
    store: Store, acme: EmailConfiguration, kind: Kind
) -> None:
    job_id = attempted(store, acme, JobStatus.FAILED)
    assert removed(store, kind) == 0
    discard_letters(store)
    assert removed(store, kind) == 1
    assert attempts_of(store, job_id) == int(kind is Kind.CONTENTS)


def test_a_job_put_back_after_its_contents_were_looked_at_is_sent_with_them(
    store: Store, acme: EmailConfiguration
) -> None:
    attempted(store, acme, JobStatus.FAILED)
    removed(store, Kind.CONTENTS)
    with store.begin() as tx:
        for letter in tx.dead_letters.find(DeadLetterFilter(), limit=9):
            assert tx.dead_letters.replay(letter, action(letter.subject_id, action="dead_letter.replay"))
    with store.begin() as tx:
        [again] = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=60).jobs
    assert again.content.subject == "Your order"


def test_a_job_goes_with_its_attempts_and_leaves_its_key_free(store: Store, acme: EmailConfiguration) -> None:
    job_id = attempted(store, acme, JobStatus.SENT)
    with store.begin() as tx:
        held = tx.jobs.get(TENANT, job_id)
    assert held is not None
    assert removed(store, Kind.JOBS) == 1
    assert attempts_of(store, job_id) == 0
    again = new_job(acme, idempotency_key=held.idempotency_key)
    with store.begin() as tx:
        assert tx.jobs.accept([again]) == {again.job.e_id}


def test_attempts_go_and_their_job_stays(store: Store, acme: EmailConfiguration) -> None:
    sent, put_back = attempted(store, acme, JobStatus.SENT), attempted(store, acme, JobStatus.QUEUED)
    assert removed(store, Kind.ATTEMPTS) == 1
    assert [attempts_of(store, job_id) for job_id in (sent, put_back)] == [0, 1]
    assert is_there(store, sent)


def test_a_job_stays_while_an_event_of_it_waits(store: Store, acme: EmailConfiguration) -> None:
    by_id, by_message = (old_job(store, acme, JobStatus.SENT) for _ in range(2))
    told = [facts(job_id=by_id.e_id), facts(message_id=by_message.provider_message_id)]
    events = [old_event(store, acme, one, projected=False) for one in told]
    assert removed(store, Kind.JOBS) == 0
    with store.begin() as tx:
        tx.events.mark_projected({events[0]: by_id.e_id, events[1]: by_message.e_id})
    assert removed(store, Kind.JOBS) == 2


def test_a_job_stays_while_its_configuration_is_caught_up(store: Store, acme: EmailConfiguration) -> None:
    job = old_job(store, acme, JobStatus.SENT)
    with store.begin() as tx:
        tx.gaps.open(LONG_AGO, tx.now(), cause="away", author="test")
    assert removed(store, Kind.JOBS) == 0
    assert removed(store, Kind.CONTENTS) == 1
    assert is_there(store, job.e_id)


# --- events ----------------------------------------------------------------------------

GOES: dict[str, tuple[EventFacts, bool]] = {
    "delivery": (facts(EventKind.DELIVERY), False),
    "hard bounce": (facts(EventKind.BOUNCE, hard_bounce=True), False),
    "soft bounce": (facts(EventKind.BOUNCE), True),
    "complaint": (facts(EventKind.SPAM_COMPLAINT), False),
    "subscription": (facts(EventKind.SUBSCRIPTION_CHANGE, suppresses=True), False),
    "open": (facts(EventKind.OPEN), True),
    "click": (facts(EventKind.CLICK), True),
    "test": (facts(EventKind.TEST), True),
    "other": (facts(EventKind.OTHER), True),
}


@pytest.mark.parametrize(("told", "goes"), GOES.values(), ids=GOES)
def test_events_go_that_say_nothing_of_status_or_suppression(
    store: Store, acme: EmailConfiguration, told: EventFacts, goes: bool
) -> None:
    old_event(store, acme, told, of=old_job(store, acme, JobStatus.DELIVERED).e_id)
    assert removed(store, Kind.EVENTS) == int(goes)


@pytest.mark.parametrize(("told", "goes"), GOES.values(), ids=GOES)
def test_with_a_job_go_its_events_but_those_that_bear_on_suppression(
    store: Store, acme: EmailConfiguration, told: EventFacts, goes: bool
) -> None:
    job = old_job(store, acme, JobStatus.DELIVERED)
    old_event(store, acme, told, of=job.e_id)
    assert removed(store, Kind.JOBS) == 1
    with store.begin() as tx:
        left = len(tx.events.for_job(TENANT, job.e_id))
    assert left == int(not goes and told.kind is not EventKind.DELIVERY)


def test_an_event_that_waits_or_is_parked_stays(store: Store, acme: EmailConfiguration) -> None:
    waits, parked = (old_event(store, acme, facts(EventKind.OPEN), projected=False) for _ in range(2))
    with store.begin() as tx:
        tx.events.park([parked])
    assert removed(store, Kind.EVENTS) == 0
    with store.begin() as tx:
        tx.events.mark_projected({waits: None})
    assert removed(store, Kind.EVENTS) == 1


@pytest.mark.parametrize("status", [JobStatus.IN_DOUBT, JobStatus.INCONSISTENT, JobStatus.SENDING])
def test_an_event_of_a_job_that_is_not_over_stays(
    store: Store, acme: EmailConfiguration, status: JobStatus
) -> None:
    old_event(store, acme, facts(EventKind.OPEN), of=old_job(store, acme, status).e_id)
    assert removed(store, Kind.EVENTS) == 0


# --- records ---------------------------------------------------------------------------


def test_whoever_looks_at_a_kept_moment_finds_what_was_found_before(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    """Some were recorded late, or for a time to come."""
    current = acme
    shifts = [0, -3000, 5000, -100, 0, 90_000, -7000, 0, -2500]
    for shift in shifts:
        time_passes(1000)
        with store.begin() as tx:
            change = Change(author="olga", cause="test", effective_at=tx.now() + timedelta(seconds=shift))
            held = tx.configurations.get(current.e_id)
            assert held is not None
            current = tx.configurations.save(held, change)
    with store.begin() as tx:
        now, before = tx.now(), tx.configurations.history(acme.e_id)
    until = now - timedelta(days=-1)
    moments = [until + timedelta(seconds=seconds) for seconds in (0, 1, 60, 4000, 5000, 100_000)]

    def looks() -> list[object]:
        with store.begin() as tx:
            as_of = tx.configurations.record_as_of
            return [as_of(acme.e_id, effective=one, recorded=other) for one in moments for other in moments]

    found = looks()
    assert removed(store, Kind.RECORDS) > 0
    assert looks() == found
    with store.begin() as tx:
        kept = tx.configurations.history(acme.e_id)
        assert tx.configurations.current_record(acme.e_id) == before[-1]
    assert {one.r_id for one in kept} < {one.r_id for one in before}


def test_the_newest_record_stays_also_where_an_older_one_holds(
    store: Store, acme: EmailConfiguration, a_moment_passes: Callable[[], object]
) -> None:
    a_moment_passes()
    with store.begin() as tx:
        backdated = Change(author="olga", cause="test", effective_at=LONG_AGO - timedelta(days=1))
        tx.configurations.save(acme, backdated)
    a_moment_passes()
    removed(store, Kind.RECORDS)
    with store.begin() as tx:
        assert tx.configurations.current_record(acme.e_id).author == "olga"


# --- what operators did, and what they had to look at ----------------------------------


def test_what_was_done_to_a_job_is_kept_as_long_as_the_job(store: Store, acme: EmailConfiguration) -> None:
    job = old_job(store, acme, JobStatus.SENT)
    of_job = action(job.e_id, e_id=old_id())
    of_nothing = action(uuid4(), e_id=old_id())
    with store.begin() as tx:
        tx.audit.keep(of_job)
        tx.audit.keep(of_nothing)
    assert removed(store, Kind.AUDIT) == 1
    with store.begin() as tx:
        assert tx.audit.of(job.e_id) == [of_job]
    removed(store, Kind.JOBS)
    assert removed(store, Kind.AUDIT) == 1


def test_a_deed_of_lately_is_kept(store: Store) -> None:
    with store.begin() as tx:
        deed: OperatorAction = action(uuid4(), e_id=old_id(), at=tx.now() - timedelta(days=29))
        tx.audit.keep(deed)
    assert removed(store, Kind.AUDIT, keep_days=30) == 0


def test_open_dead_letters_stay(store: Store, acme: EmailConfiguration) -> None:
    attempted(store, acme, JobStatus.FAILED)
    assert removed(store, Kind.DEAD_LETTERS) == 0
    discard_letters(store)
    assert removed(store, Kind.DEAD_LETTERS) == 1


def replayed(store: Store, acme: EmailConfiguration, letters: int) -> Replay:
    """A replay that has ended, of so many letters that are at rest."""
    with store.begin() as tx:
        now = tx.now()
        replay = Replay(
            e_id=new_id(),
            wanted=DeadLetterFilter(raised_until=now),
            per_second=10.0,
            author="olga",
            reason="the provider is back",
            created_at=now,
            begins_at=now,
            found=letters,
        )
        tx.replays.add(replay)
    for _ in range(letters):
        attempted(store, acme, JobStatus.FAILED)
    with store.begin() as tx:
        found = tx.dead_letters.find(DeadLetterFilter(), limit=99)
        work = tx.replays.take(replay.e_id, lease_seconds=60)
        assert work is not None
        fates = [(letter.e_id, Fate.MOVED_ON) for letter in found]
        tx.replays.finish(tx.replays.note(work, fates, next_in_seconds=0, lease_seconds=60))
    discard_letters(store)
    return replay


def test_letters_stay_as_long_as_the_replay_that_came_by_them(store: Store, acme: EmailConfiguration) -> None:
    replay = replayed(store, acme, letters=5)
    assert removed(store, Kind.DEAD_LETTERS) == 0
    assert removed(store, Kind.REPLAYS, rows=2) > 0
    with store.begin() as tx:
        assert tx.replays.get(replay.e_id) is None
    assert removed(store, Kind.DEAD_LETTERS) == 5


def test_a_replay_that_has_not_ended_stays(store: Store) -> None:
    with store.begin() as tx:
        now = tx.now()
        fields = {"per_second": 1.0, "author": "olga", "reason": "later", "found": 0}
        wanted = DeadLetterFilter(raised_until=now)
        tx.replays.add(Replay(e_id=new_id(), wanted=wanted, created_at=now, begins_at=now, **fields))  # type: ignore[arg-type]
    assert removed(store, Kind.REPLAYS) == 0


def test_findings_go_when_they_are_resolved(store: Store, a_moment_passes: Callable[[], object]) -> None:
    strays = [
        Discrepancy(tag=Drift.ORPHAN_SERVER, problem=Problem.UNACCOUNTED, server_id=number)
        for number in range(2)
    ]
    with store.begin() as tx:
        tx.findings.observe(strays)
        tx.rounds.ask(Assertion.POSTMARK_INVENTORY)
    a_moment_passes()
    with store.begin() as tx:
        round = tx.rounds.begin(Assertion.POSTMARK_INVENTORY.e_id, lease_seconds=60)
        assert round is not None
        tx.findings.observe(strays[:1], round)
    with store.begin() as tx:
        assert tx.findings.settle(round) == 1
    assert removed(store, Kind.FINDINGS) == 1
    with store.begin() as tx:
        assert [one.discrepancy for one in tx.findings.find(states=list(FindingState), limit=9)] == strays[:1]


def test_minutes_go_by_slices(store: Store, time_passes: TimePasses) -> None:
    for _ in range(5):
        with store.begin() as tx:
            tx.traffic.add({(Counted.ACCEPTED, ""): 1})
        time_passes(60)
    assert removed(store, Kind.TRAFFIC, rows=2) == 5


def test_suppressions_and_what_operators_said_of_them_are_no_kind_of_it(
    store: Store, acme: EmailConfiguration
) -> None:
    with store.begin() as tx:
        entry = tx.suppressions.add(suppression(e_id=old_id()))
    for kind in Kind:
        removed(store, kind)
    with store.begin() as tx:
        assert tx.suppressions.get(TENANT, entry.e_id) == entry
        assert len(tx.suppressions.operator_facts(TENANT, [entry.address])[entry.address]) == 1
