"""The database is restored to an earlier moment, and what went out since is found at the provider."""

import signal
import tempfile
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from bench.faults.base_backup import BaseBackups
from bench.faults.callers import Callers
from bench.faults.emailctl import Emailctl, Said
from bench.faults.nursery import Wishes
from bench.faults.plan import SWEEP_SECONDS
from bench.faults.rehearsal import SETTLE_SECONDS, Rehearsal, Size, fault
from bench.faults.simulator import SEND
from sandbox.client import Client, Json
from shared.domain.recovery import recovered_key

AUTHOR = ("--author", "rehearsal")
# So that jobs are being sent at any moment, and some of them end in doubt.
_SLOW = {"kind": "latency", "endpoint": SEND, "seconds": {"min": 0.1, "max": 0.6}}
_LOST = {"kind": "accept_then_reset", "endpoint": SEND, "probability": 0.15}
_UNAVAILABLE = {"kind": "unavailable_503", "endpoint": SEND}
# Before the backup, so that jobs wait in it that go out right after it.
_HELD_SECONDS = 1.5
# Sweeps that would send what is held, if it were not.
_SWEEPS = 3


@fault(
    "F28",
    "Postgres restored to an earlier moment, mail sent since; the command that closes the gap killed on the way",
    long=Size(rate=60, seconds=60, tenants=4),
    short=Size(rate=25, seconds=4, tenants=3),
)
def restore_earlier_moment(run: Rehearsal) -> None:
    """`seconds` from the moment that is restored to the one in which the database is lost."""
    with tempfile.TemporaryDirectory(prefix="email-backup-") as folder, run.world.simulator.at_wall_clock():
        Restoring(run, Path(folder) / "data").rehearse()


