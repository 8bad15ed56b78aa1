"""What happens when there is no room on a disk: under Postgres, under Valkey, under our own logs.

No disk is filled and none is mounted. The soft limit of a file's size (RLIMIT_FSIZE) of the running processes is
lowered, so that whatever they write fails, with EFBIG instead of ENOSPC. Postgres does what it does on a full disk: a
WAL that cannot be written is a PANIC, and recovery begins again and again until there is room. Valkey does not ignore
SIGXFSZ and dies, where on a full disk it would refuse writes, as it does in F7.
"""

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg

from bench.faults.callers import Callers
from bench.faults.plan import ROLES
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.rows import Database
from sandbox.accounts import Account, unprivileged

SERVERS = ("postgres", "valkey")
# The first page of a file, such as the server's own state, can still be written; hardly anything of WAL.
ROOM_BYTES = 8192
APPLY_SECONDS = 0.1
LOOK_SECONDS = 0.2
BACK_SECONDS = 60.0
# A worker looks after its liveness file every few seconds.
LIFE_SECONDS = 20.0


@fault(
    "F22",
    "a disk that fills, and has room again",
    long=Size(rate=25, times=3, seconds=12),
    short=Size(rate=20, times=1, seconds=2.5),
)
def disk_full(run: Rehearsal) -> None:
    """In turn under our own processes, under the broker, under the database and under all of them."""
    restarts = 0
    with run.callers() as callers:
        for _ in run.times(1.0, "disk full"):
            _own(run, callers)
            _servers(run, ("valkey",))
            restarts += _servers(run, ("postgres",))
            restarts += _servers(run, (*SERVERS, *ROLES))
        time.sleep(1.0)
    answers = ", ".join(f"{count} x {what}" for what, count in callers.answers.most_common())
    run.require(callers.answers["503"] > 0, "no request was answered with 503")
    odd = {what: count for what, count in callers.answers.items() if what not in ("503", "none")}
    run.require(not odd, f"answered instead of 503: {odd}")
    run.notes.append(
        f"the database gave up and was started anew {restarts} times of {2 * run.size.times}; "
        f"answered instead of accepted: {answers}"
    )


def _own(run: Rehearsal, callers: Callers) -> None:
    """A log or a sign of life that cannot be written stops neither an acceptance nor a send."""
    ledger = run.world.simulator.ledger
    with _without_room(run, ROLES):
        time.sleep(1.0)  # what was begun before
        answered, taken, others = callers.answered, ledger.end(), callers.answers.copy()
        time.sleep(run.size.seconds)
        run.require(callers.answered > answered, "nothing was accepted while logs could not be written")
        run.require(ledger.end() > taken, "nothing was sent while logs could not be written")
        others = callers.answers - others
        run.require(not others, f"answered without room for logs: {dict(others)}")
    since = time.time()
    alive = [role for role in ROLES if role != "web"]
    deadline = time.monotonic() + LIFE_SECONDS
    while alive and time.monotonic() < deadline:
        alive = [role for role in alive if not run.world.processes.shows_life(role, since)]
        time.sleep(LOOK_SECONDS)
    run.require(not alive, f"no sign of life of {alive} since there is room again")


def _servers(run: Rehearsal, names: Sequence[str]) -> bool:
    """And wait until the servers among them are back. Whether the database's first process is another one.

    Its log cannot be written meanwhile, either: what it says of its panics is lost.
    """
    before = run.world.processes.family("postgres")[:1]
    with _without_room(run, names):
        time.sleep(run.size.seconds)
    for server in SERVERS:
        run.world.processes.bring_back(server)
    _until_it_writes(run.world.database)
    return run.world.processes.family("postgres")[:1] != before


def _until_it_writes(database: Database) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while time.monotonic() < deadline:
        with suppress(psycopg.Error), database.connect() as connection:
            # Something to write, and nothing kept of it.
            connection.execute("SELECT pg_logical_emit_message(true, 'bench', 'room')")
            return
        time.sleep(LOOK_SECONDS)
    raise TimeoutError(f"the database did not come back within {BACK_SECONDS:.0f} s")


@contextmanager
def _without_room(run: Rehearsal, names: Sequence[str]) -> Iterator[None]:
    """Also for those of their processes that are started meanwhile."""
    over = threading.Event()
    run.tell(f"no room for {', '.join(names) if len(names) < len(ROLES) else 'anybody'}")

    def keep() -> None:
        while not over.wait(APPLY_SECONDS):
            _limit(run, names, ROOM_BYTES)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        # Twice: a process may be started between the look and the change.
        for _ in range(2):
            _limit(run, names, None)


def _limit(run: Rehearsal, names: Sequence[str], room_bytes: int | None) -> None:
    for name in names:
        pids = run.world.processes.family(name)
        account = unprivileged() if name == "postgres" else None
        if account is None:
            _set_limits(pids, room_bytes)
        else:
            _as_account(account, lambda: _set_limits(pids, room_bytes))  # noqa: B023


def _set_limits(pids: Sequence[int], room_bytes: int | None) -> None:
    """The soft limit alone, so that it can be raised again by whoever owns the process."""
    for pid in pids:
        with suppress(ProcessLookupError):
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            soft = most if room_bytes is None else room_bytes
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, most))


def _as_account(account: Account, work: Callable[[], None]) -> None:
    """In a fork: root in a container may become somebody else, and not change the limits of somebody else."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(account.gid, account.gid, account.gid)
            os.setresuid(account.uid, account.uid, account.uid)
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        raise PermissionError(f"the limits of {account} cannot be changed")
