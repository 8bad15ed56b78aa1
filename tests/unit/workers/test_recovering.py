"""While a recovery is open nobody sends, asks about doubts, provisions or removes; afterwards all of it goes on."""

from shared.domain.job import JobStatus
from shared.domain.lifecycle import Operational, Trigger
from shared.domain.mail import Unknown
from tests.unit.restored import begin, end
from tests.unit.workers import provisioning_world
from tests.unit.workers.send_world import POLICY, World


def test_nothing_is_sent_until_it_has_ended() -> None:
    world = World()
    world.accept("person@example.com")
    begin(world.store)
    world.send()
    assert world.statuses() == {JobStatus.QUEUED: 1}
    assert world.postmark.calls["send"] == 0
    end(world.store)
    world.send()
    assert world.statuses() == {JobStatus.SENT: 1}


def test_a_result_that_comes_in_meanwhile_is_recorded() -> None:
    world = World()
    world.accept("person@example.com")
    world.at_moment("after send", lambda: begin(world.store))
    world.send()
    assert world.statuses() == {JobStatus.SENT: 1}


def test_a_doubt_is_not_sent_again_before_it_has_ended() -> None:
    world = World()
    world.accept("person@example.com")
    world.postmark.answer_next_send(Unknown("read_timeout", "no whole answer"), taken=False)
    world.send()
    begin(world.store)
    for _ in range(4):
        world.store.advance(POLICY.index_lag_grace)
        world.resolve()
    assert world.statuses() == {JobStatus.IN_DOUBT: 1}
    assert world.postmark.calls["find_by_claim"] == 0
    end(world.store)
    for _ in range(4):
        world.store.advance(POLICY.index_lag_grace)
        world.resolve()
    assert world.statuses() != {JobStatus.IN_DOUBT: 1}
    assert world.postmark.calls["find_by_claim"] > 0


def test_nothing_is_made_at_the_provider_until_it_has_ended() -> None:
    world = provisioning_world.World()
    world.signal(Trigger.PROVISION)
    begin(world.store)
    assert world.provision() is Operational.PROVISIONING
    assert not world.postmark.calls
    end(world.store)
    assert world.provision() is Operational.AWAITING_VERIFICATION


def test_nothing_is_taken_down_until_it_has_ended() -> None:
    world = provisioning_world.World()
    world.signal(Trigger.PROVISION)
    world.provision()
    world.signal(Trigger.REMOVE)
    begin(world.store)
    calls = world.postmark.calls.copy()
    world.remove()
    assert world.postmark.calls == calls
    end(world.store)
    world.remove()
    assert world.postmark.calls["delete_server"] > 0
