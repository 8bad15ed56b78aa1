"""One piece of work for every message that a pool hears, as rows."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.drift import Assertion
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.recovery import Recovery
from shared.domain.replay import Replay
from shared.domain.retention import Kind
from shared.messaging.messages import (
    CatchUpEvents,
    CheckDrift,
    CheckWebhook,
    LiftSuppressions,
    Message,
    ProjectEvents,
    ProvisionConfiguration,
    RemoveConfiguration,
    RemoveOldRows,
    ResolveDoubts,
    RunReplay,
    SendJobs,
    VerifyConfiguration,
)
from shared.persistence import PostgresStore as Store
from shared.persistence.ids import new_id
from shared.ports.events import EventHeaders
from tests.factories import CREATED, LONG_AGO, TENANT, configuration, event, later, new_job, sendable

IN_DOUBT: dict[str, Any] = {"status": JobStatus.IN_DOUBT, "claim_id": uuid4(), "in_doubt_since": LONG_AGO}


def add(store: Store, one: EmailConfiguration) -> EmailConfiguration:
    with store.begin() as tx:
        tx.configurations.add(one, CREATED)
    return one


def accept(store: Store, one: EmailConfiguration, number: int = 1, **given: Any) -> None:
    with store.begin() as tx:
        tx.jobs.accept([new_job(one, **given) for _ in range(number)])


def looked_at(store: Store, one: EmailConfiguration) -> EmailConfiguration:
    """Its webhook, just now."""
    with store.begin() as tx:
        assert tx.webhook_looks.take(one.e_id, next_due_seconds=600)
    return one


def quiet(store: Store, **given: Any) -> EmailConfiguration:
    """May send, and has nothing to do."""
    return looked_at(store, add(store, sendable(**given)))


def a_job(store: Store) -> None:
    accept(store, quiet(store))


def a_doubt(store: Store) -> None:
    accept(store, quiet(store, administrative=Administrative.LOCKED), **IN_DOUBT)


def an_event(store: Store) -> None:
    one = quiet(store)
    with store.begin() as tx:
        assert tx.events.add(event(one), EventHeaders())


def a_gap(store: Store) -> None:
    one = quiet(store)
    with store.begin() as tx:
        tx.gaps.open(later(), later(hours=1), cause="away", author="test", configuration_id=one.e_id)


def a_lift(store: Store) -> None:
    quiet(store, tenant_id=TENANT)
    with store.begin() as tx:
        assert tx.lifts.want(TENANT, ["person@example.com"])


def a_replay(store: Store) -> None:
    with store.begin() as tx:
        now = tx.now()
        replay = Replay(
            e_id=new_id(),
            wanted=DeadLetterFilter(raised_until=now),
            per_second=10.0,
            author="olga",
            reason="the provider is back",
            created_at=now,
            begins_at=now,
            found=3,
        )
        tx.replays.add(replay)


def a_round(store: Store) -> None:
    with store.begin() as tx:
        tx.rounds.ask(Assertion.DNS)


def a_removal(store: Store) -> None:
    with store.begin() as tx:
        tx.retention.ask(Kind.CONTENTS)


WORK: dict[type[Message], Callable[[Store], object]] = {
    SendJobs: a_job,
    ResolveDoubts: a_doubt,
    ProjectEvents: an_event,
    CatchUpEvents: a_gap,
    LiftSuppressions: a_lift,
    ProvisionConfiguration: lambda store: add(store, configuration(operational=Operational.PROVISIONING)),
    RemoveConfiguration: lambda store: add(store, configuration(retired_at=LONG_AGO)),
    VerifyConfiguration: lambda store: add(
        store,
        configuration(
            operational=Operational.AWAITING_VERIFICATION,
            verification_started_at=LONG_AGO,
            verification_due_at=LONG_AGO,
        ),
    ),
    CheckWebhook: lambda store: add(store, sendable()),
    RunReplay: a_replay,
    CheckDrift: a_round,
    RemoveOldRows: a_removal,
}


def a_doubt_of_another(store: Store) -> None:
    accept(store, quiet(store, tenant_id=uuid4(), slug="other"), **IN_DOUBT)


RECOVERY = Recovery(
    e_id=new_id(),
    gap_from=LONG_AGO,
    gap_until=later(hours=1),
    author="olga",
    reason="restored",
    begun_at=later(hours=2),
)
MANY = text("""
    WITH tenant AS (
        INSERT INTO email_configuration (e_id, tenant_id, slug, from_local_part, from_name, operational,
            administrative, recovering, records_written, undoing, tries, send_faults_in_a_row, version, created_at,
            updated_at)
        SELECT gen_random_uuid(), gen_random_uuid(), 'tenant-' || n, 'noreply', 'Acme', 'OK', 'UNLOCKED', false, true,
            false, 0, 0, 1, now(), now()
        FROM generate_series(1, 500) n
        RETURNING e_id, tenant_id
    ), job AS (
        INSERT INTO email_job (e_id, tenant_id, configuration_id, recipient, idempotency_key, body_hash, status, author,
            accepted_at, updated_at, attempts, late_looks, version)
        SELECT gen_random_uuid(), tenant_id, e_id, 'person@example.com', 'key-' || n, sha256('b'), 'SENT', 'fill',
            now(), now(), 1, 0, 1
        FROM tenant, generate_series(1, 20) n
    )
    INSERT INTO email_event (e_id, tenant_id, configuration_id, kind, content_key, hard_bounce, headers, raw,
        received_at, status, projected_at)
    SELECT gen_random_uuid(), tenant_id, e_id, 'Delivery', sha256((e_id::text || n)::bytea), false, '{}', '{}', now(),
        'projected', now()
    FROM tenant, generate_series(1, 20) n
""")
EVENTS = text("""
    INSERT INTO email_event (e_id, tenant_id, configuration_id, kind, content_key, hard_bounce, headers, raw,
        received_at, status, due_at)
    SELECT gen_random_uuid(), :tenant, :configuration, 'Delivery', sha256(n::text::bytea), false, '{}', '{}', now(),
        'pending', now()
    FROM generate_series(1, :number) n
""")
