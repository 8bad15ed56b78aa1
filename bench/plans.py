"""The plan of every statement that runs often, on tables as full as a busy partition's (bench/plans.sql).

    python -m bench.plans            a table: the statement, its time in the server, the indexes it took
    python -m bench.plans --full     the plans too, as docs/migrations.md quotes them

Ends with 1 when a statement reads a large table whole. EMAIL_DATABASE_URL names a server to use instead of an own one.
The statements are the repositories' own, caught on their way to PostgreSQL, and nothing of what they change is kept.
"""

import argparse
import hashlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import Engine, event

from sandbox.postgres import running
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.job import JobStatus, Settlement
from shared.domain.lifecycle import Operational
from shared.domain.query import Compare, Operator, Query, Sort
from shared.domain.retention import Kind, Pass
from shared.domain.traffic import Counted
from shared.domain.verification import Check
from shared.persistence import PostgresStore, make_engine
from shared.persistence.migrations import migrate
from shared.ports.operators import ConfigurationSearch, JobSearch, SuppressionSearch
from shared.ports.store import Transaction

LARGE = ["email_job", "email_job_content", "email_event", "suppression_entry", "suppression_fact"]
LARGE += ["email_configuration_record", "send_attempt", "dead_letter", "verification_check"]
LARGE += ["operator_action", "traffic"]


def identity(kind: str, number: int) -> UUID:
    """The ids that bench/plans.sql gives."""
    return UUID(hashlib.md5(f"{kind}{number}".encode(), usedforsecurity=False).hexdigest())


BUSY, BUSY_TENANT = identity("c", 1), identity("t", 1)
QUIET, QUIET_TENANT = identity("c", 34), identity("t", 34)
JOBS = [identity("j", number) for number in range(2, 102)]
ADDRESSES = [f"person{number}@example.com" for number in range(0, 5000, 100)]
KEYS = [f"key-{number}" for number in range(0, 1000, 2)]
CLAIM = identity("claim", 1)
SENDING = [identity("j", number) for number in range(500, 25_500, 500)]
SENT = [Settlement(e_id, JobStatus.SENT, provider_message_id="message") for e_id in SENDING]

FOUND_BY_LAST_CHECK = Check(dkim_verified=False, return_path_verified=False, dkim_seen="found 0")

DOUBTS = [identity("j", number) for number in range(502, 25_552, 501)]
FOUND = {e_id: (1, Settlement(e_id, JobStatus.SENT, provider_message_id="message"), 0) for e_id in DOUBTS}


def is_(locator: str, value: str) -> Query:
    return Query(Compare(locator, Operator.EQ, value), size=100)


