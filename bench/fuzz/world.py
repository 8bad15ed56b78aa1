"""What is fuzzed: granian with the settings of the web role, on a real Postgres with rows to be found."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from sandbox import postgres, valkey
from sandbox.ports import LOOPBACK, free_port, listens
from sandbox.process import Child, Program, bare_environment
from sandbox.roles import PRODUCT
from sandbox.stack.world import PROJECT
from shared.domain.configuration import EmailConfiguration, Provisioned
from shared.domain.dns import MailDns
from shared.domain.job import EmailJob, canonical_hash
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.mail import MessageContent
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.persistence import PostgresStore, make_engine
from shared.persistence.migrations import migrate
from shared.ports.configurations import Change
from shared.ports.jobs import NewJob
from shared.ports.store import Transaction
from web.examples import common
from web.examples.job import MESSAGE

API_KEY, ROUTING_TOKEN = "api-key-of-the-fuzzing", "routing-token-of-the-fuzzing"
READY_SECONDS = 60.0
TENANT = UUID(common.TENANT)
# What the examples of the document ask for is there: they are answered as they are meant to be.
SENDING, JOB, SUPPRESSED = map(UUID, (common.CONFIGURATION, common.JOB, common.SUPPRESSION))
_PROVISIONED = Provisioned(
    server_id=1, server_token="sealed", signature_id=2, domain_id=3, webhook_id=4, records_written=True
)
_DNS = MailDns(
    "k._domainkey.acme.dev.ardamails.com", "k=rsa; p=A", "pm-bounces.acme.dev.ardamails.com", "pm.mtasv.net"
)
_STATES: Mapping[str, str] = {
    "IN_DOUBT": "due_at = now() + interval '1 day', in_doubt_since = now() - interval '5 hours',"
    " claim_id = gen_random_uuid()",
    "SENT": "due_at = NULL, provider_message_id = 'message-of-' || e_id",
    "INCONSISTENT": "due_at = NULL, provider_message_id = 'message-of-' || e_id",
    "FAILED": "due_at = NULL, error_code = '300', error_text = 'refused'",
}


@dataclass(frozen=True)
class Place:
    url: str
    log: Path
    database_url: str = field(repr=False)


@contextmanager
def running(folder: Path, *, redis: bool = False, url: str | None = None) -> Iterator[Place]:
    """`url`: an empty database to use; without it one is made."""
    if redis:
        with (
            valkey.running(folder / "valkey") as server,
            _served(folder, server.database_url(0), url) as place,
        ):
            yield place
    else:
        # Nobody listens there: doorbells are not heard, and jobs are accepted all the same.
        with _served(folder, f"redis://{LOOPBACK}:1/0", url) as place:
            yield place


@contextmanager
def _served(folder: Path, redis_url: str, database_url: str | None) -> Iterator[Place]:
    with _database(folder, database_url) as url:
        fill(url)
        port, log = free_port(), folder / "web.log"
        child = Child(_program(port, log, _environment(folder, url, redis_url)))
        try:
            child.wait_until(lambda: listens(child.pid, port), seconds=READY_SECONDS)
            yield Place(f"http://{LOOPBACK}:{port}", log, url)
        finally:
            child.stop()


@contextmanager
def _database(folder: Path, given: str | None) -> Iterator[str]:
    if given is not None:
        yield given
        return
    with postgres.running(folder / "postgres") as server:
        name = f"fuzz_{uuid4().hex}"
        url = server.create_database(name)
        try:
            migrate(url)
            yield url
        finally:
            server.drop_database(name)


def _program(port: int, log: Path, environment: Mapping[str, str]) -> Program:
    command = next(role for role in PRODUCT.roles if role.name == "web").command
    return Program(
        name="web",
        argv=(sys.executable, "-m", *(part.format(port=port) for part in command)),
        env=bare_environment(PYTHONPATH=str(PROJECT), **environment),
        log=log,
        cwd=PROJECT,
    )


def _environment(folder: Path, database_url: str, redis_url: str) -> dict[str, str]:
    metrics = folder / "metrics"
    metrics.mkdir()
    return {
        "EMAIL_INFRASTRUCTURE": "Alpha002",
        "EMAIL_PARTITION": "dev",
        "EMAIL_DATABASE_URL": database_url,
        "EMAIL_REDIS_URL": redis_url,
        "EMAIL_MAIL_ZONE_ID": "Z1",
        "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
        "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-the-fuzzing",
        "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
        "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "ARDA_API_KEY": API_KEY,
    }


def fill(url: str) -> None:
    """A tenant's rows: a configuration that may send and some that may not, jobs of several states, a suppression."""
    engine = make_engine(url, application_name="email-fuzz")
    try:
        with PostgresStore(engine).begin() as tx:
            _add(tx, datetime.now(UTC) - timedelta(hours=6))
        with engine.begin() as connection:
            for state, values in _STATES.items():
                change = f"UPDATE email_job SET status = '{state}', {values} WHERE idempotency_key = :key"
                connection.execute(text(change), {"key": state})
    finally:
        engine.dispose()


def _add(tx: Transaction, at: datetime) -> None:
    digest = sha256(ROUTING_TOKEN.encode()).digest()
    sending = {"provisioned": _PROVISIONED, "dns": _DNS, "routing_token_hash": digest}
    states = {"operational": Operational.OK, "administrative": Administrative.UNLOCKED}
    for one in (
        _configuration(at, e_id=SENDING, slug="acme", **sending, **states),
        _configuration(at, slug="new"),
        _configuration(at, slug="missing", operational=Operational.MISSING),
        _configuration(
            at, slug="waiting", operational=Operational.AWAITING_VERIFICATION, verification_started_at=at
        ),
    ):
        tx.configurations.add(one, Change("fuzz", "create"))
    tx.jobs.accept(
        [_job(at, JOB, "order-4711-confirmation"), *(_job(at, uuid4(), state) for state in _STATES)]
    )
    tx.suppressions.add(_suppression(at))


def _configuration(at: datetime, **changes: Any) -> EmailConfiguration:
    values: dict[str, Any] = {
        "e_id": uuid4(),
        "tenant_id": TENANT,
        "from_name": "Acme",
        "operational_since": at,
        "administrative_since": at,
        "created_at": at,
        "updated_at": at,
    }
    return EmailConfiguration(**{**values, **changes})


def _job(at: datetime, e_id: UUID, key: str) -> NewJob:
    job = EmailJob(
        e_id=e_id,
        tenant_id=TENANT,
        configuration_id=SENDING,
        recipient="person@example.com",
        idempotency_key=key,
        body_hash=canonical_hash(MESSAGE),
        author="fuzz",
        accepted_at=at,
        updated_at=at,
        due_at=at,
    )
    return NewJob(job, MessageContent(subject="Your order", text_body="It is on its way."))


def _suppression(at: datetime) -> SuppressionEntry:
    return SuppressionEntry(
        e_id=SUPPRESSED,
        tenant_id=TENANT,
        address="gone@example.com",
        reason=SuppressionReason.MANUAL,
        since=at,
        author="fuzz",
        created_at=at,
        updated_at=at,
    )
