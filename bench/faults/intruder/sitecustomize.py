"""Found by the interpreter on PYTHONPATH in a process that a fault dresses up; does only what its environment asks for.

EMAIL_BENCH_CLOCK_OFFSET: seconds by which the wall clock of this process is wrong. The monotonic clock is not.
EMAIL_BENCH_POISON: the subject of a message that kills whoever is about to send it.
"""

import datetime as dt
import os
import signal
import sys
import time
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def _shift_clock(seconds: float) -> None:
    """`time.time` and its kin, and `datetime` for everybody who imports it from now on."""

    true_time, true_time_ns, true = time.time, time.time_ns, dt.datetime
    time.time = lambda: true_time() + seconds
    time.time_ns = lambda: true_time_ns() + int(seconds * 1e9)

    class Kind(type(true)):  # type: ignore[misc] # what the driver makes is of the true type and must pass as ours
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, true)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, true)

    class Shifted(true, metaclass=Kind):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return true.now(tz) + dt.timedelta(seconds=seconds)

        @classmethod
        def utcnow(cls) -> Any:
            return true.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(seconds=seconds)

    Shifted.__name__ = Shifted.__qualname__ = "datetime"
    Shifted.__module__ = "datetime"
    dt.datetime = Shifted  # type: ignore[misc]


class _AfterImport(MetaPathFinder, Loader):
    """Changes the sender's module as soon as it has been imported."""

    NAME = "shared.gateways.postmark.sender"

    def __init__(self, marker: str) -> None:
        self._marker = marker

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name != self.NAME:
            return None
        spec = PathFinder.find_spec(name, path)
        assert spec is not None, "the sender is there"
        self._true = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        assert self._true is not None
        self._true.exec_module(module)
        _poison(module, self._marker)


def _poison(module: ModuleType, marker: str) -> None:
    true_send = module.PostmarkSender.send

    def send(self: Any, server_token: str, messages: Any, **options: Any) -> Any:
        if any(message.content.subject == marker for message in messages):
            os.kill(os.getpid(), signal.SIGKILL)
        return true_send(self, server_token, messages, **options)

    module.PostmarkSender.send = send


if offset := os.environ.get("EMAIL_BENCH_CLOCK_OFFSET"):
    _shift_clock(float(offset))
if marker := os.environ.get("EMAIL_BENCH_POISON"):
    sys.meta_path.insert(0, _AfterImport(marker))
