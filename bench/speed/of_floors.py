"""What our own way of putting rows and messages costs, beside the barest that their servers have."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import redis
from psycopg.types.json import Jsonb

from bench import doorbell
from bench.speed.figures import Figure, compared, take_turns
from bench.speed.registry import Size, Tell, bench
from bench.speed.stage import CONFIGURATION, TENANT, Stage
from shared.domain.job import canonical_hash
from shared.domain.mail import MessageContent
from shared.persistence import PostgresStore, make_engine
from shared.ports.jobs import OfferedJob

BATCH = 500
COPY = "COPY"
JOB = (
    *("e_id", "tenant_id", "configuration_id", "recipient", "idempotency_key", "body_hash", "status", "tag"),
    *("author", "accepted_at", "updated_at", "due_at", "attempts", "late_looks", "version"),
)
CONTENT = ("job_id", "subject", "html_body", "text_body", "metadata", "attachments")
TABLES = {"email_job": JOB, "email_job_content": CONTENT}

Row = tuple[object, ...]
Connection = psycopg.Connection[tuple[Any, ...]]
Put = Callable[[Connection, str, Sequence[Row]], None]


@bench(
    "insert-floors",
    "jobs into the database, 500 a transaction, beside COPY and executemany into the same tables",
    long=Size(work=20_000),
    short=Size(work=5_000, rounds=3),
)
def insert_floors(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """One connection each. Ours passes every gate on its way, which the others do not have."""
    stage.add_configuration()
    engine = make_engine(stage.database_url)
    inserting = Inserting(stage, size.work)
    ways: dict[str, Callable[[], float]] = {
        "own": partial(inserting.offer, PostgresStore(engine)),
        "executemany": partial(inserting.put, _executemany),
        COPY: partial(inserting.put, _copy),
    }
    for way in ways.values():
        way()  # connections and statements stand
    found = take_turns(ways, size.rounds)
    engine.dispose()
    tell("inserted")
    for name, way_name in (("insert", "own"), ("insert-executemany", "executemany")):
        yield compared(
            name, found[way_name], unit="jobs/s", reference=f"{COPY} into both tables", others=found[COPY]
        )


class Inserting:
    """Jobs a second; each call begins with empty tables."""

    def __init__(self, stage: Stage, count: int) -> None:
        self._stage, self._count = stage, count

    def offer(self, store: PostgresStore) -> float:
        batches = list(_batches([_offered() for _ in range(self._count)]))
        self._empty()
        begun = time.perf_counter()
        for batch in batches:
            with store.begin() as tx:
                tx.jobs.offer(TENANT, batch)
        return self._rate(begun)

    def put(self, put: Put) -> float:
        batches = list(_batches([_offered() for _ in range(self._count)]))
        rows = [
            {"email_job": [*map(_job, batch)], "email_job_content": [*map(_content, batch)]}
            for batch in batches
        ]
        self._empty()
        with psycopg.connect(self._stage.database_url) as connection:
            begun = time.perf_counter()
            for both in rows:
                for table in TABLES:
                    put(connection, table, both[table])
                connection.commit()
            return self._rate(begun)

    def _empty(self) -> None:
        self._stage.run("TRUNCATE email_job CASCADE")

    def _rate(self, begun: float) -> float:
        seconds = time.perf_counter() - begun
        if (
            found := self._stage.ask("SELECT count(*) FROM email_job JOIN email_job_content ON job_id = e_id")
        ) != [(self._count,)]:
            raise RuntimeError(f"{found} of {self._count} jobs are there")
        return self._count / seconds


def _copy(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    statement = f"COPY {table} ({', '.join(TABLES[table])}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _executemany(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    columns = TABLES[table]
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        cursor.executemany(statement.encode(), rows)


def _batches(jobs: Sequence[OfferedJob]) -> Iterator[Sequence[OfferedJob]]:
    return (jobs[begin : begin + BATCH] for begin in range(0, len(jobs), BATCH))


def _offered() -> OfferedJob:
    text = "It is on its way. " * 20
    return OfferedJob(
        e_id=uuid4(),
        configuration_id=CONFIGURATION,
        recipient=f"{uuid4().hex}@example.com",
        idempotency_key=uuid4().hex,
        body_hash=canonical_hash({"subject": "Your order"}),
        author="bench",
        trace=None,
        content=MessageContent(
            subject="Your order",
            html_body=f"<p>{text}</p>",
            text_body=text,
            tag="order",
            metadata={"order": "4711"},
        ),
    )


def _job(one: OfferedJob) -> Row:
    now = datetime.now(UTC)
    sent = (one.e_id, TENANT, one.configuration_id, one.recipient, one.idempotency_key, one.body_hash)
    return (*sent, "QUEUED", one.content.tag, one.author, now, now, now, 0, 0, 0)


def _content(one: OfferedJob) -> Row:
    content = one.content
    return (
        one.e_id,
        content.subject,
        content.html_body,
        content.text_body,
        Jsonb(content.metadata),
        Jsonb([]),
    )


@bench(
    "doorbell",
    "a ring, beside Dramatiq's plain enqueue on the same server",
    long=Size(work=2_000),
    short=Size(work=500, rounds=3),
)
def rings(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """Of `python -m bench.doorbell`, which has the ways that were not taken as well."""
    ways = doorbell.Ways(stage.redis_url, size.work).by_name()
    taken = {name: ways[name] for name in (doorbell.PLAIN, "first ring", "coalesced ring")}
    with redis.Redis.from_url(stage.redis_url) as client:
        measures = {
            name: partial(doorbell.microseconds, client, way, size.work) for name, way in taken.items()
        }
        found = take_turns(measures, size.rounds)
    tell("rung")
    for name, way_name in (("ring", "first ring"), ("ring-coalesced", "coalesced ring")):
        yield compared(
            name, found[way_name], unit="µs", reference=doorbell.PLAIN, others=found[doorbell.PLAIN]
        )