STATEMENTS: dict[str, Callable[[Transaction], object]] = {
    "claim 50 of a backlog of 100,000": lambda tx: tx.jobs.claim(
        BUSY, claim_id=uuid4(), limit=50, lease_seconds=60
    ),
    "claim of a configuration with a few": lambda tx: tx.jobs.claim(
        QUIET, claim_id=uuid4(), limit=50, lease_seconds=60
    ),
    "record 50 results": lambda tx: tx.jobs.record(CLAIM, SENT),
    "resolve 50 doubts": lambda tx: tx.jobs.resolve_doubts(FOUND),
    "attempts of a job": lambda tx: tx.jobs.attempts(BUSY_TENANT, JOBS[0]),
    "permit where another is limited": lambda tx: tx.pressure.permit(QUIET),
    "open dead letters": lambda tx: tx.dead_letters.find(DeadLetterFilter(error_class="300"), limit=100),
    "configurations with due jobs": lambda tx: tx.jobs.configurations_with_due_jobs(100),
    "configurations with due doubts": lambda tx: tx.jobs.configurations_with_due_doubts(100),
    "doubt expired leases": lambda tx: tx.jobs.doubt_expired_leases(look_in_seconds=60, limit=100),
    "take doubts": lambda tx: tx.jobs.take_doubts(QUIET, limit=50, lease_seconds=60),
    "in flight of 100,000": lambda tx: tx.jobs.in_flight(BUSY),
    "in flight of a few": lambda tx: tx.jobs.in_flight(QUIET),
    "500 idempotency keys": lambda tx: tx.jobs.find_by_keys(BUSY_TENANT, KEYS),
    "jobs of 100 events": lambda tx: tx.jobs.for_events(BUSY, job_ids=JOBS, message_ids=["message-1"]),
    "jobs, newest first": lambda tx: tx.jobs.query(
        BUSY_TENANT, Query(sort=(Sort("acceptedAt", descending=True),), size=100)
    ),
    "jobs of a recipient": lambda tx: tx.jobs.query(BUSY_TENANT, is_("recipient", ADDRESSES[1])),
    "configuration of a routing hash": lambda tx: tx.configurations.id_by_routing_hash(
        hashlib.sha256(b"7").digest()
    ),
    "due verifications": lambda tx: tx.configurations.due_for_verification(100),
    "provisioning without a lease": lambda tx: tx.configurations.provisioning_without_lease(100),
    "removal without a lease": lambda tx: tx.configurations.removal_without_lease(100),
    "draining configurations": lambda tx: tx.configurations.locking(100),
    "another sendable of the tenant": lambda tx: tx.configurations.tenant_has_other_sendable(
        found(tx.configurations.get(BUSY))
    ),
    "current records of a tenant": lambda tx: tx.configurations.query(BUSY_TENANT, Query()),
    "record as of now": lambda tx: tx.configurations.record_as_of(BUSY, effective=None, recorded=None),
    "a check that found the same": lambda tx: tx.checks.record(BUSY, FOUND_BY_LAST_CHECK),
    "a check that found something else": lambda tx: tx.checks.record(BUSY, Check(dkim_verified=True)),
    "latest checks": lambda tx: tx.checks.latest(BUSY),
    "a turn": lambda tx: tx.turns.take("route53", per_second=5, patience_seconds=2),
    "oldest waits": lambda tx: tx.waits.oldest(),
    "what stands": lambda tx: tx.waits.standing(),
    "unprojected events of a configuration": lambda tx: tx.events.unprojected(BUSY, limit=100),
    "configurations with due events": lambda tx: tx.events.configurations_with_due_events(100),
    "events of a job": lambda tx: tx.events.for_job(BUSY_TENANT, JOBS[0]),
    "events about 50 addresses": lambda tx: tx.events.about(BUSY_TENANT, ADDRESSES),
    "active suppressions among 50": lambda tx: tx.suppressions.active_among(BUSY_TENANT, ADDRESSES),
    "operators' facts about 50": lambda tx: tx.suppressions.operator_facts(BUSY_TENANT, ADDRESSES),
    "suppressions of a tenant": lambda tx: tx.suppressions.query(BUSY_TENANT, Query()),
    "count what happened": lambda tx: tx.traffic.add({(Counted.OUTCOME, status): 7 for status in JobStatus}),
    "bars of a day": lambda tx: tx.traffic.bars(since=tx.now() - timedelta(days=1), span_minutes=15),
    "forget old minutes": lambda tx: tx.traffic.forget(until=tx.now() - timedelta(days=6), limit=5000),
}


def jobs(before: UUID | None = None, **wanted: Any) -> Callable[[Transaction], object]:
    return lambda tx: tx.views.jobs(JobSearch(**wanted), before=before, limit=50)


def deeds(**wanted: Any) -> Callable[[Transaction], object]:
    return lambda tx: tx.views.deeds(**wanted, before=tx.now(), limit=50)


# What operators look at, across tenants.
STATEMENTS |= {
    "any configurations": lambda tx: tx.views.configurations(ConfigurationSearch(), before=None, limit=50),
    "configurations in FAILURE, of which there are none": lambda tx: tx.views.configurations(
        ConfigurationSearch(operational=Operational.FAILURE), before=None, limit=50
    ),
    "configurations called so": lambda tx: tx.views.configurations(
        ConfigurationSearch(text="tenant-19"), before=None, limit=50
    ),
    "any QUEUED jobs, of 114,000": jobs(status=JobStatus.QUEUED),
    "any jobs IN_DOUBT": jobs(status=JobStatus.IN_DOUBT),
    "any INCONSISTENT jobs": jobs(status=JobStatus.INCONSISTENT),
    "the job called so": jobs(text=str(JOBS[0])),
    "the job with this key of a tenant": jobs(text=KEYS[1], tenant_id=BUSY_TENANT),
    "a tenant's jobs, another page": jobs(tenant_id=BUSY_TENANT, before=JOBS[0]),
    "a configuration's jobs of a day": jobs(
        configuration_id=BUSY,
        accepted_from=datetime(2026, 1, 2, tzinfo=UTC),
        accepted_until=datetime(9999, 1, 1, tzinfo=UTC),
    ),
    "a tenant's FAILED jobs": jobs(tenant_id=QUIET_TENANT, status=JobStatus.FAILED),
    "100,000 jobs of a tenant, none of them SENT": jobs(tenant_id=BUSY_TENANT, status=JobStatus.SENT),
    "a recipient's jobs": jobs(tenant_id=BUSY_TENANT, recipient=ADDRESSES[1]),
    "newest events of 25,000": lambda tx: tx.views.events_of(BUSY, limit=20),
    "an address with any tenant": lambda tx: tx.views.suppressions(
        SuppressionSearch(address=ADDRESSES[1]), after=None, limit=50
    ),
    "a tenant's suppressions, by their ids": lambda tx: tx.views.suppressions(
        SuppressionSearch(tenant_id=BUSY_TENANT), after=UUID(int=0), limit=50
    ),
    "newest records": deeds(),
    "newest actions": deeds(),
    "newest records of an author": deeds(author="person7"),
    "newest actions of an author": deeds(author="person7"),
    "what was done to a configuration": deeds(subject_id=BUSY),
}


