"""`emailctl tenant rebuild`: dry unless told otherwise, with author and reason, and how it ends."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest

from shared.domain.event import EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.domain.rebuild import job_difference
from tests import factories
from tests.unit.cli.log_world import LogWorld, facts_about, ids
from tests.unit.cli.world import OPERATOR, World

REBUILD = ("tenant", "rebuild", factories.TENANT)
WHY = ("--apply", "--reason", "incident 12")


@pytest.fixture
def log(world: World) -> LogWorld:
    return LogWorld(store=world.store)


@pytest.fixture
def told(log: LogWorld) -> Callable[[EventKind], EmailJob]:
    """A job that was sent, and of which this was told and projected."""

    def tell(kind: EventKind) -> EmailJob:
        job = log.add_job(JobStatus.SENT, outcome=JobStatus.SENT)
        log.tell(job, facts_about(job, kind, by_job_id=True, hard_bounce=kind is EventKind.BOUNCE))
        log.project()
        return job

    return tell


Told = Callable[[EventKind], EmailJob]


def test_rows_that_say_what_the_log_says_are_left_alone(world: World, told: Told) -> None:
    told(EventKind.BOUNCE)
    assert world.run_json(*REBUILD) == {"lookedAt": 2, "applied": False, "jobs": [], "suppressions": []}


def test_a_dry_run_shows_what_differs_and_changes_nothing(world: World, log: LogWorld, told: Told) -> None:
    job = told(EventKind.BOUNCE)
    log.tamper(job, JobStatus.DELIVERED)
    log.store._state.entries.clear()
    found = world.run_json(*REBUILD, code=8)
    assert found["jobs"] == [{"jobEId": str(job.e_id), "is": "DELIVERED", "shouldBe": "BOUNCED"}]
    assert found["suppressions"] == [{"address": job.recipient, "is": None, "shouldBe": "HARD_BOUNCE"}]
    assert "--apply" in world.run(*REBUILD).stderr
    assert (log.job(job).status, log.active()) == (JobStatus.DELIVERED, {})


def test_apply_mends_and_keeps_who_did_it_and_why(world: World, log: LogWorld, told: Told) -> None:
    job = told(EventKind.BOUNCE)
    log.tamper(job, JobStatus.DELIVERED)
    log.store._state.entries.clear()
    outcome = world.run(*REBUILD, *WHY, "--yes")
    assert outcome.exit_code == 0, outcome.output
    assert "2 differ and were mended" in outcome.stdout
    assert (log.job(job).status, log.active()) == (JobStatus.BOUNCED, {job.recipient: "HARD_BOUNCE"})
    with world.store.begin() as tx:
        (action,) = tx.jobs.actions(job.tenant_id, job.e_id)
    assert (action.action, action.author, action.reason) == ("job.rebuild", OPERATOR, "incident 12")
    assert world.run(*REBUILD).exit_code == 0


def test_an_entry_that_nothing_tells_of_is_lifted_by_name(world: World, log: LogWorld) -> None:
    log.put_entry(factories.suppression(address="nobody@example.com"))
    assert world.run(*REBUILD, *WHY, "--yes").exit_code == 0
    entry = log.entry("nobody@example.com")
    assert entry is not None
    assert (entry.active, entry.author, entry.note) == (False, OPERATOR, "rebuild: incident 12")


def test_one_of_both_may_be_rebuilt_alone(world: World, log: LogWorld, told: Told) -> None:
    log.tamper(told(EventKind.BOUNCE), JobStatus.DELIVERED)
    log.store._state.entries.clear()
    only_jobs = world.run_json(*REBUILD, "--jobs", code=8)
    assert (len(only_jobs["jobs"]), only_jobs["suppressions"]) == (1, [])
    only_addresses = world.run_json(*REBUILD, "--suppressions", code=8)
    assert (only_addresses["jobs"], len(only_addresses["suppressions"])) == ([], 1)


@pytest.mark.parametrize(
    ("args", "env", "code"),
    [
        (("--apply", "--yes"), {}, 2),
        ((*WHY, "--yes"), {"EMAIL_AUTHOR": None}, 2),
        (WHY, {}, 5),
    ],
)
def test_apply_wants_a_reason_an_author_and_a_yes(
    world: World, log: LogWorld, told: Told, args: tuple[str, ...], env: dict[str, str | None], code: int
) -> None:
    job = told(EventKind.DELIVERY)
    log.tamper(job, JobStatus.SENT)
    assert world.run(*REBUILD, *args, **env).exit_code == code
    assert log.job(job).status is JobStatus.SENT


def test_a_tenant_that_is_none_is_not_found(world: World) -> None:
    assert world.run("tenant", "rebuild", UUID(int=7)).exit_code == 6


def test_a_long_log_is_walked_in_slices(world: World, log: LogWorld) -> None:
    jobs = [log.add_job(JobStatus.SENT, outcome=JobStatus.SENT) for _ in range(405)]
    for job in jobs:
        log.tell(job, facts_about(job, EventKind.DELIVERY, by_job_id=True))
    while any(log.job(job).status is not JobStatus.DELIVERED for job in jobs):
        log.project()
    for job in (jobs[0], jobs[199], jobs[200], jobs[404]):
        log.tamper(job, JobStatus.SENT)
    assert ids(log.rebuild(apply=True)[0]) == [jobs[0].e_id, jobs[199].e_id, jobs[200].e_id, jobs[404].e_id]
    assert set(log.statuses().values()) == {JobStatus.DELIVERED}


def test_a_message_id_that_no_event_gave_tells_that_the_provider_has_it() -> None:
    found_by_search = factories.job(status=JobStatus.INCONSISTENT, provider_message_id="m-1", due_at=None)
    delivery = factories.event(
        None, factories.facts(EventKind.DELIVERY, message_id="m-2"), projected_at=factories.LONG_AGO
    )
    difference = job_difference(found_by_search, [delivery], [], [])
    assert difference is not None
    assert difference.should_be is JobStatus.DELIVERED
    only_told = replace(found_by_search, provider_message_id="m-2")
    assert job_difference(only_told, [delivery], [], []) is None


def test_a_job_that_was_put_back_waits_and_is_left_alone() -> None:
    waiting = factories.job(status=JobStatus.QUEUED)
    opened = factories.event(None, factories.facts(EventKind.OPEN), projected_at=factories.LONG_AGO)
    put_back = factories.action(waiting.e_id, action="dead_letter.replay", at=factories.later(hours=1))
    assert job_difference(waiting, [opened], [], [put_back]) is None
