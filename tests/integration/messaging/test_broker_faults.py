"""A broker that dies, starves or refuses costs rings, never a caller."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
import redis

from sandbox.leash import leashed
from sandbox.process import Child
from sandbox.valkey import Keeper
from shared.messaging.broker import build_doorbell
from shared.messaging.messages import SendJobs
from tests.integration.messaging.world import Bell, Rows, working
from tests.waiting import eventually

MakeBell = Callable[..., Bell]
Own = tuple[Keeper, Child]


def kill(server: Child) -> None:
    os.kill(server.pid, signal.SIGKILL)
    server.end_group()


@contextmanager
def restarted(keeper: Keeper) -> Iterator[None]:
    again, child = keeper.start()
    with leashed(child):
        assert again.port == keeper.port
        yield


def test_rings_while_the_broker_is_dead_are_lost_softly_and_made_up_for_by_a_sweep(
    own_valkey: Own, make_bell: MakeBell
) -> None:
    """The worker lives through it. What was rung for before may or may not be on disk; no row cares."""
    keeper, server = own_valkey
    bell, rows = make_bell(keeper.url), Rows()
    before, meanwhile = uuid4(), uuid4()
    with working(bell, rows.handle):
        for e_id in (before, meanwhile):
            rows.commit(e_id)
        bell.doorbell.ring(SendJobs(before))
        kill(server)
        assert not bell.doorbell.ring(SendJobs(meanwhile))
        with restarted(keeper):
            bell.now += 1
            assert eventually(
                lambda: bell.doorbell.ring_again(SendJobs(before), SendJobs(meanwhile)) and not rows.unseen()
            )
    assert rows.seen == {before: 1, meanwhile: 1}


def test_a_message_that_a_dead_worker_took_is_rung_for_by_the_sweep(
    own_valkey: Own, make_bell: MakeBell
) -> None:
    keeper, _ = own_valkey
    bell, rows = make_bell(keeper.url, patience_seconds=0.2), Rows()
    e_id = uuid4()
    rows.commit(e_id)
    bell.doorbell.ring(SendJobs(e_id))
    bell.take()  # and nothing more is ever heard of it
    with working(bell, rows.handle):
        assert eventually(lambda: bell.doorbell.ring_again(SendJobs(e_id)) and not rows.unseen(), seconds=5)
    assert rows.seen == {e_id: 1}


def test_a_broker_out_of_memory_costs_the_ring_and_nothing_else(own_valkey: Own, make_bell: MakeBell) -> None:
    bell = make_bell(own_valkey[0].url)
    bell.doorbell.ring(SendJobs(uuid4()))
    bell.client.config_set("maxmemory", "1")
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        bell.rings.put("send", [SendJobs(uuid4())], by_sweep=False)
    assert not bell.doorbell.ring(SendJobs(uuid4()))
    bell.client.config_set("maxmemory", "0")
    bell.now += 1
    assert bell.doorbell.ring(SendJobs(uuid4()))
    assert bell.waiting() == 2


def test_a_handler_runs_though_its_flag_cannot_be_taken_down(own_valkey: Own, make_bell: MakeBell) -> None:
    keeper, server = own_valkey
    bell = make_bell(keeper.url)
    bell.doorbell.ring(SendJobs(uuid4()))
    message = bell.take()
    kill(server)
    bell.begin(message)


def test_a_broker_that_is_read_only_costs_the_ring_and_nothing_else(
    own_valkey: Own, make_bell: MakeBell
) -> None:
    bell = make_bell(own_valkey[0].url)
    bell.client.replicaof("127.0.0.1", "1")
    assert not bell.doorbell.ring(SendJobs(uuid4()))
    bell.client.replicaof("NO", "ONE")
    bell.now += 1
    assert bell.doorbell.ring(SendJobs(uuid4()))


def test_another_password_costs_the_ring_and_nothing_else(own_valkey: Own, make_bell: MakeBell) -> None:
    keeper, _ = own_valkey
    wrong = replace(make_bell(keeper.url).settings, url=f"redis://:wrong@127.0.0.1:{keeper.port}/0")
    assert not build_doorbell(wrong).ring(SendJobs(uuid4()))
