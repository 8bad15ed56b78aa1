"""A look at a webhook."""

from datetime import timedelta

import pytest

from shared.domain.errors import ProviderUnavailable
from shared.domain.lifecycle import Trigger
from shared.domain.webhook import WebhookHealth, WebhookReport, WebhookState
from shared.ports.mail import WebhookSpec
from tests.fakes.mail import FakeMailAccount
from tests.unit.workers.provisioning_world import World
from workers.provisioning.webhook_health import check_webhook


@pytest.fixture
def world() -> World:
    return World().provisioned()


def report(world: World) -> WebhookReport:
    with world.store.begin() as tx:
        found = tx.webhook_looks.report(world.e_id)
    assert found is not None
    return found


def look(world: World) -> WebhookHealth:
    check_webhook(world.e_id, world.deps())
    return report(world).health


def token(world: World) -> str:
    return world.deps().server_token(world.configuration)


def webhook_id(world: World) -> int:
    found = world.configuration.provisioned.webhook_id
    assert found is not None
    return found


def test_a_webhook_that_is_there_and_posts_is_ok(world: World) -> None:
    assert look(world).state is WebhookState.OK


def test_a_webhook_that_somebody_deleted_is_missing(world: World) -> None:
    FakeMailAccount(world.postmark).delete_webhook(token(world), webhook_id(world))
    assert look(world).state is WebhookState.MISSING


def test_a_second_webhook_is_told(world: World) -> None:
    deps = world.deps()
    routing_token = world.postmark.server_of(token(world)).webhooks[webhook_id(world)].routing_token
    FakeMailAccount(world.postmark).create_webhook(
        token(world), WebhookSpec(deps.webhook_url, deps.webhook_bearer, routing_token)
    )
    health = look(world)
    assert (health.state, health.webhooks) == (WebhookState.DOUBLED, 2)


def test_what_the_provider_paused_is_verified_again_at_once(world: World) -> None:
    world.postmark.pause(token(world), webhook_id(world), "Bounce")
    health = look(world)
    assert (health.state, health.paused, health.reverified) == (WebhookState.PAUSED, ("Bounce",), True)
    world.store.advance(timedelta(hours=1))
    assert look(world).state is WebhookState.OK


def test_a_provider_that_does_not_answer_says_nothing_of_the_webhook(world: World) -> None:
    world.postmark.fail_next("webhooks", ProviderUnavailable("connect_timeout", "away"))
    health = look(world)
    assert (health.state, health.fault) == (WebhookState.UNKNOWN, "connect_timeout")


def test_a_webhook_is_looked_at_once_an_hour(world: World) -> None:
    look(world)
    check_webhook(world.e_id, world.deps())
    assert world.postmark.calls["webhooks"] == 1
    world.store.advance(timedelta(hours=1))
    look(world)
    assert world.postmark.calls["webhooks"] == 2


def test_a_retired_configuration_has_nothing_to_be_looked_at(world: World) -> None:
    world.signal(Trigger.REMOVE)
    check_webhook(world.e_id, world.deps())
    assert world.postmark.calls["webhooks"] == 0
