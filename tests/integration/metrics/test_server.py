"""One of a pool's processes serves all of them."""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.leash import leashed
from sandbox.ports import LOOPBACK, free_port
from sandbox.process import Child, bare_environment
from tests.integration.metrics.world import python, scraped, value
from tests.waiting import eventually

HANDLED = "email_queue_handled_seconds_count"
Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(port: int, name: str = "first") -> Child:
            module = "tests.integration.metrics.one_of_a_pool"
            return stack.enter_context(leashed(python(name, tmp_path, bare_environment(), module, str(port))))

        yield start


def said(child: Child) -> list[str]:
    return [json.loads(line)["event"] for line in child.output().splitlines()]


def test_when_the_process_that_serves_dies_another_one_does_and_nothing_is_forgotten(start: Start) -> None:
    port = free_port()
    first = start(port)
    assert eventually(lambda: value(scraped(port), HANDLED) == 1)
    second = start(port, "second")
    assert eventually(lambda: value(scraped(port), HANDLED) == 2)
    os.kill(first.pid, signal.SIGKILL)
    first.end_group()
    assert eventually(lambda: value(scraped(port), HANDLED) == 2)
    assert said(second) == ["email.metrics.served"]


def test_a_port_that_is_taken_is_told_once_and_served_when_it_is_free(start: Start) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        child = start(port)
        assert eventually(lambda: bool(said(child)))
        told = json.loads(child.output())
        assert (told["event"], told["level"]) == ("email.metrics.not_served", "error")
        assert (told["address"], told["reason"]) == (f"{LOOPBACK}:{port}", "Address already in use")
    assert eventually(lambda: value(scraped(port), HANDLED) == 1)
    assert said(child) == ["email.metrics.not_served", "email.metrics.served"]


def test_a_scrape_is_not_held_up_by_who_connects_and_says_nothing(start: Start) -> None:
    port = free_port()
    start(port)
    assert eventually(lambda: scraped(port) is not None)
    with socket.create_connection((LOOPBACK, port)):
        assert value(scraped(port), HANDLED) == 1
