"""How fast events are taken in, beside a bare Flask route with one INSERT, and how fast they are folded.

    python -m bench.events [--posts N] [--events N] [--rounds N]

Both servers are granian with the settings that the web role has everywhere, on one Postgres, and take turns; every post
is another event, and none is answered before it is committed. The bare route reads the body and inserts it with
SQLAlchemy, one transaction. Folding is done by the projection's own handler, in one thread of this process, and stands
beside the same done one event after the other: read it, update its job, mark it, one transaction each.
A table, and as JSON `.state/events.json`. Ends with 1 when a target is missed. EMAIL_DATABASE_URL names a server to use
instead of an own one.
"""

import argparse
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from flask import Flask, request
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, text

from sandbox import valkey
from sandbox.ports import LOOPBACK, free_port, listens
from sandbox.postgres import running
from sandbox.process import Child, Program, bare_environment
from sandbox.roles import PRODUCT
from sandbox.stack.world import PROJECT
from shared.domain.configuration import EmailConfiguration
from shared.persistence import PostgresStore, make_engine
from shared.persistence.migrations import migrate
from shared.ports.configurations import Change
from shared.ports.doorbell import Message
from shared.telemetry.logging import configure_logging
from web import BASE
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.policy import ProjectionPolicy

REPORT = Path(".state/events.json")
ACCEPT_TARGET, FOLD_TARGET = 0.9, 3_000.0
BATCH_SIZE = 200  # the default of `projection.batchSize`
CONNECTIONS = 16
READY_SECONDS = 60.0
ONE_BY_ONE_SHARE = 10
CONFIGURATION, TENANT = UUID(int=1), UUID(int=2)
ROUTING_TOKEN, API_KEY = "routing-token-of-a-benchmark", "api-key-of-a-benchmark"
DRIVER_URL = "postgresql+psycopg://"

BARE_TABLE = (
    "CREATE TABLE bare_event (id uuid PRIMARY KEY, body text NOT NULL, received_at timestamptz NOT NULL)"
)
BARE_INSERT = "INSERT INTO bare_event VALUES (gen_random_uuid(), :body, now())"

# Of ten events seven are deliveries, and one job in nine bounces, which is told twice.
FILL = """
TRUNCATE email_event, suppression_entry, email_job CASCADE;
INSERT INTO email_job (
    e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, author, accepted_at,
    updated_at, attempts, late_looks, provider_message_id, version
)
SELECT
    md5('j' || n)::uuid, '{tenant}', '{configuration}', 'person' || n || '@example.com', 'key-' || n,
    sha256(n::text::bytea), 'SENT', 'bench', now(), now(), 1, 0, 'message-' || n, 1
FROM generate_series(0, {events} - 1) n WHERE n % 10 <> 1;
INSERT INTO email_event (
    e_id, tenant_id, configuration_id, kind, content_key, occurred_at, message_id, job_ref, recipient, hard_bounce,
    suppresses, suppression_reason, headers, raw, received_at, status, due_at
)
SELECT
    md5('e' || n)::uuid, '{tenant}', '{configuration}',
    CASE n % 10 WHEN 0 THEN 'Bounce' WHEN 1 THEN 'SubscriptionChange' ELSE 'Delivery' END,
    sha256(n::text::bytea), now() - interval '1 minute', 'message-' || job, md5('j' || job)::uuid,
    'person' || job || '@example.com', n % 10 = 0, CASE WHEN n % 10 = 1 THEN true END,
    CASE WHEN n % 10 = 1 THEN 'HARD_BOUNCE' END, '{{"event_id": "x"}}',
    '{{"RecordType": "Delivery", "Details": "' || repeat('x', 400) || '"}}', now(), 'pending', now()
FROM (SELECT n, n - (n % 10 = 1)::int AS job FROM generate_series(0, {events} - 1) n) numbered;
ANALYZE email_event, email_job;
"""
NEXT = (
    "SELECT e_id, job_ref, kind FROM email_event WHERE configuration_id = %s AND status = 'pending'"
    " ORDER BY received_at, e_id LIMIT 1 FOR UPDATE SKIP LOCKED"
)
MOVE = "UPDATE email_job SET status = %s, updated_at = now(), version = version + 1 WHERE e_id = %s"
MARK = "UPDATE email_event SET status = 'projected', projected_at = now(), due_at = NULL, job_id = %s WHERE e_id = %s"


