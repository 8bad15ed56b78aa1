"""Looks at webhooks: one a ring, and what the last of them found."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import NotFound
from shared.domain.webhook import WebhookHealth, WebhookReport, WebhookState
from shared.ports.store import Store
from tests.factories import CREATED, LONG_AGO, configuration, provisioned, sendable

Moment = Callable[[], object]
TimePasses = Callable[[float], object]

OK = WebhookHealth(state=WebhookState.OK, webhooks=1, requests=17)
PAUSED = WebhookHealth(
    state=WebhookState.PAUSED,
    webhooks=2,
    paused=("Bounce", "SpamComplaint"),
    requests=5_000_000_000,
    failures=4_999_999_999,
    reverified=False,
    fault="the provider is not content",
)
BARE = WebhookHealth(state=WebhookState.UNKNOWN)


def add(store: Store, *configurations: EmailConfiguration) -> list[UUID]:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)
    return [one.e_id for one in configurations]


def another() -> EmailConfiguration:
    return sendable(tenant_id=uuid4())


def due(store: Store, limit: int = 10) -> list[UUID]:
    with store.begin() as tx:
        return tx.webhook_looks.due(limit)


def take(store: Store, configuration_id: UUID, seconds: float = 600) -> bool:
    with store.begin() as tx:
        return tx.webhook_looks.take(configuration_id, next_due_seconds=seconds)


def record(store: Store, configuration_id: UUID, health: WebhookHealth) -> WebhookReport:
    """As it has to be reported while it is the first of its state."""
    with store.begin() as tx:
        tx.webhook_looks.record(configuration_id, health)
        return WebhookReport(health=health, checked_at=tx.now(), since=tx.now())


def report(store: Store, configuration_id: UUID) -> WebhookReport | None:
    with store.begin() as tx:
        return tx.webhook_looks.report(configuration_id)


def test_a_webhook_that_was_never_looked_at_is_due(store: Store, acme: EmailConfiguration) -> None:
    assert due(store) == [acme.e_id]
    assert report(store, acme.e_id) is None


def test_a_look_is_taken_once_a_ring(store: Store, acme: EmailConfiguration) -> None:
    assert take(store, acme.e_id)
    assert not take(store, acme.e_id)
    assert due(store) == []


def test_a_look_is_due_again_when_its_time_has_come(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    assert take(store, acme.e_id, seconds=600)
    time_passes(300)
    assert due(store) == []
    time_passes(301)
    assert due(store) == [acme.e_id]
    assert take(store, acme.e_id)


def test_never_looked_at_comes_first_and_then_the_longest_due(store: Store, time_passes: TimePasses) -> None:
    late, later, never, waiting = add(store, *(another() for _ in range(4)))
    take(store, later, seconds=20)
    take(store, late, seconds=10)
    take(store, waiting, seconds=1000)
    time_passes(100)
    assert due(store) == [never, late, later]
    assert due(store, limit=2) == [never, late]


def test_where_there_is_no_webhook_there_is_nothing_to_look_at(store: Store) -> None:
    gone = sendable(tenant_id=uuid4(), provisioned=provisioned(webhook_id=None))
    retired = replace(another(), retired_at=LONG_AGO)
    add(store, configuration(), gone, retired)
    assert due(store) == []
    assert not take(store, gone.e_id)
    assert not take(store, retired.e_id)
    assert not take(store, uuid4())


def test_a_configuration_that_is_retired_is_looked_at_no_more(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    take(store, acme.e_id, seconds=0)
    record(store, acme.e_id, PAUSED)
    with store.begin() as tx:
        tx.configurations.save(replace(acme, retired_at=LONG_AGO), CREATED)
    time_passes(1)
    assert due(store) == []
    assert not take(store, acme.e_id)
    with store.begin() as tx:
        assert tx.webhook_looks.ailing(10) == []
        assert tx.webhook_looks.count_by_state() == {}


@pytest.mark.parametrize("health", [OK, PAUSED, BARE], ids=lambda health: health.state)
def test_health_is_read_as_it_was_recorded(
    store: Store, acme: EmailConfiguration, health: WebhookHealth
) -> None:
    take(store, acme.e_id)
    told = record(store, acme.e_id, health)
    assert report(store, acme.e_id) == told


def test_a_state_holds_since_the_first_look_that_found_it(
    store: Store, acme: EmailConfiguration, a_moment_passes: Moment
) -> None:
    first = record(store, acme.e_id, PAUSED)
    a_moment_passes()
    again = record(store, acme.e_id, replace(PAUSED, paused=("Bounce",), reverified=True))
    assert report(store, acme.e_id) == replace(again, since=first.since)
    assert again.checked_at > first.checked_at
    a_moment_passes()
    changed = record(store, acme.e_id, OK)
    assert report(store, acme.e_id) == changed


def test_what_was_found_does_not_move_the_next_look(store: Store, acme: EmailConfiguration) -> None:
    take(store, acme.e_id, seconds=600)
    record(store, acme.e_id, PAUSED)
    assert due(store) == []


def test_health_recorded_without_a_ring_leaves_the_look_due(store: Store, acme: EmailConfiguration) -> None:
    told = record(store, acme.e_id, OK)
    assert due(store) == [acme.e_id]
    assert take(store, acme.e_id)
    assert report(store, acme.e_id) == told


def test_nothing_is_recorded_of_a_configuration_that_does_not_exist(store: Store) -> None:
    with store.begin() as tx, pytest.raises(NotFound):
        tx.webhook_looks.record(uuid4(), OK)


def test_ailing_webhooks_are_told_the_longest_ailing_first(store: Store, a_moment_passes: Moment) -> None:
    well, unknown, paused, missing, _never = add(store, *(another() for _ in range(5)))
    told = {}
    for configuration_id, health in (
        (paused, PAUSED),
        (well, OK),
        (missing, replace(BARE, state=WebhookState.MISSING)),
        (unknown, BARE),
    ):
        told[configuration_id] = record(store, configuration_id, health)
        a_moment_passes()
    with store.begin() as tx:
        assert tx.webhook_looks.ailing(10) == [
            (configuration_id, told[configuration_id]) for configuration_id in (paused, missing, unknown)
        ]
        assert tx.webhook_looks.ailing(1) == [(paused, told[paused])]
        assert tx.webhook_looks.count_by_state() == {"ok": 1, "paused": 1, "missing": 1, "unknown": 1}
