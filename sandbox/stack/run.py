"""The supervisor's process: builds the world, starts the roles, says how far it is, then keeps everything alive."""

import json
import logging
import os
import secrets
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox import exports, postgres_cluster
from sandbox.files import private_folder
from sandbox.ports import free_port, free_ports
from sandbox.process import Identity
from sandbox.roles import Plan
from sandbox.stack import roles, servers, tenant
from sandbox.stack.records import SUPERVISOR, Processes, State
from sandbox.stack.supervisor import Stopped, Supervisor
from sandbox.stack.world import Credentials, World

log = logging.getLogger("sandbox.supervisor")


@dataclass
class Progress:
    """What `up` shows: a line of JSON for each step, on the pipe that is our standard output."""

    def say(self, **line: Any) -> None:
        try:
            print(json.dumps(line), flush=True)
        except BrokenPipeError:  # nobody waits for it any more
            self.end()

    def end(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@dataclass
class Run:
    state: State
    plan: Plan
    progress: Progress = field(default_factory=Progress)
    stack_id: str = field(default_factory=lambda: secrets.token_hex(16))
    _places: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self._record, self.state.holds_back, self.state.wants_restart)

    def to_the_end(self) -> None:
        """Returns when everything is stopped again. DidNotStart, Unexpected: it did not come up. Stopped: as asked."""
        try:
            self._record()
            self._bring_up()
            self.progress.say(ready=True)
            self.progress.end()
            self.supervisor.watch()
        finally:
            self.supervisor.stop()
            clean(self.state)

    def _bring_up(self) -> None:
        world = self._start_servers()
        world.write_files(self.plan.settings)
        if self.plan.migrate is not None:
            with self._step("migrations"):
                roles.migrate(self.plan.migrate, world)
        units = [roles.unit(role, world) for role in self.plan.roles]
        self.supervisor.start(*units)
        for unit in units:
            with self._step(unit.name):
                self.supervisor.wait_ready(unit)
        tenant = self._make_tenant(world)
        world.write_emailctl(tenant)
        self._places = world.places() | tenant
        self._record()

    def _start_servers(self) -> World:
        folder, credentials = self.state.folder, Credentials.random()
        with self._step("postgres"):
            database_url = servers.start_postgres(self.supervisor, folder)
        with self._step("valkey"):
            redis_url = servers.start_valkey(self.supervisor, folder)
        with self._step("aws"):
            cloud = servers.start_aws(self.supervisor, folder, credentials)
        with self._step("exports"):
            deploy_time = exports.read(cloud.url, cloud.partition)
        postmark = None
        if self.plan.postmark:
            with self._step("postmark"):
                command = servers.postmark_command(cloud, folder, credentials.account_token)
                postmark = servers.start_postmark(self.supervisor, folder, command, self.stack_id)
        named = [role.name for role in self.plan.roles if role.ready_when != "serves"]
        return World(
            folder,
            self.stack_id,
            credentials,
            database_url,
            redis_url,
            cloud.url,
            deploy_time,
            postmark,
            web_port=free_port(),
            metrics_ports=dict(zip(named, free_ports(len(named)), strict=True)),
        )

    def _make_tenant(self, world: World) -> dict[str, str]:
        if not self.plan.tenant:
            return {}
        with self._step("demo tenant"):
            return asdict(tenant.make_ready(world.web_url, world.credentials.api_key, self.supervisor.check))

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.supervisor.check()
        self.progress.say(step=name)
        started = time.monotonic()
        yield
        self.progress.say(step=name, seconds=round(time.monotonic() - started, 2))

    def _record(self) -> None:
        children = {name: child.identity for name, child in self.supervisor.children().items()}
        processes = Processes(self.stack_id, {SUPERVISOR: Identity.of(os.getpid()), **children})
        self.state.remember(processes)
        if self._places is not None:
            self.state.publish(self._places, processes)


def clean(state: State) -> None:
    """Forget the world. Its logs stay."""
    postgres_cluster.remove(state.folder)
    for name in ("postgres", "valkey", "aws", "postmark", "metrics", "nursery", "held", "restart"):
        shutil.rmtree(state.folder / name, ignore_errors=True)
    for name in ("valkey.json", "key-material.json", "sandbox.conf", "emailctl.env"):
        (state.folder / name).unlink(missing_ok=True)
    state.forget()


def main(state: State, plan: Plan, *, tethered: bool) -> int:
    """`tethered`: end when standard input ends, so that nothing outlives whoever holds the other end."""
    private_folder(state.folder)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    progress = Progress()
    try:
        with state.locked():
            clean(state)
            run = Run(state, plan, progress)
            _stop_on_signals(run.supervisor.stopping)
            if tethered:
                threading.Thread(
                    target=_wait_for_end_of_input, args=[run.supervisor.stopping], daemon=True
                ).start()
            run.to_the_end()
    except Stopped:
        log.info("stopped while starting")
        return 1
    except Exception as failure:  # whatever it was, the one who waits for us must be told
        log.exception("the stack did not come up")
        progress.say(failed=str(failure) or repr(failure))
        return 1
    return 0


def _stop_on_signals(stopping: threading.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())


def _wait_for_end_of_input(stopping: threading.Event) -> None:
    sys.stdin.buffer.read()
    stopping.set()
