"""Rings as they lie in Valkey: what coalesces, what does not, and what no flag can hide."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import dramatiq
import pytest
import redis

from shared.messaging.messages import ProvisionConfiguration, SendJobs, VerifyConfiguration
from shared.messaging.rings import envelope
from tests.integration.messaging.world import Bell, Rows, working
from tests.waiting import eventually

ROW = UUID("019b0000-0000-7000-8000-000000000001")
RING = SendJobs(ROW)

MakeBell = Callable[..., Bell]


def evalsha_calls(client: "redis.Redis") -> int:
    found = client.info("commandstats")
    assert isinstance(found, dict)
    return int(found.get("cmdstat_evalsha", {}).get("calls", 0))


def test_a_ring_lies_in_redis_as_dramatiq_itself_would_have_put_it(bell: Bell) -> None:
    other = Bell(bell.settings.url, namespace=f"{bell.namespace}-plain")
    bell.doorbell.ring(RING)
    other.broker.enqueue(envelope(RING))

    def laid(one: Bell) -> dict[str, object]:
        (message_id,) = one.client.lrange(f"{one.namespace}:send", 0, -1)
        stored = one.client.hgetall(f"{one.namespace}:send.msgs")
        assert isinstance(stored, dict)
        assert list(stored) == [message_id]
        assert isinstance(message_id, bytes)
        content = stored[message_id]
        assert isinstance(content, bytes)
        message = dramatiq.Message.decode(content)
        # Whoever rang may have been at work on something that is followed.
        options = {name: value for name, value in message.options.items() if name != "_sentry_headers"}
        assert options == {"redis_message_id": message_id.decode()}
        return {
            **message.asdict(),
            "message_id": len(message.message_id),
            "message_timestamp": None,
            "options": None,
        }

    assert laid(bell) == laid(other)
    other.close()


def test_what_was_rung_reaches_its_handler_by_dramatiqs_own_consumer(bell: Bell) -> None:
    called: list[UUID] = []
    bell.doorbell.ring(RING)
    with working(bell, called.append):
        assert eventually(lambda: called == [ROW])
        assert eventually(lambda: bell.client.hlen(f"{bell.namespace}:send.msgs") == 0)
    assert not bell.client.exists(bell.flag(ROW))


def test_rings_coalesce_while_one_waits(bell: Bell) -> None:
    assert all(bell.doorbell.ring(RING) for _ in range(5))
    assert bell.waiting() == 1


def test_rings_for_one_row_in_one_breath_are_one(bell: Bell) -> None:
    bell.doorbell.ring(RING, RING, RING)
    assert bell.waiting() == 1


def test_a_ring_after_the_handler_began_is_a_message_of_its_own(bell: Bell) -> None:
    bell.doorbell.ring(RING)
    message = bell.take()
    bell.doorbell.ring(RING)
    assert bell.waiting() == 0
    bell.begin(message)
    bell.doorbell.ring(RING)
    assert bell.waiting() == 1


def test_another_row_and_another_kind_of_message_are_rung_for_separately(bell: Bell) -> None:
    bell.doorbell.ring(RING, SendJobs(uuid4()), VerifyConfiguration(ROW), ProvisionConfiguration(ROW))
    assert bell.waiting() == 2
    assert bell.client.llen(f"{bell.namespace}:provisioning") == 2


def test_a_message_takes_down_its_own_flag_only(valkey_url: str, make_bell: MakeBell) -> None:
    """Its twin still waits: what is rung for now is for the twin to see."""
    bell = make_bell(valkey_url, patience_seconds=0.001)
    bell.doorbell.ring(RING)
    slow = bell.take()
    assert eventually(lambda: bell.doorbell.ring_again(RING) and bell.waiting() == 1)
    bell.begin(slow)
    bell.doorbell.ring(RING)
    assert bell.waiting() == 1


@pytest.mark.parametrize("ring", ["ring", "ring_again"])
def test_a_flag_whose_message_is_gone_hides_nothing(bell: Bell, ring: str) -> None:
    bell.doorbell.ring(RING)
    bell.client.delete(f"{bell.namespace}:send", f"{bell.namespace}:send.msgs")
    assert bell.client.exists(bell.flag(ROW))
    getattr(bell.doorbell, ring)(RING)
    assert bell.waiting() == 1


def test_a_flag_that_means_nothing_hides_nothing(bell: Bell) -> None:
    bell.client.set(bell.flag(ROW), "1")
    bell.doorbell.ring(RING)
    assert bell.waiting() == 1


def test_sweeps_do_not_pile_up_on_a_queue_that_nobody_serves(valkey_url: str, make_bell: MakeBell) -> None:
    bell = make_bell(valkey_url, patience_seconds=0.0)
    for _ in range(20):
        bell.doorbell.ring_again(RING, SendJobs(ROW), SendJobs(UUID(int=7)))
    assert bell.waiting() == 2


def test_a_sweep_rings_past_a_message_that_a_worker_took_and_sits_on(
    valkey_url: str, make_bell: MakeBell
) -> None:
    """It may be dead, or slow, or never have got the answer to its fetch."""
    bell = make_bell(valkey_url, patience_seconds=0.0)
    bell.doorbell.ring(RING)
    bell.take()
    bell.doorbell.ring(RING)
    assert bell.waiting() == 0
    bell.doorbell.ring_again(RING)
    assert bell.waiting() == 1
    bell.doorbell.ring_again(RING)
    assert bell.waiting() == 1


def test_a_sweep_has_patience_with_whoever_took_a_message(bell: Bell) -> None:
    bell.doorbell.ring(RING)
    bell.take()
    bell.doorbell.ring_again(RING)
    assert bell.waiting() == 0


def test_a_flag_does_not_outlive_its_time(valkey_url: str, make_bell: MakeBell) -> None:
    bell = make_bell(valkey_url, flag_seconds=0.05)
    bell.doorbell.ring(RING)
    assert eventually(lambda: not bell.client.exists(bell.flag(ROW)))


def test_a_flag_is_not_kept_alive_by_rings_in_vain(bell: Bell) -> None:
    bell.doorbell.ring(RING)
    bell.client.pexpire(bell.flag(ROW), 30_000)
    bell.doorbell.ring(RING)
    bell.doorbell.ring_again(RING)
    left_ms = bell.client.pttl(bell.flag(ROW))
    assert isinstance(left_ms, int)
    assert left_ms <= 30_000


def test_a_ring_is_one_round_trip_and_a_sweep_of_1000_is_five(bell: Bell) -> None:
    bell.doorbell.ring(RING)
    before = evalsha_calls(bell.client)
    bell.doorbell.ring(SendJobs(uuid4()))
    bell.doorbell.ring(RING)
    assert evalsha_calls(bell.client) == before + 2
    bell.doorbell.ring_again(*(SendJobs(uuid4()) for _ in range(1000)))
    assert evalsha_calls(bell.client) == before + 7
    assert bell.waiting() == 1002


def test_a_valkey_that_forgot_the_script_is_told_again(bell: Bell) -> None:
    bell.doorbell.ring(RING)
    bell.client.script_flush()
    bell.begin(bell.take())
    assert bell.doorbell.ring(RING)
    assert bell.waiting() == 1


def test_a_thousand_rings_each_from_eight_threads_are_one_message_a_configuration(bell: Bell) -> None:
    rows = Rows()
    ids = [uuid4() for _ in range(20)]
    assert all(_ring_from_threads(bell, rows, ids))
    assert bell.waiting() == len(ids)
    with working(bell, rows.handle):
        assert eventually(lambda: not rows.unseen())
    assert rows.seen.total() == 8000
    assert rows.calls == len(ids)


def test_nothing_is_missed_when_rings_and_handlers_meet(bell: Bell) -> None:
    """Without any sweep: the last ring for a row has to be heard after its commit."""
    rows = Rows()
    ids = [uuid4() for _ in range(3)]
    with working(bell, rows.handle):
        assert all(_ring_from_threads(bell, rows, ids))
        assert eventually(lambda: not rows.unseen()), rows.unseen()
    assert rows.seen.total() == 8000
    assert rows.calls < 8000


def test_emptying_redis_loses_nothing_beyond_a_sweep(bell: Bell) -> None:
    rows = Rows()
    ids = [uuid4() for _ in range(50)]
    for e_id in ids:
        rows.commit(e_id)
        bell.doorbell.ring(SendJobs(e_id))
    bell.client.flushall()
    assert bell.doorbell.ring_again(*(SendJobs(e_id) for e_id in rows.unseen()))
    with working(bell, rows.handle):
        assert eventually(lambda: not rows.unseen())
        bell.client.flushall()
        for e_id in ids:
            rows.commit(e_id)
            bell.doorbell.ring(SendJobs(e_id))
        assert eventually(lambda: not rows.unseen())
    assert rows.seen.total() == 100


def _ring_from_threads(bell: Bell, rows: Rows, ids: list[UUID]) -> list[bool]:
    def ring(number: int) -> bool:
        e_id = ids[number % len(ids)]
        rows.commit(e_id)
        return bell.doorbell.ring(SendJobs(e_id))

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ring, range(8000)))
