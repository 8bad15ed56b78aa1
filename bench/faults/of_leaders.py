"""What happens to the scheduler that leads: it dies, or is stopped and comes back."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg

from bench.faults.logs import Log
from bench.faults.plan import LOOK_SECONDS, SCHEDULERS
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.rows import Database
from sandbox.client import Json
from scheduler.main import SILENCE_IN_LOOKS
from shared.persistence.leadership import SCHEDULER_LOCK

FLUSH_SECONDS = 2.0
POLL_SECONDS = 0.05
# What a busy machine of two cores adds.
SLACK_SECONDS = 2.0
# Whoever waits looks this often; a leader that is stopped has the lead until it was silent for so long.
AFTER_DEATH_SECONDS = LOOK_SECONDS + SLACK_SECONDS
AFTER_STOP_SECONDS = (SILENCE_IN_LOOKS + 1) * LOOK_SECONDS + SLACK_SECONDS
# A job that was in hand when its process was stopped ends after that; none begins.
IN_HAND_SECONDS = 1.0
LEADER_SECONDS = 30.0
# A sweep is told of when it finds something, and rings are lost every other second.
ACTS_SECONDS = 10.0

_HOLDERS = """
SELECT pg_locks.pid, client_port FROM pg_locks JOIN pg_stat_activity USING (pid)
 WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = %s
"""
Holder = tuple[int, int]


@fault(
    "F17",
    "three schedulers, the leader killed or stopped",
    long=Size(rate=20, times=8, seconds=60),
    short=Size(rate=20, times=2, seconds=6),
)
def leader_gone(run: Rehearsal) -> None:
    """With FLUSHALL, so that what was rung is lost and only a leader's sweep finds it. `seconds` a stop takes."""
    seconds: dict[str, list[float]] = {"death": [], "stop": []}
    with LeaderWatch(run.world.database) as watch, _flushing(run), run.callers():
        for number in run.times(1.0, "the leader gone"):
            if number % 2:
                seconds["stop"].append(_stop(run, watch))
            else:
                seconds["death"].append(_kill(run, watch))
        time.sleep(1.0)
    run.require(watch.most_at_once == 1, f"{watch.most_at_once} held the lead at once")
    told = ", ".join(f"after {how} {_span(took)}" for how, took in seconds.items())
    run.notes.append(f"another led {told}, by the lock in pg_locks")


def _kill(run: Rehearsal, watch: "LeaderWatch") -> float:
    holder, role = _leader(run, watch)
    run.world.processes.kill(role)
    took = watch.seconds_until_another(holder)
    run.require(took <= AFTER_DEATH_SECONDS, f"nobody led for {took:.1f} s after a death")
    return took


def _stop(run: Rehearsal, watch: "LeaderWatch") -> float:
    holder, role = _leader(run, watch)
    logs = {name: Log(run.world.processes.folder / "logs" / f"{name}.log") for name in SCHEDULERS}
    run.world.processes.freeze(role)
    stopped_at = time.monotonic()
    took = watch.seconds_until_another(holder)
    run.require(took <= AFTER_STOP_SECONDS, f"nobody led for {took:.1f} s after a stop")
    time.sleep(max(0.0, stopped_at + run.size.seconds - time.monotonic()))
    others = [log for name, log in logs.items() if name != role]
    acted = _until(lambda: any(_acts(event) for log in others for event in log.events()), ACTS_SECONDS)
    run.require(acted, "whoever took the lead did nothing")
    logs[role].news()
    run.world.processes.thaw(role)
    _check_thawed(run, role, logs[role])
    return took


def _check_thawed(run: Rehearsal, role: str, log: Log) -> None:
    """It notices, and then does nothing as leader: at most what it had in hand still ends."""
    said: list[Json] = []

    def noticed() -> bool:
        said.extend(log.events())
        return any(_leads(event) is False for event in said)

    if not _until(noticed, LOOK_SECONDS + SLACK_SECONDS):
        run.require(False, f"{role} did not notice that it leads no more")
        return
    time.sleep(2 * IN_HAND_SECONDS)
    said += log.events()
    lost = next(_moment(event) for event in said if _leads(event) is False)
    # It may win the lead again, by right, when the next one is gone.
    back = next((_moment(event) for event in said if _leads(event) and _moment(event) > lost), float("inf"))
    late = [event for event in said if _acts(event) and lost + IN_HAND_SECONDS < _moment(event) < back]
    run.require(not late, f"{role} acted after it had lost the lead: {late[:1]}")


def _leader(run: Rehearsal, watch: "LeaderWatch") -> tuple[Holder, str]:
    found: list[tuple[Holder, str]] = []

    def is_known() -> bool:
        if (holder := watch.holder) is not None:
            role = run.world.processes.role_of(holder[1], SCHEDULERS)
            found.extend([(holder, role)] if role else [])
        return bool(found)

    if not _until(is_known, LEADER_SECONDS):
        raise TimeoutError("no scheduler leads")
    return found[0]


class LeaderWatch:
    """Who holds the lock, as the server sees it; looked at twenty times a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="leaders", daemon=True)
        self.holder: Holder | None = None
        self.most_at_once = 0

    def __enter__(self) -> "LeaderWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def seconds_until_another(self, holder: Holder) -> float:
        """LEADER_SECONDS when none comes."""
        begun = time.monotonic()
        _until(lambda: self.holder not in (None, holder), LEADER_SECONDS)
        return time.monotonic() - begun

    def _watch(self) -> None:
        connection = None
        while not self._stop.wait(POLL_SECONDS):
            try:
                connection = connection or self._database.connect()
                holders: list[Holder] = connection.execute(_HOLDERS, [SCHEDULER_LOCK]).fetchall()
            except psycopg.Error:
                connection = None
                continue
            self.most_at_once = max(self.most_at_once, len(holders))
            self.holder = holders[0] if holders else None
        if connection is not None:
            connection.close()


@contextmanager
def _flushing(run: Rehearsal) -> Iterator[None]:
    stop = threading.Event()

    def flush() -> None:
        with run.world.redis() as client:
            while not stop.wait(FLUSH_SECONDS):
                client.flushall()

    thread = threading.Thread(target=flush, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return held


def _leads(event: Json) -> bool | None:
    """None for an event that does not say."""
    return bool(event["leads"]) if event["event"] == "email.scheduler.leadership" else None


def _acts(event: Json) -> bool:
    return bool(event["event"] == "email.send.sweep")


def _moment(event: Json) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def _span(seconds: list[float]) -> str:
    return f"{min(seconds):.1f} to {max(seconds):.1f} s" if seconds else "none"