@dataclass
class Restoring:
    run: Rehearsal
    backup: Path
    emailctl: Emailctl = field(init=False)
    backups: BaseBackups = field(init=False)

    def __post_init__(self) -> None:
        processes = self.run.world.processes
        self.emailctl = Emailctl(processes)
        self.backups = BaseBackups.of(processes.folder, self.run.world.places)

    def rehearse(self) -> None:
        run, offset = self.run, self.run.world.simulator.ledger.end()
        callers = run.callers(body=self._body)
        with callers:
            restored_at = self._back_up()
            time.sleep(run.size.seconds)
            self._lose_everything()
            callers.give_up()
        failed_at = self._restore()
        self._begin(restored_at, failed_at)
        self._everything_waits()
        found = self._look()
        self._end()
        again = self._as_callers_are_told(callers)
        run.wait_until_idle(SETTLE_SECONDS)
        self._catch_up(restored_at)
        self._nobody_has_two(offset, len(callers.told))
        run.notes.append(
            f"{found['settled']} waiting jobs had gone out, {found['adopted']} had no row; "
            f"of {len(callers.told)} callers' requests {again} were not there and sent again"
        )

    def _body(self, number: int) -> Json:
        return {"recipient": self._recipient(number), "subject": "Rehearsal", "textBody": "One of many."}

    def _recipient(self, number: int) -> str:
        """Of one job only: that nobody has two is seen by it."""
        return f"r{number}-{self.run.prefix.lower()}@example.com"

    def _back_up(self) -> datetime:
        """From here on nothing that is committed will have been. Some before the moment that the backup is of."""
        simulator, stuck = self.run.world.simulator, {**_UNAVAILABLE, "server_id": self._stuck_server()}
        simulator.misbehave(_SLOW, _LOST, stuck)
        time.sleep(_HELD_SECONDS)
        simulator.misbehave(_UNAVAILABLE)
        time.sleep(_HELD_SECONDS)
        self.run.tell("base backup")
        restored_at = self._database_now()
        self.backups.take(self.backup)
        simulator.misbehave(_SLOW, _LOST, stuck)
        return restored_at

    def _stuck_server(self) -> int:
        """Of one tenant: what waits there has not gone out by the end of the gap, either, and is to be sent then."""
        tenant = self.run.world.tenants(self.run.size.tenants)[-1]
        question = "SELECT server_id FROM email_configuration WHERE e_id::text = %s"
        return int(self.run.world.database.ask(question, tenant.configuration_eid)[0][0])

    def _lose_everything(self) -> None:
        processes = self.run.world.processes
        for role in processes.roles:
            processes.wish(role, Wishes(held=True))
        for role in processes.roles:
            processes.kill(role)
        processes.take_away("postgres")
        self.run.world.simulator.misbehave()

    def _restore(self) -> datetime:
        """When the old database was lost, or a moment later."""
        self.run.tell("restore")
        self.backups.put_back(self.backup)
        self.run.world.processes.bring_back("postgres")
        waiting = {status.lower(): count for status, count in self.run.world.database.waiting().items()}
        self.run.notes.append(f"restored: {waiting}")
        self.run.require(waiting["queued"] > 0, "nothing was queued in the backup")
        return self._database_now()

    def _begin(self, restored_at: datetime, failed_at: datetime) -> None:
        gap = ("--from", restored_at.isoformat(), "--until", failed_at.isoformat())
        self._expect(self._ctl("begin", *gap, "--reason", "rehearsed", *AUTHOR), 0)

    def _everything_waits(self) -> None:
        """With every process there nothing goes out, nothing is accepted, and nobody hears that a job is not there."""
        run, offset = self.run, self.run.world.simulator.ledger.end()
        for role in run.world.processes.roles:
            run.world.processes.wish(role, Wishes())
        for role in run.world.processes.roles:
            run.world.processes.wait_ready(role)
        tenant = run.world.tenants(1)[0]
        with run.world.door.client(tenant.tenant_id) as client:
            sent = client.send(
                {"configurationEId": tenant.configuration_eid, **self._body(-1)}, key=f"{run.prefix}-kept-out"
            )
            asked = client.job(str(uuid4()))
        run.require(sent.status == asked.status == 503, f"callers got {sent.status} and {asked.status}")
        run.tell("nothing may be sent")
        time.sleep(_SWEEPS * SWEEP_SECONDS)
        run.require(run.world.simulator.ledger.end() == offset, "something was sent while all was held")

    def _look(self) -> Json:
        for point in ("recovery.written", "recovery.saved"):
            self.run.tell(f"killed at {point}")
            killed = Emailctl(self.run.world.processes, {"EMAIL_FAULT_POINTS": f"{point}:1"})
            self._expect(killed.run("recovery", "run"), -signal.SIGKILL)
        self._expect(self._ctl("end", *AUTHOR), 5)
        self.run.tell("recovery run")
        said = self._ctl("run")
        self._expect(said, 0)
        left = self.run.world.database.waiting()["QUEUED"]
        self.run.require(left > 0, "nothing was left that had not gone out")
        self.run.notes.append(f"{left} had not gone out and were sent at the end")
        for found in ("settled", "adopted"):
            self.run.require(said.told.get(found, 0) > 0, f"nothing was {found}")
        self._expect(self._ctl("status"), 8)
        return said.told

    def _end(self) -> None:
        offset = self.run.world.simulator.ledger.end()
        self._expect(self._ctl("end", *AUTHOR), 0)
        deadline = time.monotonic() + SETTLE_SECONDS
        waiting = sum(self.run.world.database.waiting().values())
        while waiting and self.run.world.simulator.ledger.end() == offset and time.monotonic() < deadline:
            time.sleep(0.1)

    def _as_callers_are_told(self, callers: Callers) -> int:
        """An id that is not there was not sent: again, with the same key. Where no id was heard of: look for it."""
        unanswered = callers.unanswered
        again = 0
        for key, ids in list(callers.told.items()):
            (job_id,) = ids
            again += self._ask(callers, int(key.rpartition("-")[2]), job_id)
        for number in unanswered:
            again += self._look_for(callers, number)
        self.run.notes.append(f"{len(unanswered)} requests were never answered")
        return again

    def _ask(self, callers: Callers, number: int, job_id: str) -> bool:
        """Whether it had to be sent again."""
        with self._client(callers, number) as client:
            answer = client.job(job_id)
            if answer.status == 404:
                return self._send_again(callers, number, client)
        self.run.require(answer.status == 200, f"a job was answered with {answer.status}")
        self._know(callers, number, answer.payload)
        return False

    def _look_for(self, callers: Callers, number: int) -> bool:
        with self._client(callers, number) as client:
            jobs = client.jobs_of(callers.tenant_of(number).configuration_eid)
            mine = [job for job in jobs if job["recipient"] == self._recipient(number)]
            if not mine:
                return self._send_again(callers, number, client)
        self.run.require(len(mine) == 1, f"{len(mine)} jobs for one recipient")
        self._know(callers, number, mine[0])
        return False

    def _send_again(self, callers: Callers, number: int, client: Client) -> bool:
        answer = client.send(callers.job_of(number), key=callers.key_of(number))
        self.run.require(answer.status in (200, 202), f"sent again, answered {answer.status}")
        callers.told[callers.key_of(number)] = {str(answer.payload["eId"])}
        return True

    def _know(self, callers: Callers, number: int, job: Json) -> None:
        """The row of an adopted job does not have its caller's key."""
        job_id, key = str(job["eId"]), callers.key_of(number)
        callers.told[key] = {job_id}
        if job["idempotencyKey"] == recovered_key(job["eId"]):
            self.run.known_as[job_id] = key

    def _client(self, callers: Callers, number: int) -> Client:
        return self.run.world.door.client(callers.tenant_of(number).tenant_id)

    def _catch_up(self, restored_at: datetime) -> None:
        """What callbacks told the database that was lost."""
        times = ("--from", restored_at.isoformat(), "--until", self._database_now().isoformat())
        self.run.tell("catch up")
        why = ("--reason", "restored", *AUTHOR)
        self._expect(self.emailctl.run("webhooks", "catch-up", "--all", *times, *why, "--wait"), 0)

    def _nobody_has_two(self, offset: int, promised: int) -> None:
        entries = self.run.world.simulator.ledger.entries(offset)
        got = Counter(address for entry in entries for address in _of(entry["to"], self.run.prefix))
        twice = sum(count > 1 for count in got.values())
        self.run.require(not twice, f"{twice} recipients have it twice")
        self.run.require(len(got) == promised, f"{len(got)} recipients of {promised} have it")

    def _ctl(self, *arguments: str) -> Said:
        return self.emailctl.run("recovery", *arguments)

    def _expect(self, said: Said, code: int) -> None:
        if said.code != code:
            raise RuntimeError(f"emailctl ended with {said.code}, not {code}: {said.complaint}")

    def _database_now(self) -> datetime:
        now = self.run.world.database.ask("SELECT clock_timestamp()")[0][0]
        assert isinstance(now, datetime)
        return now


def _of(addresses: Collection[str], prefix: str) -> list[str]:
    return [address for address in addresses if f"-{prefix.lower()}@" in address]
