"""What a process of each role costs before it does anything: its memory, and its start."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
import requests

from bench.speed.figures import Figure, alone
from bench.speed.registry import Size, Tell, bench
from bench.speed.stage import READY_SECONDS, Stage
from sandbox.ports import free_port, listens, talks_to
from sandbox.process import Child, Program, bare_environment
from sandbox.roles import PRODUCT, Role
from sandbox.stack.world import PROJECT

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Start:
    """Of all processes of the role together, but `megabytes`, which is of each: pages shared by some are split
    between them (PSS)."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    processes: int


@bench(
    "memory",
    "memory of a process of each role, and what its start takes",
    long=Size(work=1),
    short=Size(work=1, rounds=1),
)
def memory(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    found: dict[str, list[Start]] = {role.name: [] for role in PRODUCT.roles}
    for number in range(size.rounds):
        # In another order each time: whoever comes first may find cold files.
        for role in PRODUCT.roles if number % 2 == 0 else PRODUCT.roles[::-1]:
            tell(f"starting {role.name}")
            found[role.name].append(_start(role, stage, f"{role.name}-{number}"))
    for name, starts in found.items():
        yield from _figures(name, starts)


def _figures(name: str, starts: list[Start]) -> Iterator[Figure]:
    processes = starts[0].processes
    whole = f"of {processes} processes" if processes > 1 else "of one process"
    yield alone(f"memory-{name}", [one.megabytes for one in starts], unit=f"MB a process, {whole}")
    yield alone(f"start-{name}", [one.seconds for one in starts], unit="s from exec to ready")
    yield alone(f"start-cpu-{name}", [one.cpu_seconds for one in starts], unit="CPU s")


def _start(role: Role, stage: Stage, name: str) -> Start:
    with _running(role, stage, name) as (child, port):
        child.wait_until(lambda: _is_ready(role, stage, child.pid, port), seconds=READY_SECONDS)
        seconds = time.monotonic() - child.started_at
        family = _family(child.pid)
        # Dramatiq's and Python's helpers (a fork server, a resource tracker) are as much a part of it as its workers.
        return Start(
            seconds,
            sum(sum(one.cpu_times()[:2]) for one in family),
            sum(one.memory_full_info().pss for one in family) / MEGABYTE / len(family),
            len(family),
        )


@contextmanager
def _running(role: Role, stage: Stage, name: str) -> Iterator[tuple[Child, int]]:
    port = free_port()
    command = [part.format(port=port, folder=stage.folder) for part in role.command]
    program = Program(
        name=name,
        argv=(sys.executable, "-m", *command),
        env=bare_environment(PYTHONPATH=str(PROJECT), **stage.role_environment(name)),
        log=stage.folder / f"{name}.log",
        cwd=PROJECT,
    )
    child = Child(program)
    try:
        yield child, port
    finally:
        child.stop()


def _is_ready(role: Role, stage: Stage, pid: int, port: int) -> bool:
    if role.ready_when == "serves":
        return listens(pid, port) and _answers(port)
    url = stage.redis_url if role.ready_when == "reaches valkey" else stage.database_url
    return talks_to(pid, urlsplit(url).port or 0)


def _answers(port: int) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False


def _family(pid: int) -> list[psutil.Process]:
    leader = psutil.Process(pid)
    return [leader, *leader.children(recursive=True)]
