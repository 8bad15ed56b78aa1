"""When a worker counts as one that gets nowhere. Real processes do it in tests/integration/messaging."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from dramatiq import MessageProxy
from dramatiq.brokers.stub import StubBroker

from shared.domain.errors import StoreUnavailable
from shared.messaging.messages import SendJobs
from shared.messaging.rings import envelope
from shared.messaging.watch import WatchSettings, WorkerStalled, WorkerWatch


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeConsumer:
    outstanding_message_count: int = 0


@dataclass
class FakeThread:
    alive: bool = True
    prefetch: int = 16
    consumer: FakeConsumer | None = field(default_factory=FakeConsumer)

    def is_alive(self) -> bool:
        return self.alive


@dataclass
class FakeWorker:
    """Of a `dramatiq.Worker` what the watch looks at."""

    consumers: dict[str, FakeThread]
    workers: list[FakeThread]


class World:
    def __init__(self, folder: Path) -> None:
        self.seconds = Seconds()
        self.fetched_at: dict[str, float] = {}
        self.file = folder / "live"
        settings = WatchSettings(
            give_up_after_seconds=60, stuck_after_seconds=300, drain_seconds=5, liveness_file=self.file
        )
        self.watch = WorkerWatch(settings, self.fetched_at, monotonic=self.seconds)
        self.broker = StubBroker(middleware=[])
        self.worker: Any = FakeWorker(
            {"send": FakeThread(), "send.DQ": FakeThread()}, [FakeThread(), FakeThread()]
        )

    def pass_seconds(self, seconds: float, *answered: str) -> None:
        """As the watch lives through them: a look every two seconds."""
        for _ in range(int(seconds / 2)):
            self.seconds.now += 2
            for queue in answered:
                self.fetched_at[queue] = self.seconds.now
            self.watch.look(self.worker)

    def touched(self) -> bool:
        """Since this was asked last."""
        found = self.file.exists()
        self.file.unlink(missing_ok=True)
        return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.watch.look(world.worker)
    return world


def test_a_worker_whose_consumers_get_answers_is_well_for_as_long_as_one_likes(world: World) -> None:
    world.pass_seconds(200, "send", "send.DQ")
    assert world.touched()


def test_a_broker_that_is_away_ends_the_worker_after_its_time_and_not_before(world: World) -> None:
    world.pass_seconds(60)
    assert world.touched()
    with pytest.raises(WorkerStalled):
        world.pass_seconds(2)
    assert not world.touched()


def test_an_answer_in_between_starts_the_time_again(world: World) -> None:
    world.pass_seconds(58)
    world.pass_seconds(2, "send", "send.DQ")
    world.pass_seconds(60)
    with pytest.raises(WorkerStalled):
        world.pass_seconds(2)


def test_one_consumer_that_fails_at_every_fetch_ends_the_worker_though_the_other_fares_well(
    world: World,
) -> None:
    with pytest.raises(WorkerStalled):
        world.pass_seconds(62, "send.DQ")


def test_a_consumer_that_has_enough_in_hand_does_not_ask_and_is_well(world: World) -> None:
    world.worker.consumers["send"].consumer.outstanding_message_count = 16
    world.pass_seconds(200, "send.DQ")
    world.worker.consumers["send"].consumer.outstanding_message_count = 0
    world.pass_seconds(60, "send.DQ")
    assert world.touched()


def test_a_consumer_between_two_attempts_has_nothing_in_hand(world: World) -> None:
    world.worker.consumers["send"].consumer = None
    with pytest.raises(WorkerStalled):
        world.pass_seconds(62, "send.DQ")


@pytest.mark.parametrize("which", ["consumer", "worker"])
def test_a_thread_that_died_ends_the_worker_at_once(world: World, which: str) -> None:
    thread = world.worker.consumers["send.DQ"] if which == "consumer" else world.worker.workers[1]
    thread.alive = False
    with pytest.raises(WorkerStalled, match="died"):
        world.watch.look(world.worker)


def test_a_process_that_was_stopped_itself_is_not_taken_for_one_without_answers(world: World) -> None:
    world.seconds.now += 3600
    world.watch.look(world.worker)
    world.pass_seconds(60)
    with pytest.raises(WorkerStalled):
        world.pass_seconds(2)


def test_threads_that_end_because_they_were_asked_to_are_no_fault(world: World) -> None:
    world.watch.before_worker_shutdown(world.broker, world.worker)
    world.worker.consumers["send"].alive = False
    world.file.unlink()
    world.pass_seconds(100)
    assert world.touched()


def test_a_handler_that_hangs_stops_the_file_and_not_the_worker(world: World) -> None:
    message = MessageProxy(envelope(SendJobs(uuid4())))
    world.watch.before_process_message(world.broker, message)
    world.pass_seconds(300, "send", "send.DQ")
    assert world.touched()
    world.pass_seconds(2, "send", "send.DQ")
    assert not world.touched()
    world.watch.after_process_message(world.broker, message, exception=StoreUnavailable("down"))
    world.pass_seconds(2, "send", "send.DQ")
    assert '"messages_processed": 1' in world.file.read_text()


def test_a_message_that_was_skipped_does_not_run_for_ever(world: World) -> None:
    message = MessageProxy(envelope(SendJobs(uuid4())))
    world.watch.before_process_message(world.broker, message)
    world.watch.after_skip_message(world.broker, message)
    world.pass_seconds(200, "send", "send.DQ")
    assert world.touched()


def test_a_disk_that_is_full_does_not_end_the_watch(world: World) -> None:
    world.file.unlink()
    world.file.parent.rmdir()
    world.watch.look(world.worker)
    with pytest.raises(WorkerStalled):
        world.pass_seconds(62)


def test_an_end_that_others_asked_for_has_no_exit_code_of_its_own(world: World) -> None:
    world.watch.after_worker_shutdown(world.broker, world.worker)
