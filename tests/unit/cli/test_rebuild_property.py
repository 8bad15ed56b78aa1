"""Rebuilding is a second way to the same rows: it finds what was tampered with, and nothing else."""

from dataclasses import dataclass, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.event import EventFacts, EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.domain.suppression import SuppressionReason
from tests import factories
from tests.unit.cli.log_world import LogWorld, changed, facts_about, ids

S = JobStatus
# Status and outcome of its attempt: every way in which a job may be found by its first event.
SENT_BY_LEDGER = (S.SENT, S.SENT, True)
FAILED_BY_LEDGER = (S.FAILED, S.FAILED, True)
SUPPRESSED_BY_LEDGER = (S.SUPPRESSED, S.SUPPRESSED, True)
BEGINNINGS = (
    SENT_BY_LEDGER,
    FAILED_BY_LEDGER,
    SUPPRESSED_BY_LEDGER,
    (S.SENDING, None, True),
    (S.IN_DOUBT, S.IN_DOUBT, True),
    (S.QUEUED, S.QUEUED, True),
    (S.QUEUED, None, False),
    (S.CANCELLED, None, False),
    (S.SUPPRESSED, None, False),
    (S.FAILED, None, True),
)
CONCERN = (S.SENT, S.DELIVERED, S.BOUNCED, S.COMPLAINED)
SETTLED = (*CONCERN, S.FAILED, S.SUPPRESSED, S.CANCELLED, S.INCONSISTENT)
IN_FLIGHT = (S.QUEUED, S.SENDING, S.IN_DOUBT)
TOLD: tuple[tuple[EventKind, dict[str, object]], ...] = (
    (EventKind.DELIVERY, {}),
    (EventKind.BOUNCE, {"hard_bounce": True}),
    (EventKind.BOUNCE, {"hard_bounce": False}),
    (EventKind.SPAM_COMPLAINT, {}),
    (EventKind.OPEN, {}),
    (EventKind.SUBSCRIPTION_CHANGE, {"suppresses": True}),
    (EventKind.SUBSCRIPTION_CHANGE, {"suppresses": False}),
    (EventKind.OTHER, {}),
)


@dataclass(frozen=True)
class Step:
    """`deed` is what is done to the job with this number; `told` and `seconds` are of events."""

    deed: str
    job: int
    told: int
    seconds: int


STEPS = st.lists(
    st.builds(
        Step,
        deed=st.sampled_from(
            ["tell"] * 8 + ["repeat"] * 2 + ["project"] * 5 + ["resolve"] * 3 + ["add", "lift"]
        ),
        job=st.integers(0, 4),
        told=st.integers(0, len(TOLD) - 1),
        seconds=st.integers(0, 400_000_000),
    ),
    max_size=40,
)
HISTORIES = st.tuples(st.lists(st.sampled_from(BEGINNINGS), min_size=1, max_size=5), STEPS)
History = tuple[list[tuple[JobStatus, JobStatus | None, bool]], list[Step]]


def lived(history: History) -> tuple[LogWorld, list[EmailJob]]:
    """The world as ingress, projection and operators left it; everything that came in is projected."""
    beginnings, steps = history
    world = LogWorld()
    jobs = [world.add_job(status, outcome=outcome, attempted=made) for status, outcome, made in beginnings]
    told: list[tuple[EmailJob, EventFacts]] = []
    for step in steps:
        job = jobs[step.job % len(jobs)]
        match step.deed:
            case "tell":
                kind, extra = TOLD[step.told]
                at = factories.later(seconds=step.seconds)
                by_job_id = step.seconds % 2 == 0
                told.append((job, facts_about(job, kind, by_job_id=by_job_id, occurred_at=at, **extra)))
                world.tell(*told[-1])
            case "repeat" if told:
                world.tell(*told[step.told % len(told)])
            case "project":
                world.project()
            case "resolve":
                world.resolve(job)
            case "add":
                world.suppress(job.recipient)
            case "lift":
                world.lift(job.recipient)
    world.project()
    return world, jobs


@given(HISTORIES)
@settings(max_examples=60)
def test_rebuild_finds_nothing_whatever_the_order_repeats_and_resolutions_were(history: History) -> None:
    world, _ = lived(history)
    assert world.rebuild() == ([], [])


@given(HISTORIES, st.integers(0, 2**32))
@settings(max_examples=60)
def test_rebuild_finds_and_mends_exactly_the_jobs_that_were_tampered_with(
    history: History, seed: int
) -> None:
    world, jobs = lived(history)
    before, random = world.statuses(), Random(seed)
    tampered = []
    for job, beginning in zip(jobs, history[0], strict=False):
        other = [
            status for status in detectable(beginning, before[job.e_id]) if status is not before[job.e_id]
        ]
        if world.is_told_of(job) and other and random.random() < 0.5:
            world.tamper(job, random.choice(other))
            tampered.append(job.e_id)
    assert sorted(ids(world.rebuild()[0])) == sorted(tampered)
    assert [world.statuses()[e_id] for e_id in tampered] != [
        before[e_id] for e_id in tampered
    ] or not tampered
    assert sorted(ids(world.rebuild(apply=True)[0])) == sorted(tampered)
    assert world.statuses() == before
    assert world.rebuild() == ([], [])


def detectable(beginning: tuple[JobStatus, JobStatus | None, bool], held: JobStatus) -> tuple[JobStatus, ...]:
    """What a row may be changed to so that its log gives it away.

    Of a job that no attempt vouches for, the row alone knows that it was never taken; and one that waits may have been
    put back, so it is left alone.
    """
    if beginning == SENT_BY_LEDGER:
        return (*SETTLED, *IN_FLIGHT)
    if beginning in (FAILED_BY_LEDGER, SUPPRESSED_BY_LEDGER):
        return SETTLED
    return CONCERN if beginning[0] in IN_FLIGHT and held in CONCERN else ()


@given(HISTORIES, st.integers(0, 2**32))
@settings(max_examples=60)
def test_rebuild_finds_and_mends_exactly_the_addresses_that_were_tampered_with(
    history: History, seed: int
) -> None:
    world, jobs = lived(history)
    before, random = world.active(), Random(seed)
    for job in jobs:
        entry = world.entry(job.recipient)
        if entry is None or random.random() < 0.5:
            continue
        if entry.active and random.random() < 0.5:
            other = [reason for reason in SuppressionReason if reason is not entry.reason]
            world.put_entry(replace(entry, reason=random.choice(other)))
        else:
            lifted_at = entry.since if entry.active else None
            world.put_entry(replace(entry, active=not entry.active, lifted_at=lifted_at))
    if random.random() < 0.5:
        world.put_entry(factories.suppression(address="nobody-told-of@example.com"))
    tampered = changed(before, world.active())
    assert {one.address for one in world.rebuild()[1]} == tampered
    assert {one.address for one in world.rebuild(apply=True)[1]} == tampered
    assert world.active() == before
    assert world.rebuild() == ([], [])
