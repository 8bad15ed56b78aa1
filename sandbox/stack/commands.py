"""What the command line can do to a stack."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil

from sandbox.files import private_folder
from sandbox.process import Identity
from sandbox.stack.ending import alive, end
from sandbox.stack.records import SUPERVISOR, State
from sandbox.stack.world import PROJECT, python

RESTART_SECONDS = 90.0
POLL_SECONDS = 0.05

Places = dict[str, Any]
Say = Callable[[dict[str, Any]], None]


class Refused(RuntimeError):
    """It cannot be done; the text says why, and what can."""


def up(state: State, plan: str, say: Say) -> Places:
    """Start a stack that outlives us; where everything is. `plan` is `module:NAME`, `say` gets lines of progress.

    Refused when it does not come up; nothing of it runs then.
    """
    if (places := _already_up(state)) is not None:
        return places
    process = _launch(state, plan, tethered=False)
    try:
        return _follow(process, state, say)
    except BaseException:
        _stop(process)
        raise


@contextmanager
def running(state: State, plan: str, say: Say) -> Iterator[Places]:
    """A stack for as long as the block, or we, live."""
    process = _launch(state, plan, tethered=True)
    try:
        yield _follow(process, state, say)
    finally:
        _stop(process)


def _already_up(state: State) -> Places | None:
    processes = state.processes()
    if processes is None or not (found := alive(processes)):
        return None
    if SUPERVISOR not in found:
        raise Refused("the supervisor is gone, but others of its stack still run; `down` stops them")
    if (places := state.stack()) is None:
        raise Refused("the stack is being started or stopped by somebody else")
    return places


def _launch(state: State, plan: str, *, tethered: bool) -> subprocess.Popen[bytes]:
    """A supervisor in a session of its own, whose standard output tells how far it is."""
    private_folder(state.folder)
    options = ["--plan", plan, "supervise", *(["--tethered"] if tethered else [])]
    with (private_folder(state.logs) / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            python("sandbox.stack", *options),
            env={**os.environ, "PYTHONPATH": str(PROJECT), "EMAIL_STATE_DIR": str(state.folder)},
            cwd=PROJECT,
            stdin=subprocess.PIPE if tethered else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )


def _follow(process: subprocess.Popen[bytes], state: State, say: Say) -> Places:
    assert process.stdout is not None
    for line in process.stdout:
        news = json.loads(line)
        if "failed" in news:
            raise Refused(news["failed"])
        if "ready" in news:
            process.stdout.close()
            places = state.stack()
            assert places is not None
            return places
        say(news)
    raise Refused(f"the supervisor ended without a word; see {state.logs / 'supervisor.log'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """It ends everything it started before it ends."""
    process.terminate()
    with process:
        pass


def down(state: State) -> list[str]:
    """Stop exactly what `up` started; the names of what was running."""
    return end(state)


def status(state: State) -> dict[str, tuple[int, bool]]:
    """For each process its pid and whether it lives."""
    processes = state.processes()
    known = processes.by_name if processes else {}
    return {name: (identity.pid, identity.process() is not None) for name, identity in known.items()}


def kill(state: State, name: str, *, hold: bool) -> int:
    """End `name` and all that it started without warning; the killed pid. With `hold` it starts after `start` only."""
    identity = _identity(state, name)
    if hold:
        state.hold_back(name)
    if (leader := identity.process()) is None:
        raise Refused(f"{name} does not run")
    # They would go on without it until they, or the supervisor, notice: workers of a pool, sessions of PostgreSQL.
    started = leader.children(recursive=True)
    leader.kill()
    for process in started:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return identity.pid


def restart(state: State, name: str) -> int:
    """End `name` in order and wait for its replacement; the new pid."""
    identity = _identity(state, name)
    state.want_restart(name)
    return _wait_for_another(state, name, identity)


def start(state: State, name: str) -> int:
    """Let a held process start again; the new pid."""
    identity = _identity(state, name)
    state.let_go(name)
    return identity.pid if identity.process() is not None else _wait_for_another(state, name, identity)


def _identity(state: State, name: str) -> Identity:
    processes = state.processes()
    names = [known for known in processes.by_name if known != SUPERVISOR] if processes else []
    if processes is None or name not in names:
        raise Refused(f"no process {name!r} in this stack; there are: {', '.join(names) or 'none'}")
    return processes.by_name[name]


def _wait_for_another(state: State, name: str, old: Identity) -> int:
    deadline = time.monotonic() + RESTART_SECONDS
    while (found := _identity(state, name)) == old:
        if time.monotonic() > deadline:
            raise Refused(f"{name} was not started again within {RESTART_SECONDS:.0f} s; see its log")
        time.sleep(POLL_SECONDS)
    return found.pid
