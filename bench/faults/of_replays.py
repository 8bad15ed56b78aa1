"""Dead letters put back in bulk, while whoever asked and whoever carries it out are killed."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from bench.faults.emailctl import Emailctl, Said
from bench.faults.mail import FATES, pour
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import SEND

WORKER = "provisioning"
REFUSED = "300"
REFUSING = {"kind": "partial_batch", "endpoint": SEND, "error_code": int(REFUSED)}
AUTHOR = "rehearsal"
STOPPED = 8
FAILED_SECONDS = 240.0
PATIENCE_SECONDS = 240.0
LOOK_SECONDS = 0.02
# Dead letters in one transaction, at the most.
SLICE = 50

_REPLAYS = """
SELECT e_id::text, state, put_back, put_back + moved_on + locked + retired, coalesce(lease_until > now(), false)
  FROM replay WHERE reason = %s ORDER BY e_id
"""
_FAILED = "SELECT count(*) FROM email_job WHERE status = 'FAILED' AND idempotency_key LIKE %s"
# Each is to be true of every job just once.
_ONCE = {
    "put back": """
        replay_result result JOIN dead_letter letter ON letter.e_id = result.letter_id
        WHERE letter.subject_id = job.e_id AND result.fate = 'put_back'""",
    "come by": """
        replay_result result JOIN dead_letter letter ON letter.e_id = result.letter_id
        WHERE letter.subject_id = job.e_id""",
    "acted on": "operator_action deed WHERE deed.subject_id = job.e_id AND deed.action = 'dead_letter.replay'",
    "buried": "dead_letter letter WHERE letter.subject_id = job.e_id AND letter.rest = 'replayed'",
    "buried at all": "dead_letter letter WHERE letter.subject_id = job.e_id",
    "refused": "send_attempt attempt WHERE attempt.job_id = job.e_id AND attempt.outcome = 'FAILED'",
    "sent": "send_attempt attempt WHERE attempt.job_id = job.e_id AND attempt.outcome = 'SENT'",
}
# The most that were put back within any second of one replay.
_FASTEST = """
SELECT coalesce(max(many), 0) FROM (
    SELECT count(*) OVER (PARTITION BY result.replay_id ORDER BY result.at
                          RANGE BETWEEN CURRENT ROW AND interval '1 second' FOLLOWING) AS many
      FROM replay_result result JOIN replay ON replay.e_id = result.replay_id WHERE replay.reason = %s) AS seconds
