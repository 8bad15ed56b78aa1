"""The world moves away from our rows: all of it is found, told of once, and nothing else."""

import operator
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bench.faults.emailctl import Emailctl
from bench.faults.nursery import Wishes
from bench.faults.of_encryption import KeyFile
from bench.faults.provider import Provider
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.seeded import Seed, delete_rows, insert_rows, records_made, seeds, servers_made
from sandbox.client import Json
from sandbox.sentry import Receiver
from shared.domain.drift import FINDINGS, Assertion, Drift

ROLE = "drift"
# By a version that nobody mounts.
LOST_TOKEN = "a1.k0:AAAA"
# Of a wrong record, so that it is soon older than its TTL; of an absent one our own counts.
WRONG_TTL_SECONDS = 1
OUR_TTL_SECONDS = 300
ROUND_SECONDS = 300.0
AWAY: tuple[Json, ...] = ({"kind": "unavailable_503", "endpoint": "/servers", "probability": 1.0},)
# What a killed round leaves is begun again when its lease has run out.
_SETTINGS = "modules.v1.shop-access.email.extras.drift { leaseSeconds = 5, retrySeconds = 1 }\n"
Found = set[tuple[str, str]]


@fault(
    "F20",
    "the world drifts from our rows, the checker killed in the middle, the provider away",
    long=Size(jobs=200, tenants=4, rate=5, times=800, seconds=OUR_TTL_SECONDS + 5),
    short=Size(jobs=30, tenants=4, rate=5, times=60),
)
def drifted(run: Rehearsal) -> None:
    """`jobs` differences of all kinds among `times` configurations in order.

    `seconds`: so long the TTL of absent records is waited for; without, records are wrong only, and none is absent.
    """
    world = World(run, absent=run.size.seconds > 0)
    with world.seeded(), world.watched() as receiver, run.callers():
        world.check_while_provider_is_away()
        world.check_and_kill()
        world.check()
        time.sleep(run.size.seconds or WRONG_TTL_SECONDS + 1)
        told = world.check()
        world.wait_until_told()
        world.compare(world.open(), receiver)
        world.mend()
        world.check()
        left = world.open()
        run.require(not left, f"{len(left)} findings stand after all was mended, such as {sorted(left)[:1]}")
    run.notes.append(f"{len(world.wanted)} findings among {run.size.times} in order; {told}")


