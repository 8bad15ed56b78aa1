"""Callbacks as the provider brings them, and what is made of them."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg

from bench.speed import floors
from bench.speed.figures import Figure, Target, compared, take_turns
from bench.speed.load import post_all, request
from bench.speed.registry import Size, Tell, bench
from bench.speed.stage import API_KEY, CONFIGURATION, ROUTING_TOKEN, TENANT, Stage
from shared.persistence import PostgresStore, make_engine
from shared.ports.doorbell import Message
from web import BASE
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.policy import ProjectionPolicy

BATCH_SIZE = 200  # the default of `projection.batchSize`
ONE_BY_ONE_SHARE = 10
_HEADERS = {
    "User-Agent": "Postmark",
    "Authorization": f"Bearer {API_KEY}",
    "X-Email-Routing-Token": ROUTING_TOKEN,
}

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


@bench(
    "webhooks",
    "a callback taken in, beside a bare Flask route with one INSERT",
    long=Size(work=4_000),
    short=Size(work=800, rounds=3),
)
def webhooks(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    stage.add_configuration()
    stage.run(floors.TABLE)
    with stage.serving() as own, stage.serving("bench.speed.floors:inserting") as bare:

        def ours() -> float:
            return size.work / post_all(own, [_callback() for _ in range(size.work)], status=200)

        def theirs() -> float:
            sent = [request("/", delivery(), {}) for _ in range(size.work)]
            return size.work / post_all(bare, sent, status=200)

        ours(), theirs()
        found = take_turns({"own": ours, "bare": theirs}, size.rounds)
    tell("taken in")
    yield compared(
        "webhooks",
        found["own"],
        unit="events/s",
        reference="bare Flask + INSERT",
        others=found["bare"],
        target=Target(0.9),
    )


def _callback() -> bytes:
    marks = {"X-PM-Webhook-Trace-Id": str(uuid4()), "X-PM-Webhook-Event-Id": str(uuid4())}
    return request(f"{BASE}/job/postmark-events", delivery(), {**_HEADERS, **marks})


def delivery() -> dict[str, object]:
    """An event that is told for the first time."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    return {
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


@bench(
    "projection",
    "events folded into jobs and suppressions, beside one transaction an event",
    long=Size(work=20_000),
    short=Size(work=4_000, rounds=3),
)
def projection(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """By the projection's own handler, in one thread of this process."""
    stage.add_configuration()
    engine = make_engine(stage.database_url)
    fold = Folding(stage, PostgresStore(engine))
    fold.in_batches(size.work // 10)
    ways = {
        "own": lambda: fold.in_batches(size.work),
        "one": lambda: fold.one_by_one(size.work // ONE_BY_ONE_SHARE),
    }
    found = take_turns(ways, size.rounds)
    engine.dispose()
    tell("folded")
    yield compared(
        "projection",
        found["own"],
        unit="events/s",
        reference="one transaction an event",
        others=found["one"],
        target=Target(3_000, of="value"),
    )


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

    def __init__(self, stage: Stage, store: PostgresStore) -> None:
        self._stage, self._store = stage, store

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
        with psycopg.connect(self._stage.database_url) as connection:
            while row := connection.execute(NEXT, [CONFIGURATION]).fetchone():
                event_id, job_id, kind = row
                connection.execute(MOVE, ["DELIVERED" if kind == "Delivery" else "BOUNCED", job_id])
                connection.execute(MARK, [job_id, event_id])
                connection.commit()
        seconds = time.perf_counter() - begun
        self._require_folded(count)
        return count / seconds

    def _fill(self, count: int) -> None:
        self._stage.run(FILL.format(tenant=TENANT, configuration=CONFIGURATION, events=count))

    def _require_folded(self, count: int) -> None:
        with psycopg.connect(self._stage.database_url) as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE status = 'projected' AND job_id = job_ref) FROM email_event"
            ).fetchone()
            left = connection.execute("SELECT count(*) FROM email_job WHERE status = 'SENT'").fetchone()
        if row != (count,) or left != (0,):
            raise RuntimeError(f"{row} of {count} events are folded, {left} jobs wait")
