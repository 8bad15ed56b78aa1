"""A tick's faults are reported once, those it expects and those it does not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from scheduler.jobs import SchedulerDeps
from scheduler.main import run
from shared.bootstrap import Container
from shared.config.settings import Settings
from shared.domain.errors import KeyVersionMissing
from shared.ports.store import Transaction
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore
from tests.integration.telemetry.collecting import Collector, kinds
from tests.unit.web.api import container_of


class LeadsFromTheSecondLook:
    """The first is made by the main thread, where a fault nobody expects is the process's end."""

    def __init__(self) -> None:
        self.looks = 0

    def hold(self, *, silence_seconds: float) -> bool:
        self.looks += 1
        return self.looks > 1

    def holds(self) -> bool:
        return self.looks > 1

    def resign(self) -> None:
        pass


class Failing(MemoryStore):
    """Fails the first job that asks it, and ends the scheduler."""

    def __init__(self, fault: Exception, stop: threading.Event) -> None:
        super().__init__()
        self.fault, self.stop = fault, stop

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        if not self.stop.is_set():
            self.stop.set()
            raise self.fault
        with super().begin() as tx:
            yield tx


# APScheduler logs what it did not expect with its traceback; that is told by its own words.
@pytest.mark.parametrize("fault", [KeyVersionMissing("k9"), RuntimeError("canary")])
def test_a_fault_of_a_tick_is_one_event(settings: Settings, collector: Collector, fault: Exception) -> None:
    collector.collect(role="scheduler")
    stop = threading.Event()
    store = Failing(fault, stop)
    run(_container(settings, store), _deps(store), stop)
    (event,) = collector.events()
    assert kinds(event) == [type(fault).__name__]
    assert event["tags"] == {"role": "scheduler"}
    assert "canary" not in collector.text()


def _container(settings: Settings, store: MemoryStore) -> Container:
    quick = settings.scheduler.model_copy(update={"leader_seconds": 0.05, "sweep_seconds": 60.0})
    plain = container_of(settings.model_copy(update={"scheduler": quick}), store, RecordingDoorbell())
    return replace(plain, leadership=LeadsFromTheSecondLook())


def _deps(store: MemoryStore) -> SchedulerDeps:
    return SchedulerDeps(store, RecordingDoorbell(), limit=10, look_in_seconds=0, keys=FakeCipher())
