"""The probe after a pause of the account, where what is due is settled without a call."""

from datetime import timedelta

from shared.domain.job import JobStatus
from shared.domain.mail import AccountFault
from shared.ports.pressure import Gate
from tests.unit.workers.send_world import World

PERSON = "person@example.com"


def paused() -> World:
    world = World()
    world.accept(PERSON)
    world.postmark.answer_next_send(AccountFault("405", "no credits"))
    world.send()
    return world


def gate(world: World) -> Gate:
    with world.store.begin() as tx:
        return tx.account.gate(probe_seconds=100)


def test_a_job_past_its_age_ends_though_nothing_else_waits() -> None:
    world = paused()
    world.store.advance(timedelta(hours=25))
    world.send()
    assert world.statuses() == {JobStatus.FAILED: 1}


def test_a_job_whose_recipient_is_suppressed_by_now_ends_too() -> None:
    world = paused()
    world.suppress(PERSON)
    world.store.advance(timedelta(hours=1))
    world.send()
    assert world.statuses() == {JobStatus.SUPPRESSED: 1}


def test_who_had_nothing_to_find_out_with_leaves_the_probe_to_the_next() -> None:
    world = paused()
    world.store.advance(timedelta(hours=25))
    world.send()
    assert (gate(world), gate(world)) == (Gate.PROBE, Gate.SHUT)