def may_go(kind: Kind) -> Callable[[Transaction], object]:
    """Of a slice of old rows."""
    return lambda tx: tx.retention.would_remove(Pass(kind, kind.e_id, tx.now()), rows=1000)


STATEMENTS |= {
    f"which of 1,000 {kind} may go": may_go(kind)
    for kind in Kind
    if kind not in {Kind.REPLAYS, Kind.FINDINGS, Kind.TRAFFIC}
}
# Of the two statements that tell deeds, the first.
FIRST = ("newest actions", "newest actions of an author")


def found(value: Any) -> Any:
    assert value is not None
    return value


@dataclass(frozen=True)
class Plan:
    name: str
    text: str

    @property
    def milliseconds(self) -> float:
        return float(re.findall(r"Execution Time: ([\d.]+) ms", self.text)[0])

    @property
    def indexes(self) -> list[str]:
        names = re.findall(r"(?:using|Index Scan on) ((?:ix|uq|pk)_\w+)", self.text)
        return list(dict.fromkeys(names))

    @property
    def read_whole(self) -> list[str]:
        return [table for table in LARGE if re.search(rf"Seq Scan on {table}\b", self.text)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Plans of the statements that run often.")
    parser.add_argument("--full", action="store_true", help="print the plans too")
    full = parser.parse_args().full
    with filled() as engine:
        plans = [plan_of(engine, name) for name in STATEMENTS]
    for plan in plans:
        print(f"{plan.name:50} {plan.milliseconds:8.2f} ms   {', '.join(plan.indexes)}")
    for plan in plans if full else []:
        print(f"\n-- {plan.name}\n{plan.text}")
    faults = [f"{plan.name}: reads {', '.join(plan.read_whole)} whole" for plan in plans if plan.read_whole]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


@contextmanager
def filled() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "state") as server:
        name = f"plans_{uuid4().hex}"
        url = server.create_database(name)
        try:
            migrate(url)
            with psycopg.connect(url, autocommit=True) as connection:
                for statement in Path(__file__).with_suffix(".sql").read_text().split(";\n"):
                    connection.execute(statement)
            engine = make_engine(url, statement_timeout_seconds=120)
            yield engine
            engine.dispose()
        finally:
            server.drop_database(name)


def plan_of(engine: Engine, name: str) -> Plan:
    """Of the last statement that the call sends: earlier ones read what it needs, tell the time, or take locks."""
    caught = caught_of(engine, STATEMENTS[name])
    statement, parameters = caught[-2 if name in FIRST else -1]
    with engine.connect() as connection:
        explain = f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {statement}"
        lines = connection.exec_driver_sql(explain, parameters).scalars().all()
        connection.rollback()
    return Plan(name, "\n".join(lines))


class Undo(Exception):
    pass


def caught_of(engine: Engine, call: Callable[[Transaction], object]) -> list[tuple[str, Any]]:
    caught: list[tuple[str, Any]] = []

    def catch(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        caught.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", catch)
    try:
        with PostgresStore(engine).begin() as tx:
            call(tx)
            raise Undo
    except Undo:
        return caught
    finally:
        event.remove(engine, "before_cursor_execute", catch)


if __name__ == "__main__":
    sys.exit(main())
