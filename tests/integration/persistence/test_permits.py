"""Permits of servers and of an account that are to be called slowly: nobody has to wait for another's claim."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.persistence import PostgresStore, new_id
from tests.factories import CREATED, new_job, provisioned, sendable
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.unit.workers.send_world import POLICY
from workers.send.claiming import claim_batch
from workers.send.deps import SendDeps

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
CIPHER = FakeCipher()


@pytest.fixture
def one(store: PostgresStore) -> EmailConfiguration:
    """May send, and has one job due; the account is to be called slowly."""
    found = sendable(tenant_id=uuid4())
    envelope = CIPHER.encrypt("token", tenant_id=found.tenant_id, configuration_id=found.e_id)
    found = replace(found, provisioned=provisioned(server_token=envelope))
    with store.begin() as tx:
        tx.configurations.add(found, CREATED)
        tx.jobs.accept([new_job(found, accepted_at=tx.now())])
        for server in (uuid4(), uuid4()):
            tx.pressure.throttled(server, wait_seconds=0)
        assert tx.pressure.is_limited(found.e_id)
    return found


def deps_of(store: PostgresStore, amid_claim: Callable[[], None]) -> SendDeps:
    """`amid_claim` is called in the claim's transaction, before anything is claimed."""

    def claim_id() -> UUID:
        amid_claim()
        return new_id()

    nobody = cast("Any", None)
    return SendDeps(store, nobody, nobody, CIPHER, RecordingDoorbell(), claim_id, "zone.example", POLICY)


def test_a_worker_that_stops_amid_its_claim_keeps_nobody_from_the_accounts_tokens(
    store: PostgresStore, other_store: PostgresStore, one: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    def ask() -> bool:
        with other_store.begin() as tx:
            return tx.pressure.permit(uuid4()).limited

    # A row that is held would be waited for, and the wait broken off with an error.
    answers: list[bool] = []
    batch = claim_batch(one.e_id, deps_of(store, lambda: answers.append(elsewhere(ask).result())))
    assert batch is not None
    assert (len(batch.jobs), batch.limited, answers) == (1, True, [True])
