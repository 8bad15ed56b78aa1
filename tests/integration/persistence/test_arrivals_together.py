"""What several requests bring at once: one statement keeps it all, and each is told of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.domain.configuration import EmailConfiguration
from shared.persistence import PostgresArrivals, PostgresStore, job_statements
from shared.persistence.direct import DirectStatement
from shared.persistence.job_rows import row_of_offer
from shared.persistence.sets import as_arrays
from shared.ports.arrivals import Received
from shared.ports.events import EventHeaders
from shared.ports.jobs import OfferedJob
from tests.contract.store.test_events import EVERY_FACT, NO_FACT
from tests.contract.store.test_offers import an_offer
from tests.factories import CREATED, OTHER_TENANT, TENANT, sendable, suppression

THREADS, TURNS = 8, 40
HASH, OTHER_HASH, NOBODYS = b"\x03" * 32, b"\x04" * 32, b"\x05" * 32
MARKS = EventHeaders(trace_id="t", retries_remaining="9")

T = TypeVar("T")


@pytest.fixture
def globex(store: PostgresStore) -> EmailConfiguration:
    found = replace(sendable(), e_id=uuid4(), tenant_id=OTHER_TENANT, slug="globex", routing_token_hash=None)
    with store.begin() as tx:
        tx.configurations.add(found, CREATED)
    return found


def at_once(work: Callable[[int], list[T]]) -> list[T]:
    with ThreadPoolExecutor(THREADS) as threads:
        return [one for done in threads.map(work, range(THREADS)) for one in done]


def kept(store: PostgresStore, table: str) -> tuple[set[UUID], int]:
    """The rows, and how many transactions brought them."""
    with store.engine.connect() as connection:
        rows = connection.execute(text(f"SELECT e_id, xmin::text FROM {table}")).all()
    return {row[0] for row in rows}, len({row[1] for row in rows})


def test_jobs_of_several_tenants_pass_their_own_gates_and_no_others(
    store: PostgresStore, acme: EmailConfiguration, globex: EmailConfiguration
) -> None:
    with store.begin() as tx:
        tx.suppressions.add(suppression(tenant_id=TENANT, address="bounced@example.com"))
    arrivals = PostgresArrivals(store.engine)

    def offer(tenant: UUID, offered: OfferedJob) -> tuple[UUID, bool]:
        return offered.e_id, arrivals.job(tenant, offered) is not None

    def some(_: int) -> list[tuple[str, UUID, bool]]:
        found = []
        for turn in range(TURNS):
            found += [
                ("own", *offer(TENANT, an_offer(acme))),
                ("own", *offer(OTHER_TENANT, an_offer(globex, recipient="bounced@example.com"))),
                ("foreign", *offer(OTHER_TENANT, an_offer(acme))),
                ("suppressed", *offer(TENANT, an_offer(acme, recipient="bounced@example.com"))),
                ("one key", *offer(TENANT, an_offer(acme, idempotency_key=f"order-{turn}"))),
            ]
        return found

    told = at_once(some)
    passed = {kind: sum(1 for of, _, yes in told if of == kind and yes) for kind, *_ in told}
    assert passed == {"own": 2 * THREADS * TURNS, "foreign": 0, "suppressed": 0, "one key": TURNS}
    rows, transactions = kept(store, "email_job")
    assert rows == {e_id for _, e_id, yes in told if yes}
    assert transactions < len(rows)


def test_another_tenants_configuration_is_not_borrowed_from_who_is_asked_with(
    store: PostgresStore, acme: EmailConfiguration
) -> None:
    own, foreign = an_offer(acme), an_offer(acme)
    rows = [row_of_offer(TENANT, own), row_of_offer(OTHER_TENANT, foreign)]
    together = DirectStatement(store.engine, job_statements.OFFER_TOGETHER)
    assert [row[0] for row in together.rows(as_arrays(rows[0], rows))] == [own.e_id]


def test_a_large_job_goes_alone_and_passes(store: PostgresStore, acme: EmailConfiguration) -> None:
    offered = an_offer(acme)
    large = replace(offered, content=replace(offered.content, html_body="x" * 200_000))
    assert PostgresArrivals(store.engine).job(TENANT, large) is not None


def test_events_are_kept_for_the_configuration_of_their_token_once_each(
    store: PostgresStore, acme: EmailConfiguration, globex: EmailConfiguration
) -> None:
    with store.begin() as tx:
        for configuration, routing_hash in ((acme, HASH), (globex, OTHER_HASH)):
            held = tx.configurations.get(configuration.e_id, tenant_id=configuration.tenant_id)
            assert held is not None
            tx.configurations.save(replace(held, routing_token_hash=routing_hash), CREATED)
    arrivals = PostgresArrivals(store.engine)

    def receive(routing_hash: bytes, **facts: Any) -> tuple[UUID, Received | None]:
        e_id, told = uuid4(), replace(NO_FACT, **{"content_key": uuid4().bytes * 2, **facts})
        return e_id, arrivals.event(routing_hash, e_id, told, "{}", MARKS)

    def some(_: int) -> list[tuple[str, UUID, Received | None]]:
        found = []
        for turn in range(TURNS):
            again = replace(EVERY_FACT, content_key=turn.to_bytes(32, "big"))
            found += [
                ("acme", *receive(HASH)),
                ("globex", *receive(OTHER_HASH)),
                ("nobody", *receive(NOBODYS)),
                ("again", (e_id := uuid4()), arrivals.event(HASH, e_id, again, "{}", MARKS)),
            ]
        return found

    told = at_once(some)
    owners = {"acme": acme.e_id, "globex": globex.e_id, "again": acme.e_id, "nobody": None}
    assert all((received and received.configuration_id) == owners[kind] for kind, _, received in told)
    fresh = [(kind, e_id) for kind, e_id, received in told if received and received.fresh]
    assert len(fresh) == 2 * THREADS * TURNS + TURNS
    rows, transactions = kept(store, "email_event")
    assert rows == {e_id for _, e_id in fresh}
    assert transactions < len(rows)
