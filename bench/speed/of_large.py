"""Accepting and sending with ten million jobs in the tables, beside a database that has none."""

import random
import time
from collections.abc import Callable, Iterable
from uuid import UUID, uuid4

from bench.speed.figures import Figure, Target, compared, take_turns
from bench.speed.filled import configuration, fill, tenant
from bench.speed.load import post_all, request
from bench.speed.registry import Size, Tell, bench
from bench.speed.scenes import Silence, TakesAll, Unsealed, defaults
from bench.speed.stage import API_KEY, Stage
from shared.domain.mail import MessageContent
from shared.persistence import PostgresStore, make_engine
from shared.persistence.ids import new_id
from shared.ports.jobs import OfferedJob
from web import BASE
from workers.send.deps import SendDeps
from workers.send.handler import send_jobs
from workers.send.policy import SendPolicy

TENANTS = 10_000
# Of the empty database: more than there are callers at once, so that nobody waits there for anybody's row.
FEW_TENANTS = 200
BATCH = 100
# Of each turn, before it is timed: new statistics make every connection plan anew.
WARM_UP_REQUESTS, WARM_UP_BATCHES = 200, 8
TEXT = "It is on its way. " * 20
# Of the empty database, before each turn: what autovacuum does there within a minute. The full one is left to it.
SWEPT = "VACUUM ANALYZE"
WAITING = "SELECT count(*) FROM email_job WHERE status = 'QUEUED'"


@bench(
    "large",
    "POST /job, and a drain, with 10,000,000 jobs of 10,000 tenants, beside an empty database",
    long=Size(work=5_000, rows=10_000_000),
    short=Size(work=1_000, rounds=3, rows=200_000),
)
def large(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """Both databases are on one server. `work`: requests a turn, and mails a turn."""
    with stage.another() as empty:
        begun = time.perf_counter()
        fill(stage.database_url, jobs=size.rows, tenants=TENANTS)
        fill(empty.database_url, jobs=0, tenants=FEW_TENANTS)
        tell(f"filled with {size.rows:,} jobs in {time.perf_counter() - begun:.0f} s")
        yield _beside("large-accept", _accepting(stage, empty, size))
        yield _beside("large-drain", _draining(stage, empty, size))


def _beside(name: str, found: dict[str, list[float]]) -> Figure:
    return compared(
        name,
        found["full"],
        unit="jobs/s",
        reference="the empty database",
        others=found["empty"],
        target=Target(0.8),
    )


def _accepting(full: Stage, empty: Stage, size: Size) -> dict[str, list[float]]:
    with full.serving() as full_port, empty.serving() as empty_port:
        ways: dict[str, Callable[[], float]] = {
            "full": lambda: _accepted(full_port, TENANTS, size.work),
            "empty": _swept(empty, lambda: _accepted(empty_port, FEW_TENANTS, size.work)),
        }
        take_turns(ways, 1)  # connections, statements and byte code stand
        return take_turns(ways, size.rounds)


def _swept(empty: Stage, way: Callable[[], float]) -> Callable[[], float]:
    def swept() -> float:
        empty.run(SWEPT)
        return way()

    return swept


def _accepted(port: int, tenants: int, jobs: int) -> float:
    sent = [_job_of(number) for number in random.choices(range(tenants), k=WARM_UP_REQUESTS + jobs)]
    post_all(port, sent[jobs:], status=202)
    return jobs / post_all(port, sent[:jobs], status=202)


def _job_of(number: int) -> bytes:
    headers = {
        "Authorization": f"Bearer {API_KEY}",
        "X-Tenant-Id": str(tenant(number)),
        "X-Author": "bench",
        "Idempotency-Key": uuid4().hex,
    }
    job = {
        "configurationEId": str(configuration(number)),
        "recipient": f"{uuid4().hex}@example.com",
        "subject": "Your order",
        "htmlBody": f"<p>{TEXT}</p>",
        "textBody": TEXT,
        "tag": "order",
        "metadata": {"order": "4711"},
    }
    return request(f"{BASE}/job", job, headers)


def _draining(full: Stage, empty: Stage, size: Size) -> dict[str, list[float]]:
    of_full, of_empty = Draining(full, TENANTS), Draining(empty, FEW_TENANTS)
    ways: dict[str, Callable[[], float]] = {
        "full": lambda: of_full.drained(size.work),
        "empty": _swept(empty, lambda: of_empty.drained(size.work)),
    }
    take_turns(ways, 1)
    found = take_turns(ways, size.rounds)
    of_full.close()
    of_empty.close()
    return found


class Draining:
    """The send pool's own handler in this thread, and a provider that takes everything at once."""

    def __init__(self, stage: Stage, tenants: int) -> None:
        self._stage, self._tenants = stage, tenants
        self._engine = make_engine(stage.database_url)
        self._store = PostgresStore(self._engine)
        provider = TakesAll()
        self._deps = SendDeps(
            store=self._store,
            sender=provider,
            sent_messages=provider,
            cipher=Unsealed(),
            doorbell=Silence(),
            new_id=new_id,
            zone_name=defaults().mail_zone.name,
            policy=SendPolicy.of(defaults().send),
        )

    def drained(self, jobs: int) -> float:
        """Jobs a second, claimed and recorded: batches of tenants drawn at random."""
        numbers = random.choices(range(self._tenants), k=WARM_UP_BATCHES + jobs // BATCH)
        for number in numbers:
            self._offer(number)
        self._send(numbers[:WARM_UP_BATCHES])
        waiting = self._waiting()
        begun = time.perf_counter()
        self._send(numbers[WARM_UP_BATCHES:])
        seconds = time.perf_counter() - begun
        sent = waiting - self._waiting()
        if sent != BATCH * len(numbers[WARM_UP_BATCHES:]):
            raise RuntimeError(f"{sent} jobs were sent of {len(numbers) - WARM_UP_BATCHES} batches")
        return sent / seconds

    def _send(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            send_jobs(configuration(number), self._deps)

    def _offer(self, number: int) -> None:
        with self._store.begin() as tx:
            tx.jobs.offer(tenant(number), [offered(configuration(number)) for _ in range(BATCH)])

    def _waiting(self) -> int:
        return int(str(self._stage.ask(WAITING)[0][0]))

    def close(self) -> None:
        self._engine.dispose()


def offered(configuration_id: UUID) -> OfferedJob:
    e_id = new_id()
    return OfferedJob(
        e_id=e_id,
        configuration_id=configuration_id,
        recipient=f"{uuid4().hex}@example.com",
        idempotency_key=uuid4().hex,
        body_hash=e_id.bytes + e_id.bytes,
        author="bench",
        trace=None,
        content=MessageContent(subject="Your order", html_body=f"<p>{TEXT}</p>", text_body=TEXT),
    )
