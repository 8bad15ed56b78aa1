"""Commands that work on the rows, on rows as they are in Postgres."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import Engine, text

from shared.cli import rotation
from shared.cli.rebuild import Operator, RebuildDeps, rebuild_jobs, rebuild_suppressions
from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EventFacts, EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.domain.suppression import SuppressionReason
from shared.domain.webhook import fingerprint
from shared.persistence import PostgresStore
from shared.persistence.ids import new_id
from shared.ports.events import EventHeaders
from shared.ports.jobs import NewJob
from shared.ports.mail import WebhookSpec
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.mail import FakeMailAccount
from tests.fakes.postmark import FakePostmark
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.policy import ProjectionPolicy

OLD, NEW = "the-key-that-was-valid-before", "the-key-that-is-valid-now"
URL = "https://mail.example.com/v1/shop-access/email/job/postmark-events"
OPERATOR = Operator("operator@example.com", "incident 12")


@pytest.fixture
def acme(postgres_store: PostgresStore) -> EmailConfiguration:
    configuration = factories.sendable()
    with postgres_store.begin() as tx:
        tx.configurations.add(configuration, factories.CREATED)
    return configuration


@pytest.fixture
def dry(postgres_store: PostgresStore) -> RebuildDeps:
    return RebuildDeps(postgres_store, new_id)


def told(store: PostgresStore, acme: EmailConfiguration, *events: EventFacts) -> EmailJob:
    """A job that the provider took, and of which these were told and projected."""
    message_id = f"m-{new_id()}"
    job = factories.job(acme, status=JobStatus.SENT, due_at=None, recipient=f"{new_id().hex}@example.com")
    with store.begin() as tx:
        tx.jobs.accept([NewJob(replace(job, provider_message_id=message_id), factories.content())])
        for facts in events:
            event = factories.event(acme, replace(facts, job_id=job.e_id, recipient=job.recipient))
            tx.events.add(event, EventHeaders())
    policy = ProjectionPolicy(batch_size=50, retry_seconds=60, give_up_after=timedelta(hours=24))
    project_events(acme.e_id, ProjectionDeps(store, RecordingDoorbell(), policy))
    return job


def status(store: PostgresStore, job: EmailJob) -> JobStatus:
    with store.begin() as tx:
        found = tx.jobs.get(job.tenant_id, job.e_id)
    assert found is not None
    return found.status


def test_rebuild_finds_and_mends_what_was_changed_behind_its_back(
    postgres_store: PostgresStore, engine: Engine, acme: EmailConfiguration, dry: RebuildDeps
) -> None:
    bounced = told(postgres_store, acme, factories.facts(EventKind.BOUNCE, hard_bounce=True))
    delivered = told(postgres_store, acme, factories.facts(EventKind.DELIVERY))
    assert [one.jobs for one in rebuild_jobs(acme.tenant_id, dry)] == [()]
    assert [one.addresses for one in rebuild_suppressions(acme.tenant_id, dry)] == [()]

    with engine.begin() as connection:
        connection.execute(
            text("UPDATE email_job SET status = 'SENT' WHERE e_id = :id"), {"id": bounced.e_id}
        )
        connection.execute(text("DELETE FROM suppression_entry"))
    (found,) = [one for some in rebuild_jobs(acme.tenant_id, dry) for one in some.jobs]
    assert (found.job.e_id, found.should_be) == (bounced.e_id, JobStatus.BOUNCED)
    assert status(postgres_store, bounced) is JobStatus.SENT

    mending = replace(dry, operator=OPERATOR)
    assert len([*rebuild_jobs(acme.tenant_id, mending), *rebuild_suppressions(acme.tenant_id, mending)]) == 2
    assert status(postgres_store, bounced) is JobStatus.BOUNCED
    assert status(postgres_store, delivered) is JobStatus.DELIVERED
    with postgres_store.begin() as tx:
        entry = tx.suppressions.active_among(acme.tenant_id, [bounced.recipient])[bounced.recipient]
        (action,) = tx.jobs.actions(acme.tenant_id, bounced.e_id)
    assert entry.reason is SuppressionReason.HARD_BOUNCE
    assert (action.action, action.author, action.reason) == ("job.rebuild", OPERATOR.author, OPERATOR.reason)
    assert [one.jobs for one in rebuild_jobs(acme.tenant_id, dry)] == [()]


@pytest.mark.parametrize("tampered", ["QUEUED", "INCONSISTENT", "FAILED", "COMPLAINED"])
def test_rebuild_mends_whatever_the_row_was_made_to_say(
    postgres_store: PostgresStore, engine: Engine, acme: EmailConfiguration, dry: RebuildDeps, tampered: str
) -> None:
    # The message id is one that no event gave: the provider has it, whatever the row says.
    job = told(postgres_store, acme, factories.facts(EventKind.DELIVERY))
    due = "now()" if tampered == "QUEUED" else "NULL"
    with engine.begin() as connection:
        connection.execute(
            text(f"UPDATE email_job SET status = :status, due_at = {due} WHERE e_id = :id"),
            {"status": tampered, "id": job.e_id},
        )
    list(rebuild_jobs(acme.tenant_id, replace(dry, operator=OPERATOR)))
    assert status(postgres_store, job) is JobStatus.DELIVERED


def test_rotation_rewrites_a_webhook_and_notes_it_in_its_row(postgres_store: PostgresStore) -> None:
    postmark, cipher = FakePostmark(), FakeCipher()
    server = postmark.add_server("server-of-acme")
    spec = WebhookSpec(url=URL, bearer=OLD, routing_token="a-routing-token")
    webhook_id = FakeMailAccount(postmark).create_webhook(server.token, spec)
    plain = factories.sendable(routing_token_hash=sha256(b"a-routing-token").digest())
    token = cipher.encrypt(server.token, tenant_id=plain.tenant_id, configuration_id=plain.e_id)
    made = replace(plain.provisioned, server_token=token, webhook_id=webhook_id)
    with postgres_store.begin() as tx:
        tx.configurations.add(replace(plain, provisioned=made), factories.CREATED)
        tx.webhook_keys.set(plain.e_id, fingerprint(OLD))
    waited: list[float] = []
    deps = rotation.RotationDeps(
        store=postgres_store,
        mail=FakeMailAccount(postmark),
        cipher=cipher,
        new_id=new_id,
        wait=waited.append,
        webhook_url=URL,
        api_key=NEW,
        rate=5.0,
        lease_seconds=60.0,
    )
    ids = rotation.candidates(deps, limit=None)
    assert [result.fate for result in rotation.rotate(ids, deps)] == [rotation.Fate.REWRITTEN]
    assert postmark.servers[server.server_id].webhooks[webhook_id].bearer == NEW
    assert rotation.candidates(deps, limit=None) == []
    with postgres_store.begin() as tx:
        assert tx.webhook_keys.count() == {fingerprint(NEW): 1}
        assert tx.configurations.take_lease(plain.e_id, token=new_id(), lease_seconds=1.0)
