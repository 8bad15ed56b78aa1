"""Ending a stack from outside: its supervisor in order, or by pid what a dead supervisor left."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil

from sandbox.stack.records import MARK, SUPERVISOR, Processes, State
from sandbox.stack.run import clean

# More than the longest drain of a role and those of the servers after it.
SUPERVISOR_SECONDS = 120.0
TERMINATE_SECONDS = 10.0


def end(state: State) -> list[str]:
    """Stop everything of the stack in `state` and nothing else; the names of what was running."""
    processes = state.processes()
    if processes is None:
        return []
    running = alive(processes)
    if (supervisor := processes.supervisor.process()) is not None:
        _terminate([supervisor], SUPERVISOR_SECONDS)
    _terminate(_roles_and_orphans(processes), TERMINATE_SECONDS)
    _terminate(_listed(processes), TERMINATE_SECONDS)
    clean(state)
    return running


def alive(processes: Processes) -> list[str]:
    return [name for name, identity in processes.by_name.items() if identity.process() is not None]


def _roles_and_orphans(processes: Processes) -> Iterator[psutil.Process]:
    """Whatever carries the mark of this stack: the roles and, if a leader was killed, its orphaned workers."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get(MARK) == processes.stack_id:
                yield process


def _listed(processes: Processes) -> Iterator[psutil.Process]:
    for name, identity in processes.by_name.items():
        if name != SUPERVISOR and (found := identity.process()) is not None:
            yield found


def _terminate(processes: Iterable[psutil.Process], seconds: float) -> None:
    asked = list(processes)
    for process in asked:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(asked, timeout=seconds)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(TERMINATE_SECONDS)
