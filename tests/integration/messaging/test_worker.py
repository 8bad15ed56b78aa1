"""A worker as a process: it shows that it gets on, and ends itself when it does not."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.leash import leashed
from sandbox.process import Child, Program, bare_environment
from sandbox.valkey import Keeper
from shared.messaging.messages import SendJobs
from shared.messaging.watch import EXIT_CODE
from tests.integration.messaging.worker_process import DONE, HANG, RAISE
from tests.integration.messaging.world import Bell
from tests.waiting import eventually
from workers import alive

ROOT = Path(__file__).parents[3]
DEFAULTS: dict[str, Any] = {
    "give_up_after_seconds": 30.0,
    "stuck_after_seconds": 300.0,
    "drain_seconds": 60.0,
    "consumers_die": False,
}

MakeBell = Callable[..., Bell]
Own = tuple[Keeper, Child]


class World:
    def __init__(self, own: Own, bell: Bell, folder: Path, **settings: object) -> None:
        self.keeper, self.server = own
        self.bell = bell
        self.file = folder / "live"
        given = {**DEFAULTS, "url": bell.settings.url, "namespace": bell.namespace, "file": str(self.file)}
        command = ("dramatiq", "tests.integration.messaging.worker_process:boot", "--queues", "send")
        self.worker = Child(
            Program(
                name="worker",
                argv=(sys.executable, "-m", *command, "--processes", "1", "--threads", "2"),
                env=bare_environment(TEST_WORKER=json.dumps({**given, **settings})),
                log=folder / "worker.log",
                cwd=ROOT,
                drain_seconds=2.0,
            )
        )

    def handled(self) -> list[str]:
        return [row.decode() for row in self.bell.client.lrange("handled", 0, -1)]  # type: ignore[union-attr]

    def ring(self, row_id: Any) -> None:
        assert self.bell.doorbell.ring(SendJobs(row_id))

    def comes_alive(self) -> bool:
        return eventually(self.file.exists, seconds=30)

    def is_alive(self) -> bool:
        return alive.main(["--max-age", "1", str(self.file)]) == 0

    def kill_broker(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.end_group()


@pytest.fixture
def make(own_valkey: Own, make_bell: MakeBell, tmp_path: Path) -> Iterator[Callable[..., World]]:
    with ExitStack() as stack:

        def make(**settings: object) -> World:
            world = World(own_valkey, make_bell(own_valkey[0].url), tmp_path, **settings)
            stack.enter_context(leashed(world.worker))
            return world

        yield make


Make = Callable[..., World]


def test_a_worker_that_gets_on_says_so_and_counts(make: Make) -> None:
    world = make()
    assert world.comes_alive()
    world.ring(DONE)
    assert eventually(lambda: json.loads(world.file.read_text())["messages_processed"] == 1)
    assert world.is_alive()
    world.worker.ask_to_stop()
    assert world.worker.wait(seconds=20) == 0


def test_a_worker_without_a_broker_ends_itself_with_a_code_that_is_a_failure(make: Make) -> None:
    world = make(give_up_after_seconds=1.0)
    assert world.comes_alive()
    world.kill_broker()
    assert world.worker.wait(seconds=30) not in {0, None}
    assert "email.worker.stalled" in world.worker.output()


def test_a_worker_whose_broker_answers_but_gives_it_nothing_ends_itself(make: Make) -> None:
    """Out of memory: a PING is answered, a fetch is not."""
    world = make(give_up_after_seconds=1.0)
    assert world.comes_alive()
    world.bell.client.config_set("maxmemory", "1")
    assert world.worker.wait(seconds=30) == EXIT_CODE
    assert world.bell.client.ping()


def test_a_worker_whose_consumers_died_ends_itself_in_order(make: Make) -> None:
    world = make(consumers_die=True)
    assert world.worker.wait(seconds=30) == EXIT_CODE
    assert "died" in world.worker.output()


def test_a_handler_that_hangs_does_not_hold_up_the_end_beyond_the_drain(make: Make) -> None:
    world = make(give_up_after_seconds=1.0, drain_seconds=1.0)
    world.ring(HANG)
    assert eventually(lambda: world.handled() == [str(HANG)], seconds=30)
    world.kill_broker()
    assert world.worker.wait(seconds=30) == EXIT_CODE


def test_a_handler_that_hangs_ends_the_signs_of_life(make: Make) -> None:
    world = make(stuck_after_seconds=0.5, drain_seconds=1.0)
    assert world.comes_alive()
    assert world.is_alive()
    world.ring(HANG)
    assert eventually(lambda: not world.is_alive())
    assert world.worker.exit_code() is None


def test_a_worker_that_was_stopped_for_longer_than_its_patience_goes_on(make: Make) -> None:
    world = make(give_up_after_seconds=0.5)
    assert world.comes_alive()
    os.killpg(world.worker.pid, signal.SIGSTOP)
    assert eventually(lambda: not world.is_alive())
    os.killpg(world.worker.pid, signal.SIGCONT)
    world.ring(DONE)
    assert eventually(lambda: world.handled() == [str(DONE)])
    assert eventually(world.is_alive)
    assert world.worker.exit_code() is None


def test_a_fault_is_handed_on_and_the_worker_goes_on(make: Make) -> None:
    world = make()
    world.ring(RAISE)
    world.ring(DONE)
    assert eventually(lambda: sorted(world.handled()) == [str(DONE), str(RAISE)], seconds=30)
    assert eventually(
        lambda: world.bell.client.lrange("faults", 0, -1) == [f"SendJobs {RAISE} ValueError".encode()]
    )