@dataclass
class World:
    """`wanted`: tag and subject of what is to be found."""

    run: Rehearsal
    absent: bool
    wanted: Found = field(default_factory=set)

    def __post_init__(self) -> None:
        places = self.run.world.places
        self._provider = Provider(places)
        self._settings = self.run.world.processes.folder / "drift.conf"
        sandbox_settings = (self.run.world.processes.folder / "sandbox.conf").read_text()
        self._settings.write_text(sandbox_settings + _SETTINGS)
        self._emailctl = Emailctl(self.run.world.processes, {"EMAIL_CONFIG_FILE": str(self._settings)})
        zone = self.run.world.processes.environment("web")["EMAIL_MAIL_ZONE_NAME"]
        self._sealed = f"a1.k{KeyFile(self.run.world.processes.folder).current}:AAAA"
        each = self.run.size.jobs // len(Drift)
        made = seeds(self.run.size.times + (len(Drift) - 1) * each, zone)
        parts = [made[number * each : (number + 1) * each] for number in range(len(Drift) - 1)]
        self._without_server, self._without_key, self._wrong_dkim, self._wrong_return_path = parts
        self._in_order = made[(len(Drift) - 1) * each :]
        self._orphans = [one.server_name for one in seeds(each, zone)]
        self._rows: list[Seed] = []

    @contextmanager
    def seeded(self) -> Iterator[None]:
        with ExitStack() as until_the_end:
            rows = [*self._without_server, *self._without_key, *self._wrong_dkim, *self._wrong_return_path]
            names = [one.server_name for one in [*rows, *self._in_order]] + self._orphans
            ids = until_the_end.enter_context(servers_made(self._provider, names, self.run.tell))
            lost = {one.e_id for one in self._without_key}
            self._rows = [
                replace(
                    one,
                    server_id=ids[one.server_name],
                    token=LOST_TOKEN if one.e_id in lost else self._sealed,
                )
                for one in [*rows, *self._in_order]
            ]
            insert_rows(self.run.world.database, self._rows)
            until_the_end.callback(delete_rows, self.run.world.database, self._rows)
            until_the_end.callback(self._let_delete)
            records = [record for one in self._rows for record in one.records]
            until_the_end.enter_context(records_made(self._provider, records))
            self._spoil(ids)
            yield

    def _let_delete(self) -> None:
        """The provider lets servers be deleted by its API for accounts that asked for it."""
        self.run.world.simulator.set(server_deletion_allowed=True)

    def _spoil(self, ids: dict[str, int]) -> None:
        self._let_delete()
        for one in self._without_server:
            self._provider.drop_server(ids[one.server_name])
        wrong = [
            replace(record, value="elsewhere.example.com", ttl_seconds=WRONG_TTL_SECONDS)
            for record in self._wrong_records()
        ]
        gone = wrong[::2] if self.absent else []
        self._provider.drop_records(gone)
        self._provider.change_records("UPSERT", [record for record in wrong if record not in gone])
        self.wanted = {
            *((Drift.ORPHAN_DB_ROW.value, str(one.e_id)) for one in self._without_server),
            *((Drift.ORPHAN_SERVER.value, str(ids[name])) for name in self._orphans),
            *((Drift.MISSING_KEY.value, str(one.e_id)) for one in self._without_key),
            *((Drift.DKIM_MISMATCH.value, str(one.e_id)) for one in self._wrong_dkim),
            *((Drift.RETURN_PATH_MISMATCH.value, str(one.e_id)) for one in self._wrong_return_path),
        }

    def _wrong_records(self) -> list[Any]:
        return [one.records[0] for one in self._wrong_dkim] + [
            one.records[1] for one in self._wrong_return_path
        ]

    @contextmanager
    def watched(self) -> Iterator[Receiver]:
        """The drift pool tells its findings to a receiver of ours."""
        with Receiver() as receiver:
            wishes = Wishes({"SENTRY_DSN": receiver.dsn, "EMAIL_CONFIG_FILE": str(self._settings)})
            with self.run.world.processes.dressed({ROLE: wishes}):
                yield receiver

    def check_while_provider_is_away(self) -> None:
        with self.run.world.simulator.misbehaving(*AWAY):
            self._ask(Assertion.POSTMARK_INVENTORY, until={"could_not_tell"})
        found = {one for one in self.open() if one[0] in FINDINGS[Assertion.POSTMARK_INVENTORY]}
        self.run.require(not found, f"{len(found)} findings while the provider was away")

    def check_and_kill(self) -> None:
        """In the middle of both; what is left is begun anew when the lease has run out."""
        both = (Assertion.POSTMARK_INVENTORY, Assertion.DNS)
        before = self._begun_at(*both)
        self._emailctl.run("drift", "run", *both)
        self._until(lambda: all(map(operator.ne, self._begun_at(*both), before)), "both begun")
        self.run.world.processes.kill(ROLE)
        self.run.world.processes.wait_ready(ROLE)
        self._until(lambda: not any(self._of(both, "lease_token")), "both after a death")

    def check(self) -> str:
        self._ask(*Assertion, until={"drifted", "clean"})
        rows = self.run.world.database.ask(
            "SELECT assertion, checked, calls, seconds FROM drift_assertion ORDER BY 1"
        )
        return ", ".join(
            f"{name}: {checked} in {calls} calls, {seconds:.1f} s" for name, checked, calls, seconds in rows
        )

    def wait_until_told(self) -> None:
        """A round is at its end before its findings are told of."""
        question = (
            "SELECT count(*) FROM drift_finding"
            " WHERE opened_at IS NOT NULL AND told_at IS NULL AND resolved_at IS NULL"
        )
        self._until(lambda: self.run.world.database.ask(question)[0][0] == 0, "every finding to be told of")

    def open(self) -> Found:
        """Of what was seeded: other faults may have left something to find."""
        ids = [one.e_id for one in self._rows]
        rows = self.run.world.database.ask(
            "SELECT tag, subject FROM drift_finding WHERE opened_at IS NOT NULL AND resolved_at IS NULL"
            " AND (configuration_id = ANY(%s) OR server_name = ANY(%s))",
            ids,
            self._orphans,
        )
        return {(tag, subject) for tag, subject in rows}

    def compare(self, found: Found, receiver: Receiver) -> None:
        lacking, invented = self.wanted - found, found - self.wanted
        self.run.require(not lacking, f"{len(lacking)} not found: {_by_tag(lacking)}")
        self.run.require(not invented, f"{len(invented)} invented: {_by_tag(invented)}")
        told = Counter(
            (str(event["tags"]["drift"]), _subject_of(event))
            for envelope in receiver.envelopes()
            for item in envelope.items
            if item.type == "event" and "drift" in (event := item.payload).get("tags", {})
        )
        ours = {one: times for one, times in told.items() if one in self.wanted}
        self.run.require(ours.keys() == self.wanted, f"{len(self.wanted - ours.keys())} findings not told of")
        twice = [one for one, times in ours.items() if times > 1]
        self.run.require(not twice, f"{len(twice)} findings told of more than once")
        self.run.notes.append(f"{sum(ours.values())} Sentry events")

    def mend(self) -> None:
        """As if every finding's runbook had been followed."""
        gone = [one.e_id for one in self._without_server]
        with self.run.world.database.connect() as connection:
            connection.execute(
                "UPDATE email_configuration SET server_id = NULL, server_token = NULL WHERE e_id = ANY(%s)",
                [gone],
            )
            connection.execute(
                "UPDATE email_configuration SET server_token = %s WHERE e_id = ANY(%s)",
                [self._sealed, [one.e_id for one in self._without_key]],
            )
        self._let_delete()
        for _, subject in (one for one in self.wanted if one[0] == Drift.ORPHAN_SERVER.value):
            self._provider.drop_server(int(subject))
        self._provider.change_records("UPSERT", self._wrong_records())

    def _ask(self, *assertions: Assertion, until: Collection[str]) -> None:
        before = self._begun_at(*assertions)
        self.run.tell(f"checking {', '.join(assertions)}")
        self._emailctl.run("drift", "run", *assertions)
        self._until(
            lambda: (
                all(map(operator.ne, self._begun_at(*assertions), before))
                and all(verdict in until for verdict in self._of(assertions, "verdict"))
                and not any(self._of(assertions, "lease_token"))
            ),
            f"{', '.join(assertions)} to be {' or '.join(until)}",
        )

    def _until(self, holds: Any, what: str) -> None:
        deadline = time.monotonic() + ROUND_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            time.sleep(0.1)

    def _begun_at(self, *assertions: Assertion) -> list[Any]:
        return self._of(assertions, "begun_at")

    def _of(self, assertions: Collection[Assertion], column: str) -> list[Any]:
        """In their order; None of one that was never asked for."""
        rows = dict(self.run.world.database.ask(f"SELECT assertion, {column} FROM drift_assertion"))
        return [rows.get(assertion.value) for assertion in assertions]


def _subject_of(event: Json) -> str:
    context = event["contexts"]["drift"]
    of_server = event["tags"]["drift"] == Drift.ORPHAN_SERVER.value
    return str(context["postmarkServerId" if of_server else "eId"])


def _by_tag(found: Found) -> dict[str, int]:
    return dict(Counter(tag for tag, _ in found))
