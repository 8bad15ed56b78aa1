"""One webhook a stream, made only when our route answers its test posts."""

import json

import pytest

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.event import EventKind
from shared.gateways.postmark.events import PostmarkEvents
from shared.ports.mail import WebhookSpec
from tests.contract.mail.receiver import Receiver
from tests.contract.mail.worlds import SimulatorWorld, World


def _spec(url: str) -> WebhookSpec:
    return WebhookSpec(url=url, bearer="key-1", routing_token="routing-1")


def test_a_created_webhook_is_found_by_url_and_stream(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    webhook_id = world.account.create_webhook(token, _spec(world.receiver_url))
    assert world.account.find_webhook(token, url=world.receiver_url, stream="outbound") == webhook_id
    assert world.account.find_webhook(token, url=f"{world.receiver_url}/2", stream="outbound") is None
    assert world.account.find_webhook(token, url=world.receiver_url, stream="broadcast") is None


def test_a_webhook_whose_test_posts_fail_is_not_kept_and_may_be_tried_again(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    with pytest.raises(ProviderUnavailable) as refused:
        world.account.create_webhook(token, _spec(world.broken_receiver_url))
    assert refused.value.code == "1364"
    assert world.account.find_webhook(token, url=world.broken_receiver_url, stream="outbound") is None


def test_an_update_whose_test_posts_fail_leaves_the_webhook_as_it_was(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    webhook_id = world.account.create_webhook(token, _spec(world.receiver_url))
    with pytest.raises(ProviderUnavailable) as refused:
        world.account.update_webhook(token, webhook_id, _spec(world.broken_receiver_url))
    assert refused.value.code == "1364"
    assert world.account.find_webhook(token, url=world.receiver_url, stream="outbound") == webhook_id


def test_updating_a_webhook_that_is_gone_is_refused(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    with pytest.raises(ProviderRefused) as refused:
        world.account.update_webhook(token, 1, _spec(world.receiver_url))
    assert refused.value.code == "1352"


def test_deleting_a_webhook_twice_is_deleting_it_once(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    webhook_id = world.account.create_webhook(token, _spec(world.receiver_url))
    world.account.delete_webhook(token, webhook_id)
    world.account.delete_webhook(token, webhook_id)
    assert world.account.find_webhook(token, url=world.receiver_url, stream="outbound") is None


def test_a_token_that_is_no_more_is_refused_for_its_server_only(world: World) -> None:
    server = world.account.create_server("ardamails-dev-acme")
    world.revoke_token(server.server_id)
    with pytest.raises(ProviderRefused) as refused:
        world.account.find_webhook(server.token, url=world.receiver_url, stream="outbound")
    assert (refused.value.code, refused.value.account_wide) == ("10", False)


def test_test_posts_carry_both_headers_for_every_event_we_use(
    simulated: SimulatorWorld, receiver: Receiver
) -> None:
    token = simulated.account.create_server("ardamails-dev-acme").token
    simulated.account.create_webhook(token, _spec(receiver.url))
    triggers = {payload["RecordType"] for _, payload in receiver.posted}
    assert triggers == {"Delivery", "Bounce", "SpamComplaint", "SubscriptionChange"}
    for headers, _ in receiver.posted:
        assert headers["Authorization"] == "Bearer key-1"
        assert headers["X-Email-Routing-Token"] == "routing-1"


def test_test_posts_are_read_as_tests(simulated: SimulatorWorld, receiver: Receiver) -> None:
    token = simulated.account.create_server("ardamails-dev-acme").token
    simulated.account.create_webhook(token, _spec(receiver.url))
    read = [PostmarkEvents().read(_json(payload)).kind for _, payload in receiver.posted]
    assert set(read) == {EventKind.TEST}


def _json(payload: object) -> str:
    return json.dumps(payload)
