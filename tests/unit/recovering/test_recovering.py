"""A restore left a gap: what the provider took in it is written down, once, and nothing else is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.errors import Conflict, InvalidValue, ProviderUnavailable
from shared.domain.job import EmailJob, JobStatus, checked_idempotency_key
from shared.domain.recovery import MARGIN, Found, TakenMessage, recovered_key
from shared.persistence.ids import new_id
from shared.recovering import KEY_MATERIAL, begin, end
from tests.factories import content
from tests.fakes.mail import FakeTakenMessages
from tests.unit.recovering.recovery_world import LAG, World


@pytest.fixture
def world() -> World:
    return World()


class Killed(Exception):
    """As a process is: nothing is tidied up."""


class DiesAfterAPage(FakeTakenMessages):
    def between(self, server_token: str, *, since: datetime, until: datetime) -> Iterator[list[TakenMessage]]:
        yield next(super().between(server_token, since=since, until=until))
        raise Killed


def statuses(world: World, *jobs: EmailJob) -> list[JobStatus]:
    with world.store.begin() as tx:
        found = tx.recoveries.jobs([job.e_id for job in jobs])
    return [found[job.e_id].status for job in jobs]


def test_a_queued_job_that_had_gone_out_is_sent_and_one_that_had_not_waits_on(world: World) -> None:
    acme = world.tenant()
    gone, waiting = world.accepted(acme), world.accepted(acme)
    world.sent(acme, gone.e_id)
    recovery = world.begun()
    world.looked(recovery, acme)
    assert statuses(world, gone, waiting) == [JobStatus.SENT, JobStatus.QUEUED]
    assert world.standing(recovery).found == {Found.SETTLED: 1}


@pytest.mark.parametrize(
    "waits",
    [
        {"status": JobStatus.IN_DOUBT, "claim_id": new_id(), "in_doubt_since": World().now()},
        {"status": JobStatus.SENDING, "claim_id": new_id(), "lease_until": World().now(), "due_at": None},
    ],
    ids=["in doubt", "being sent"],
)
def test_whatever_a_job_waited_for_its_message_settles_it(world: World, waits: dict[str, object]) -> None:
    acme = world.tenant()
    job = world.accepted(acme, **waits)
    message = world.sent(acme, job.e_id)
    world.looked(world.begun(), acme)
    found = world.job(acme, job.e_id)
    assert found is not None
    assert (found.status, found.claim_id, found.provider_message_id) == (
        JobStatus.SENT,
        message.claim_id,
        "message-0",
    )


def test_a_message_that_no_row_knows_is_adopted_as_a_job_that_was_sent(world: World) -> None:
    acme, lost = world.tenant(), new_id()
    world.store.advance(timedelta(minutes=3))
    sent_at = world.now()
    message = world.sent(acme, lost, recipient="who@example.com", content=content(subject="Hi", tag="orders"))
    recovery = world.begun()
    world.looked(recovery, acme)
    job = world.job(acme, lost)
    assert job is not None
    assert (job.status, job.recipient, job.tag, job.author) == (
        JobStatus.SENT,
        "who@example.com",
        "orders",
        "op",
    )
    assert (job.accepted_at, job.claim_id, job.provider_message_id) == (
        sent_at,
        message.claim_id,
        "message-0",
    )
    with world.store.begin() as tx:
        (attempt,) = tx.jobs.attempts(acme.tenant_id, lost)
        (told,) = tx.recoveries.told(recovery.e_id, found=Found.ADOPTED, limit=9)
    assert (attempt.outcome, attempt.number) == ("SENT", 1)
    assert (told.job_id, told.provider_message_id, told.taken_at) == (lost, "message-0", sent_at)


def test_the_key_of_an_adopted_job_is_none_that_a_caller_can_send() -> None:
    with pytest.raises(InvalidValue):
        checked_idempotency_key(recovered_key(new_id()))


def test_what_was_known_before_tells_nothing(world: World) -> None:
    acme = world.tenant()
    known = world.accepted(acme, status=JobStatus.DELIVERED, provider_message_id="message-0", due_at=None)
    world.sent(acme, known.e_id)
    recovery = world.begun()
    assert world.looked(recovery, acme).messages == 1
    assert world.standing(recovery).found == {}
    assert world.job(acme, known.e_id) == known


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.SUPPRESSED])
def test_a_job_that_ended_unsent_and_had_gone_out_is_told_of_and_left(
    world: World, status: JobStatus
) -> None:
    acme = world.tenant()
    ended = world.accepted(acme, status=status, due_at=None)
    world.sent(acme, ended.e_id)
    recovery = world.begun()
    world.looked(recovery, acme)
    assert world.job(acme, ended.e_id) == ended
    assert world.standing(recovery).found == {Found.CONTRADICTED: 1}


def test_a_message_that_names_another_tenants_job_changes_neither(world: World) -> None:
    acme, other = world.tenant(), world.tenant()
    theirs = world.accepted(other)
    world.sent(acme, theirs.e_id)
    recovery = world.begun()
    world.looked(recovery, acme)
    assert world.job(other, theirs.e_id) == theirs
    assert world.job(acme, theirs.e_id) is None
    assert world.standing(recovery).found == {}


def test_a_job_that_went_out_twice_is_adopted_once(world: World) -> None:
    acme, lost = world.tenant(), new_id()
    for _ in range(3):
        world.sent(acme, lost)
        world.store.advance(timedelta(seconds=1))
    recovery = world.begun()
    world.looked(recovery, acme)
    job = world.job(acme, lost)
    assert job is not None
    assert job.status is JobStatus.SENT
    assert world.standing(recovery).found == {Found.ADOPTED: 1}


def test_what_was_sent_just_before_the_restored_moment_is_asked_for_too(world: World) -> None:
    acme = world.tenant()
    early = world.accepted(acme)
    world.sent(acme, early.e_id)
    world.store.advance(MARGIN - timedelta(seconds=1))
    world.restored_at = world.now()
    world.looked(world.begun(), acme)
    assert statuses(world, early) == [JobStatus.SENT]


def test_the_second_look_is_made_only_when_the_index_has_caught_up(world: World) -> None:
    acme, lost = world.tenant(), new_id()
    world.sent(acme, lost)
    recovery = world.begun()
    world.postmark.search_sees_new = False
    world.looked(recovery, acme)
    with pytest.raises(Conflict):
        world.looked(recovery, acme, 2)
    world.store.advance(LAG)
    world.postmark.search_sees_new = True
    assert world.standing(recovery).unfinished == [acme.e_id]
    world.looked(recovery, acme, 2)
    assert world.standing(recovery).unfinished == []
    assert world.standing(recovery).found == {Found.ADOPTED: 1}


def test_a_server_that_took_more_than_is_shown_at_once_is_asked_in_smaller_spans(world: World) -> None:
    acme = world.tenant()
    lost = [new_id() for _ in range(9)]
    for e_id in lost:
        world.sent(acme, e_id)
        world.store.advance(timedelta(minutes=1))
    world.taken.reach = 2
    recovery = world.begun()
    finished = world.looked(recovery, acme)
    assert (finished.messages, finished.fault) == (9, None)
    assert finished.searched_until == finished.target
    assert world.standing(recovery).found == {Found.ADOPTED: 9}


def test_more_in_one_minute_than_is_shown_at_once_is_a_fault_that_names_itself(world: World) -> None:
    acme = world.tenant()
    for _ in range(3):
        world.sent(acme, new_id())
    world.taken.reach = 2
    broken_off = world.looked(world.begun(), acme)
    assert (broken_off.fault, broken_off.finished_at) == ("too_many", None)


def test_a_provider_that_is_away_for_a_while_is_asked_again(world: World) -> None:
    acme, lost = world.tenant(), new_id()
    world.sent(acme, lost)
    for wait in (None, 30.0, None):
        away = ProviderUnavailable("http_429", "slow down", retry_after_seconds=wait)
        world.postmark.fail_next("between", away)
    assert world.looked(world.begun(), acme).fault is None
    assert world.waited == [2.0, 30.0, 8.0]
    assert world.job(acme, lost) is not None


def test_a_provider_that_stays_away_leaves_the_look_to_be_made_again(world: World) -> None:
    acme = world.tenant()
    for _ in range(4):
        world.postmark.fail_next("between", ProviderUnavailable("timeout", "away"))
    recovery = world.begun()
    assert world.looked(recovery, acme).fault == "timeout"
    assert world.standing(recovery).fault_of(acme.e_id) == "timeout"
    assert world.standing(recovery).left(1) == [acme.e_id]
    again = world.looked(recovery, acme)
    assert again.fault is None
    assert world.standing(recovery).left(1) == []


def test_a_server_that_is_gone_stays_unfinished_with_the_providers_word(world: World) -> None:
    acme = world.tenant()
    world.postmark.servers.clear()
    broken_off = world.looked(world.begun(), acme)
    assert (broken_off.fault, broken_off.finished_at) == ("10", None)


def test_a_token_whose_key_version_is_not_mounted_stays_unfinished(world: World) -> None:
    acme = world.tenant()
    recovery = world.begun()
    world.cipher.versions.clear()
    assert world.looked(recovery, acme).fault == KEY_MATERIAL


def test_a_look_that_was_killed_between_two_pages_goes_on_and_writes_nothing_twice(world: World) -> None:
    acme = world.tenant()
    lost = [new_id() for _ in range(5)]
    for e_id in lost:
        world.sent(acme, e_id)
    recovery = world.begun()

    whole, world.taken = world.taken, DiesAfterAPage(world.postmark)
    with pytest.raises(Killed):
        world.looked(recovery, acme)
    assert world.standing(recovery).found == {Found.ADOPTED: 2}
    assert world.standing(recovery).left(1) == [acme.e_id]
    world.taken = whole
    assert world.looked(recovery, acme).messages == 5
    assert world.standing(recovery).found == {Found.ADOPTED: 5}
    assert all(world.job(acme, e_id) is not None for e_id in lost)


def test_a_finished_look_asks_nobody(world: World) -> None:
    acme = world.tenant()
    recovery = world.begun()
    first = world.looked(recovery, acme)
    calls = world.postmark.calls["between"]
    assert world.looked(recovery, acme) == first
    assert world.postmark.calls["between"] == calls


def test_every_call_is_made_in_its_turn(world: World) -> None:
    acme = world.tenant()
    for _ in range(5):
        world.sent(acme, new_id())
    recovery = world.begun()
    world.pace.busy = 2
    world.looked(recovery, acme)
    pages = 3
    assert world.postmark.calls["between"] == pages
    assert world.pace.calls == pages + 2
    assert world.waited == [0.5, 0.5]


def test_beginning_and_ending_are_kept_with_who_and_why(world: World) -> None:
    recovery = world.begun()
    end(world.ports, recovery, author="another", reason="all is told")
    with world.store.begin() as tx:
        actions = tx.audit.of(recovery.e_id)
    assert [(one.action, one.author, one.reason) for one in actions] == [
        ("recovery.begin", "op", "disk"),
        ("recovery.end", "another", "all is told"),
    ]
    with pytest.raises(Conflict):
        end(world.ports, recovery, author="another", reason="again")


def test_a_gap_that_ends_in_the_future_is_refused_and_nothing_is_held(world: World) -> None:
    until = world.now() + timedelta(seconds=1)
    with pytest.raises(InvalidValue):
        begin(world.ports, gap_from=world.restored_at, gap_until=until, author="op", reason="disk")
    with world.store.begin() as tx:
        assert not tx.recovering()


def test_nothing_is_shown_of_a_message_where_it_is_printed() -> None:
    message = TakenMessage(
        job_id=new_id(),
        claim_id=None,
        message_id="message",
        recipient="person@example.com",
        subject="Your order",
        tag=None,
        taken_at=World().now(),
    )
    assert "person@example.com" not in repr(message)
    assert "Your order" not in repr(replace(message, tag="orders"))