@dataclass(frozen=True)
class Line:
    """`value` and `reference_value`: the medians. `rounds`: the ratio of each; `ratio`: their median."""

    bench: str
    value: float
    unit: str
    reference: str
    reference_value: float
    ratio: float
    target: str
    met: bool
    rounds: list[float]


@dataclass(frozen=True)
class Database:
    url: str = field(repr=False)

    def run(self, script: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(script.encode())


def bare() -> Flask:
    """What is measured against; for the server's command line."""
    engine = create_engine(os.environ["BENCH_DATABASE_URL"], pool_size=10)
    app, insert = Flask("bare"), text(BARE_INSERT)

    def receive() -> dict[str, str]:
        with engine.begin() as connection:
            connection.execute(insert, {"body": request.get_data(as_text=True)})
        return {}

    app.post("/event")(receive)
    return app


@contextmanager
def serving(factory: str, folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """The port."""
    port = free_port()
    command = next(role for role in PRODUCT.roles if role.name == "web").command
    argv = [factory if part == "web.app:from_environment" else part.format(port=port) for part in command]
    program = Program(
        name=factory,
        argv=(sys.executable, "-m", *argv),
        env=bare_environment(PYTHONPATH=str(PROJECT), **environment),
        log=folder / f"{factory.partition(':')[0]}.log",
        cwd=PROJECT,
    )
    child = Child(program)
    try:
        child.wait_until(lambda: listens(child.pid, port), seconds=READY_SECONDS)
        yield port
    finally:
        child.stop()


def own_environment(database_url: str, redis_url: str, metrics: Path) -> dict[str, str]:
    """As deployed: it logs each request, and its processes share their metrics by files."""
    metrics.mkdir()
    return {
        "EMAIL_INFRASTRUCTURE": "Alpha002",
        "EMAIL_PARTITION": "dev",
        "EMAIL_DATABASE_URL": database_url,
        "EMAIL_REDIS_URL": redis_url,
        "EMAIL_MAIL_ZONE_ID": "Z1",
        "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
        "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-a-benchmark",
        "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
        "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "ARDA_API_KEY": API_KEY,
    }


def requests_to(path: str, count: int) -> list[bytes]:
    """Ready to be sent: making them is not what is measured."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nUser-Agent: Postmark\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {API_KEY}\r\nX-Email-Routing-Token: {ROUTING_TOKEN}\r\n"
    )
    return [_request(head, delivery()) for _ in range(count)]


def delivery() -> bytes:
    """An event that is told for the first time."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    told = {
        "RecordType": "Delivery",
        "ServerID": 23,
        "MessageStream": "outbound",
        "MessageID": str(uuid4()),
        "Recipient": f"{uuid4().hex}@example.com",
        "Tag": "order",
        "DeliveredAt": now,
        "Details": "smtp;250 2.0.0 OK 1732240000 d9443c01a7336-21c0acb4c4bsi1234567890abc.123 - gsmtp",
        "Metadata": {"job": str(uuid4()), "claim": str(uuid4())},
    }
    return json.dumps(told).encode()


def _request(head: str, body: bytes) -> bytes:
    marks = f"X-PM-Webhook-Trace-Id: {uuid4()}\r\nX-PM-Webhook-Event-Id: {uuid4()}\r\n"
    return f"{head}{marks}Content-Length: {len(body)}\r\n\r\n".encode() + body


def post_all(port: int, requests: Sequence[bytes]) -> float:
    """Requests a second, over all connections together. Raises when one is answered with anything but 200."""
    shares = [requests[number::CONNECTIONS] for number in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        begun = time.perf_counter()
        for done in [threads.submit(_post, port, share) for share in shares]:
            done.result()
        return len(requests) / (time.perf_counter() - begun)


def _post(port: int, requests: Sequence[bytes]) -> None:
    """Over one connection, with as little work of our own as will do: both cores belong to the servers."""
    with socket.create_connection((LOOPBACK, port), timeout=60) as connection:
        for sent in requests:
            connection.sendall(sent)
            answer = connection.recv(65_536)
            while not _whole(answer):
                answer += connection.recv(65_536)
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(answer[:200].decode(errors="replace"))


def _whole(answer: bytes) -> bool:
    head, ended, body = answer.partition(b"\r\n\r\n")
    if not answer:
        raise ConnectionError("the server hung up")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(ended) and len(body) >= int(length)


def accept_rates(database: Database, folder: Path, *, posts: int, rounds: int) -> Line:
    keeper, broker = valkey.Keeper.prepare(folder).start()
    with ExitStack() as stack:
        stack.callback(broker.stop)
        own = stack.enter_context(
            serving(
                "web.app:from_environment",
                folder,
                own_environment(database.url, keeper.url, folder / "metrics"),
            )
        )
        sqlalchemy_url = DRIVER_URL + database.url.partition("://")[2]
        floor = stack.enter_context(
            serving("bench.events:bare", folder, {"BENCH_DATABASE_URL": sqlalchemy_url})
        )
        ways: dict[str, Callable[[int], float]] = {
            "own": lambda count: post_all(own, requests_to(f"{BASE}/job/postmark-events", count)),
            "bare": lambda count: post_all(floor, requests_to("/event", count)),
        }
        rates = take_turns(ways, rounds, posts, warm_up=posts // 4)
    ratio, each = ratios(rates["own"], rates["bare"])
    return Line(
        "webhook accept",
        round(statistics.median(rates["own"])),
        "events/s",
        "bare Flask route with one INSERT",
        round(statistics.median(rates["bare"])),
        ratio,
        f"ratio >= {ACCEPT_TARGET}",
        ratio >= ACCEPT_TARGET,
        each,
    )


def fold_rates(database: Database, *, events: int, rounds: int) -> Line:
    engine = make_engine(database.url)
    fold = Folding(database, PostgresStore(engine))
    ways: dict[str, Callable[[int], float]] = {
        "own": fold.in_batches,
        "one": lambda count: fold.one_by_one(count // ONE_BY_ONE_SHARE),
    }
    rates = take_turns(ways, rounds, events, warm_up=events // 10)
    engine.dispose()
    ratio, each = ratios(rates["own"], rates["one"])
    value = round(statistics.median(rates["own"]))
    return Line(
        "projection",
        value,
        "events/s",
        "one transaction an event",
        round(statistics.median(rates["one"])),
        ratio,
        f"value >= {FOLD_TARGET:.0f}",
        value >= FOLD_TARGET,
        each,
    )


def take_turns(
    ways: dict[str, Callable[[int], float]], rounds: int, count: int, *, warm_up: int
) -> dict[str, list[float]]:
    """Each way first in every second round, so that a machine that gets busier is so for both."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(max(warm_up, CONNECTIONS))
    for number in range(rounds):
        for name in list(ways) if number % 2 == 0 else reversed(ways):
            rates[name].append(ways[name](count))
    return rates


def ratios(values: Sequence[float], references: Sequence[float]) -> tuple[float, list[float]]:
    each = [round(value / reference, 2) for value, reference in zip(values, references, strict=True)]
    return round(statistics.median(each), 2), each


class Silence:
    """A doorbell that says whether there is more to do."""

    def __init__(self) -> None:
        self.rung = False

    def ring(self, *messages: Message) -> bool:
        self.rung = True
        return True

    def ring_again(self, *messages: Message) -> bool:
        return self.ring(*messages)


class Folding:
    """Events a second; each call begins with fresh rows."""

    def __init__(self, database: Database, store: PostgresStore) -> None:
        self._database, self._store = database, store

    def in_batches(self, count: int) -> float:
        self._fill(count)
        bell = Silence()
        policy = ProjectionPolicy(batch_size=BATCH_SIZE, retry_seconds=60, give_up_after=timedelta(hours=24))
        deps = ProjectionDeps(self._store, bell, policy)
        begun = time.perf_counter()
        bell.rung = True
        while bell.rung:
            bell.rung = False
            project_events(CONFIGURATION, deps)
        seconds = time.perf_counter() - begun
        self._require_folded(count)
        return count / seconds

    def one_by_one(self, count: int) -> float:
        self._fill(count)
        begun = time.perf_counter()
        with psycopg.connect(self._database.url) as connection:
            while row := connection.execute(NEXT, [CONFIGURATION]).fetchone():
                event_id, job_id, kind = row
                connection.execute(MOVE, ["DELIVERED" if kind == "Delivery" else "BOUNCED", job_id])
                connection.execute(MARK, [job_id, event_id])
                connection.commit()
        seconds = time.perf_counter() - begun
        self._require_folded(count)
        return count / seconds

    def _fill(self, count: int) -> None:
        self._database.run(FILL.format(tenant=TENANT, configuration=CONFIGURATION, events=count))

    def _require_folded(self, count: int) -> None:
        with psycopg.connect(self._database.url) as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE status = 'projected' AND job_id = job_ref) FROM email_event"
            ).fetchone()
            left = connection.execute("SELECT count(*) FROM email_job WHERE status = 'SENT'").fetchone()
        if row != (count,) or left != (0,):
            raise RuntimeError(f"{row} of {count} events are folded, {left} jobs wait")


@contextmanager
def database_in(folder: Path) -> Iterator[Database]:
    with running(folder / "postgres") as server:
        name = f"events_{uuid4().hex}"
        url = server.create_database(name)
        try:
            migrate(url)
            database = Database(url)
            database.run(BARE_TABLE)
            add_configuration(url)
            yield database
        finally:
            server.drop_database(name)


def add_configuration(url: str) -> None:
    engine, now = make_engine(url), datetime.now(UTC)
    configuration = EmailConfiguration(
        e_id=CONFIGURATION,
        tenant_id=TENANT,
        slug="bench",
        from_name="Bench",
        routing_token_hash=sha256(ROUTING_TOKEN.encode()).digest(),
        operational_since=now,
        administrative_since=now,
        created_at=now,
        updated_at=now,
    )
    with PostgresStore(engine).begin() as tx:
        tx.configurations.add(configuration, Change("bench", "create"))
    engine.dispose()


def show(lines: Sequence[Line], load: tuple[float, float, float]) -> None:
    table = Table(title=f"Events; load of the machine {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after")
    for heading in ("bench", "value", "reference", "ratio", "rounds", "target", "met"):
        table.add_column(heading, justify="right" if heading in ("value", "ratio") else "left")
    for line in lines:
        table.add_row(
            line.bench,
            f"{line.value:,.0f} {line.unit}",
            f"{line.reference_value:,.0f} {line.reference}",
            f"{line.ratio:.2f}",
            f"{min(line.rounds):.2f} to {max(line.rounds):.2f}, {len(line.rounds)} rounds",
            line.target,
            "yes" if line.met else "NO",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps([asdict(line) for line in lines], indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--posts", type=int, default=2_000, help="of each server in each round")
    parser.add_argument("--events", type=int, default=20_000, help="folded in each round")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    load = os.getloadavg()
    # Once for each batch, which is no matter; but not into the table.
    configure_logging(level="WARNING", format="json", role="bench")
    with tempfile.TemporaryDirectory(prefix="email-events-") as name, database_in(Path(name)) as database:
        lines = [
            accept_rates(database, Path(name), posts=given.posts, rounds=given.rounds),
            fold_rates(database, events=given.events, rounds=given.rounds),
        ]
    show(lines, load)
    return 0 if all(line.met for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
