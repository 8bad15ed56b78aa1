"""One webhook a stream, made only when our route answers its test posts."""

import json
import math
from uuid import uuid4

import pytest

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.event import EventKind
from shared.domain.mail import Accepted
from shared.domain.webhook import WebhookSeen, WebhookStatistics
from shared.gateways.postmark.events import PostmarkEvents
from shared.ports.mail import WebhookSpec
from tests.contract.mail.receiver import Receiver
from tests.contract.mail.worlds import SimulatorWorld, World, message_to, ready


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


def test_webhooks_are_listed_with_the_headers_they_send(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    ids = [world.account.create_webhook(token, _spec(world.receiver_url)) for _ in range(2)]
    seen = world.account.webhooks(token, url=world.receiver_url, stream="outbound")
    headers = (("Authorization", "Bearer key-1"), ("X-Email-Routing-Token", "routing-1"))
    assert sorted(seen, key=lambda hook: hook.webhook_id) == [
        WebhookSeen(webhook_id=number, url=world.receiver_url, stream="outbound", headers=headers)
        for number in ids
    ]
    assert "key-1" not in repr(seen)
    assert "routing-1" not in repr(seen)


def test_only_webhooks_of_the_url_and_stream_are_listed(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    world.account.create_webhook(token, _spec(world.receiver_url))
    assert world.account.webhooks(token, url=f"{world.receiver_url}/2", stream="outbound") == []
    assert world.account.webhooks(token, url=world.receiver_url, stream="broadcast") == []


def test_an_update_replaces_the_headers_and_nothing_else(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    webhook_id = world.account.create_webhook(token, _spec(world.receiver_url))
    rotated = WebhookSpec(url=world.receiver_url, bearer="key-2", routing_token="routing-1")
    world.account.update_webhook(token, webhook_id, rotated)
    (seen,) = world.account.webhooks(token, url=world.receiver_url, stream="outbound")
    assert seen.webhook_id == webhook_id
    assert dict(seen.headers) == {"Authorization": "Bearer key-2", "X-Email-Routing-Token": "routing-1"}


def test_a_new_webhook_has_nothing_paused_and_nothing_counted(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    webhook_id = world.account.create_webhook(token, _spec(world.receiver_url))
    assert world.account.webhook_statistics(token, webhook_id) == WebhookStatistics()


def test_lasting_failure_pauses_its_type_until_verified_with_our_end_mended(world: World) -> None:
    token = ready(world)
    webhook_id = world.account.create_webhook(token, _spec(world.receiver_url))
    world.lose_heart(token, webhook_id, _sent(world, token))
    statistics = world.account.webhook_statistics(token, webhook_id)
    assert statistics.paused == ("Bounce",)
    assert statistics.requests >= statistics.failures > 0
    assert not world.account.verify_webhook(token, webhook_id)
    assert world.account.webhook_statistics(token, webhook_id).paused == ("Bounce",)
    world.mend()
    assert world.account.verify_webhook(token, webhook_id)
    assert world.account.webhook_statistics(token, webhook_id).paused == ()


def test_an_update_that_our_end_answers_ends_a_pause(world: World) -> None:
    token = ready(world)
    webhook_id = world.account.create_webhook(token, _spec(world.receiver_url))
    world.lose_heart(token, webhook_id, _sent(world, token))
    world.mend()
    world.account.update_webhook(token, webhook_id, _spec(world.receiver_url))
    assert world.account.webhook_statistics(token, webhook_id).paused == ()


def test_looking_after_a_webhook_that_is_gone_is_refused(world: World) -> None:
    token = world.account.create_server("ardamails-dev-acme").token
    for look in (world.account.webhook_statistics, world.account.verify_webhook):
        with pytest.raises(ProviderRefused) as refused:
            look(token, 1)
        assert refused.value.code == "1352"


def _sent(world: World, token: str) -> str:
    message = message_to("person@example.com", claim_id=uuid4())
    (outcome,) = world.sender.send(token, [message], not_after_monotonic=math.inf)
    assert isinstance(outcome, Accepted)
    return outcome.message_id


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
