"""What is due by the rows, and what lies in Redis for it."""

from typing import Any

from shared.messaging import queues
from shared.ports.broker import QueueDepth
from tests import factories
from tests.unit.cli.world import World

LS = ("queue", "ls")


def piles(world: World) -> dict[str, dict[str, Any]]:
    told = world.run_json(*LS)
    return {queue["queue"]: {work["work"]: work for work in queue["work"]} for queue in told}


def test_due_work_is_counted_with_the_oldest_s_due_time(world: World) -> None:
    configuration = factories.sendable()
    due_at = world.store.clock.now()
    with world.store.begin() as tx:
        tx.configurations.add(configuration, factories.CREATED)
        tx.jobs.accept([factories.new_job(configuration, due_at=due_at) for _ in range(3)])
    world.hour_passes()
    send = piles(world)[queues.SEND]["send"]
    assert send["due"] == 1, "one ring wakes all the due work of a configuration"
    assert send["oldestSince"] == int(due_at.timestamp() * 1000)
    assert "1 h 0 min" in world.run(*LS).stdout


def test_every_queue_is_told_of_with_its_rings(world: World) -> None:
    world.broker.waiting[queues.SEND] = QueueDepth(waiting=12, taken=3)
    told = {queue["queue"]: (queue["rings"], queue["taken"]) for queue in world.run_json(*LS)}
    assert told == {name: (12, 3) if name == queues.SEND else (0, 0) for name in queues.ALL}


def test_redis_that_is_away_is_a_dash_and_no_failure(world: World) -> None:
    world.broker.down = True
    told = world.run(*LS)
    assert told.exit_code == 0
    assert "Redis did not answer" in told.stderr
    row = next(line for line in told.stdout.splitlines() if line.startswith(queues.SEND))
    assert row.split()[1:3] == ["-", "-"]
    assert world.run_json(*LS)[0]["rings"] is None