"""


@fault(
    "F25",
    "dead letters put back, the command and the workers killed on the way, once stopped and asked for again",
    long=Size(jobs=10_000, rate=100, times=8),
    # Slow enough for a command to begin and stop it in the middle.
    short=Size(jobs=200, rate=14, times=3),
)
def replay_dead_letters(run: Rehearsal) -> None:
    """`jobs` that the provider refused, put back at `rate` a second; `times` workers are killed while they are."""
    since = run.world.database.ask("SELECT clock_timestamp()")[0][0]
    with run.world.simulator.misbehaving(REFUSING):
        pour(run, run.world.tenants(run.size.tenants), "many", run.size.jobs, FATES[:1])
        _until_refused(run)
    replaying = Replaying(run, Emailctl(run.world.processes), since)
    jobs, later = run.size.jobs, run.size.times // 2
    replaying.kill_the_command(jobs // 6)
    done = replaying.until_stopped(jobs // 2, _spread(run.size.times - later, jobs // 6, jobs // 2))
    replaying.to_the_end(_spread(later, done, jobs))
    replaying.check(done)


def _spread(times: int, begin: int, end: int) -> list[int]:
    return [begin + (end - begin) * number // (times + 1) for number in range(1, times + 1)]


def _until_refused(run: Rehearsal) -> None:
    deadline = time.monotonic() + FAILED_SECONDS
    while (failed := run.world.database.ask(_FAILED, f"{run.prefix}%")[0][0]) < run.size.jobs:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{failed} of {run.size.jobs} jobs were refused")
        run.tell(f"{failed} of {run.size.jobs} refused")
        time.sleep(0.2)


@dataclass(frozen=True)
class Seen:
    """One replay as its row has it. `held`: somebody carries it out."""

    e_id: str
    state: str
    put_back: int
    done: int
    held: bool


@dataclass
class Replaying:
    """`in_hand`: how many workers were killed that carried one out."""

    run: Rehearsal
    emailctl: Emailctl
    since: datetime
    in_hand: int = 0

    @property
    def reason(self) -> str:
        return f"{self.run.prefix}: the provider accepts again"

    def replays(self) -> list[Seen]:
        return [Seen(*row) for row in self.run.world.database.ask(_REPLAYS, self.reason)]

    def put_back(self) -> int:
        return sum(replay.put_back for replay in self.replays())

    def kill_the_command(self, count: int) -> None:
        """When so many are back."""
        log = self.run.world.processes.folder / "logs" / "replay.log"
        process = self.emailctl.start(*self._words(), log=log)
        try:
            self._until(count, "put back, then the command is killed")
        finally:
            process.kill()
            process.wait()

    def until_stopped(self, count: int, deaths: Sequence[int]) -> int:
        """Followed again, and stopped by somebody else when so many are back: how many were come by when it was."""
        with self._following() as following:
            self._kill_at(deaths)
            self._until(count, "put back, then it is stopped")
            (replay,) = self.replays()
            why = ("--reason", "it is rehearsed", "--author", AUTHOR)
            stopped = self.emailctl.run("dead-letter", "stop", replay.e_id, *why)
            said = following.result()
        self.run.require(
            said.code == STOPPED, f"who followed what was stopped ended with {said.code}: {said.complaint}"
        )
        done = int(stopped.told.get("done", 0))
        self.run.require(
            stopped.told.get("state") == "stopped" and 0 < done < self.run.size.jobs,
            f"stopped with {done} of {self.run.size.jobs}: not in the middle",
        )
        return done

    def to_the_end(self, deaths: Sequence[int]) -> None:
        """What is left, asked for once more."""
        with self._following() as following:
            self._kill_at(deaths)
            said = following.result()
        self.run.require(said.code == 0, f"the second replay ended with {said.code}: {said.complaint}")

    def check(self, done_when_stopped: int) -> None:
        run, replays = self.run, self.replays()
        states = [replay.state for replay in replays]
        run.require(states == ["stopped", "done"], f"there are replays that are {states}")
        done = [replay.done for replay in replays]
        run.require(
            done == [done_when_stopped, run.size.jobs - done_when_stopped],
            f"they came by {done}, {done_when_stopped} of them when it was stopped",
        )
        # What is put back is sent after that.
        run.wait_until_idle(PATIENCE_SECONDS)
        for what, things in _ONCE.items():
            times = self._times(things)
            run.require(times == {1: run.size.jobs}, f"jobs by how often they were {what}: {times}")
        self._check_pace()
        run.require(self.in_hand > 0, "no worker was killed with a replay in hand")
        run.notes.append(
            f"{run.size.times} workers killed, {self.in_hand} of them with a replay in hand, and the command once;"
            f" stopped with {done_when_stopped} of {run.size.jobs} put back"
        )

    def _times(self, things: str) -> dict[int, int]:
        """How often, to the number of jobs."""
        question = (
            f"SELECT (SELECT count(*) FROM {things}) AS times, count(*)"
            " FROM email_job job WHERE job.idempotency_key LIKE %s GROUP BY 1"
        )
        return dict(self.run.world.database.ask(question, f"{self.run.prefix}%"))

    def _check_pace(self) -> None:
        rate = self.run.size.rate or 0.0
        fastest = int(self.run.world.database.ask(_FASTEST, self.reason)[0][0])
        # A second may begin with one slice and end with another.
        self.run.require(fastest <= rate + min(SLICE, rate), f"{fastest} within a second, not {rate:g}")

    @contextmanager
    def _following(self) -> Iterator["Future[Said]"]:
        with ThreadPoolExecutor(1) as threads:
            yield threads.submit(self.emailctl.run, *self._words())

    def _words(self) -> tuple[str, ...]:
        """The same each time, as an operator repeats them."""
        chosen = ("--filter", f"class={REFUSED}", "--filter", f"since={self.since.isoformat()}")
        said = ("--rate", f"{self.run.size.rate:g}", "--author", AUTHOR, "--reason", self.reason, "--yes")
        return ("dead-letter", "replay", *chosen, *said)

    def _kill_at(self, deaths: Sequence[int]) -> None:
        for count in deaths:
            self._until(count, f"put back, a worker is killed at {count}")
            self.in_hand += any(replay.held for replay in self.replays())
            self.run.world.processes.kill(WORKER)

    def _until(self, count: int, then: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (done := self.put_back()) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{done} of {self.run.size.jobs} put back, and no more")
            self.run.tell(f"{done} of {self.run.size.jobs} {then}")
            time.sleep(LOOK_SECONDS)
