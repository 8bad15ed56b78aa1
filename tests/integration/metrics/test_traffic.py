"""What a role counted in its processes stands in the rows when they have ended, and was counted once."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import requests

from sandbox import valkey
from sandbox.leash import leashed
from sandbox.ports import LOOPBACK, free_port
from sandbox.process import Child
from shared.domain.event import EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.domain.traffic import Counted
from shared.messaging.messages import ProjectEvents
from shared.persistence import PostgresStore
from shared.ports.events import EventHeaders
from tests.factories import CREATED, event, facts, new_job, sendable
from tests.integration.metrics.test_roles import doorbell_of
from tests.integration.metrics.world import python, role_environment
from web import BASE

SERVER = (
    "granian",
    "--interface",
    "wsgi",
    "--host",
    LOOPBACK,
    "--workers",
    "2",
    "--workers-kill-timeout",
    "5s",
)
APPLICATION = ("--factory", "web.app:from_environment")
POOL = ("dramatiq", "workers.main:projection", "--queues", "projection", "--processes", "1", "--threads", "1")
PATIENCE_SECONDS = 60.0


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    with valkey.running(tmp_path / "valkey") as server:
        yield server.url


def ends(child: Child) -> None:
    child.ask_to_stop()
    assert child.wait(seconds=20) == 0


def counted(store: PostgresStore) -> Counter[tuple[Counted, str]]:
    found: Counter[tuple[Counted, str]] = Counter()
    with store.begin() as tx:
        for bar in tx.traffic.bars(since=tx.now() - timedelta(minutes=30), span_minutes=1):
            found[bar.counted, bar.label] += bar.count
    return found


def answers(port: int) -> int | None:
    """To a callback without a key."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            url = f"http://{LOOPBACK}:{port}{BASE}/job/postmark-events"
            return session.post(url, json={}, timeout=10).status_code
        except requests.ConnectionError:
            return None


def test_every_worker_of_the_server_writes_what_it_counted(
    tmp_path: Path, database_url: str, redis_url: str, postgres_store: PostgresStore
) -> None:
    port = free_port()
    environment = role_environment(tmp_path, database_url, redis_url, port=0)
    with leashed(python("web", tmp_path, environment, *SERVER, "--port", str(port), *APPLICATION)) as web:
        web.wait_until(lambda: answers(port) == 401, seconds=PATIENCE_SECONDS)
        asked = 1 + sum(answers(port) == 401 for _ in range(20))
        ends(web)
    assert asked == 21
    assert counted(postgres_store) == {(Counted.REJECTED, "auth_mismatch"): asked}


def delivered(store: PostgresStore) -> tuple[UUID, EmailJob]:
    """A configuration, and a job of it about whose delivery there is an event."""
    configuration = sendable()
    new = new_job(configuration, status=JobStatus.SENT, due_at=None)
    told = facts(EventKind.DELIVERY, job_id=new.job.e_id)
    with store.begin() as tx:
        tx.configurations.add(configuration, CREATED)
        tx.jobs.accept([new])
        tx.events.add(event(configuration, told), EventHeaders())
    return configuration.e_id, new.job


def status_of(store: PostgresStore, job: EmailJob) -> JobStatus | None:
    with store.begin() as tx:
        found = tx.views.job(job.e_id)
    return None if found is None else found.status


def test_a_pool_writes_what_it_counted(
    tmp_path: Path, database_url: str, redis_url: str, postgres_store: PostgresStore
) -> None:
    configuration_id, job = delivered(postgres_store)
    environment = role_environment(tmp_path, database_url, redis_url, port=0)
    with leashed(python("pool", tmp_path, environment, *POOL)) as pool:
        assert doorbell_of(environment).ring(ProjectEvents(configuration_id))
        pool.wait_until(
            lambda: status_of(postgres_store, job) is JobStatus.DELIVERED, seconds=PATIENCE_SECONDS
        )
        ends(pool)
    assert counted(postgres_store) == {(Counted.STATUS, "DELIVERED"): 1}
