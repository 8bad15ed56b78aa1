"""What is asked for afterwards is what callbacks have told, or would have."""

import math
from collections.abc import Iterable
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.domain.errors import ProviderRefused
from shared.domain.event import EventFacts, EventKind, implied_status
from shared.domain.job import JobStatus
from shared.domain.mail import Accepted, OutboundMessage
from shared.domain.suppression import SuppressionReason
from shared.gateways.postmark.events import PostmarkEvents
from shared.ports.mail import WebhookSpec
from tests.contract.mail.worlds import SimulatorWorld, World, message_to, ready

HOUR = timedelta(hours=1)


@pytest.fixture
def token(world: World) -> str:
    token = ready(world)
    spec = WebhookSpec(url=world.receiver_url, bearer="key-1", routing_token="routing-1")
    world.account.create_webhook(token, spec)
    return token


def _sent(world: World, token: str, recipient: str = "Person@Example.com") -> tuple[OutboundMessage, str]:
    message = message_to(recipient, claim_id=uuid4())
    (outcome,) = world.sender.send(token, [message], not_after_monotonic=math.inf)
    assert isinstance(outcome, Accepted)
    return message, outcome.message_id


def _read(bodies: Iterable[str]) -> list[EventFacts]:
    return [PostmarkEvents().read(body) for body in bodies]


def _told(world: World, *kinds: EventKind) -> list[EventFacts]:
    return [facts for facts in _read(world.told()) if facts.kind in kinds]


def _bounces(world: World, token: str) -> list[EventFacts]:
    now = world.now()
    return _read(world.history.bounces(token, since=now - HOUR, until=now + HOUR))


@pytest.mark.parametrize(
    ("record_type", "bounce_type", "implied"),
    [
        ("Bounce", "HardBounce", JobStatus.BOUNCED),
        ("Bounce", "SoftBounce", None),
        ("Bounce", "Transient", None),
        ("SpamComplaint", "HardBounce", JobStatus.COMPLAINED),
    ],
)
def test_a_bounce_is_the_event_that_its_callback_told(
    world: World, token: str, record_type: str, bounce_type: str, implied: JobStatus | None
) -> None:
    message, message_id = _sent(world, token)
    world.happen(message_id, record_type, bounce_type=bounce_type)
    (facts,) = _bounces(world, token)
    (told,) = _told(world, EventKind.BOUNCE, EventKind.SPAM_COMPLAINT)
    assert facts == told
    assert implied_status(facts) is implied
    assert (facts.message_id, facts.job_id) == (message_id, message.job_id)
    assert facts.recipient == "person@example.com"


def test_bounces_are_those_of_the_span_only(world: World, token: str) -> None:
    ids = []
    for _ in range(3):
        _, message_id = _sent(world, token)
        ids.append(message_id)
        world.happen(message_id, "Bounce", bounce_type="SoftBounce")
        since_last = world.now()
        world.pass_time(4 * 3600)
    # Two hours on both sides of the second one.
    middle = since_last - 4 * HOUR
    found = _read(world.history.bounces(token, since=middle - 2 * HOUR, until=middle + 2 * HOUR))
    assert [facts.message_id for facts in found] == [ids[1]]


def test_many_bounces_are_all_told_once(world: World, token: str) -> None:
    messages = [message_to(f"p{number}@example.com", claim_id=uuid4()) for number in range(30)]
    outcomes = world.sender.send(token, messages, not_after_monotonic=math.inf)
    expected = {outcome.message_id for outcome in outcomes if isinstance(outcome, Accepted)}
    for message_id in expected:
        world.happen(message_id, "Bounce", bounce_type="SoftBounce")
    found = _bounces(world, token)
    assert len(found) == 30
    assert {facts.message_id for facts in found} == expected
    assert len({facts.content_key for facts in found}) == 30


def test_a_delivery_is_the_event_that_its_callback_told(world: World, token: str) -> None:
    message, message_id = _sent(world, token)
    world.happen(message_id, "Delivery")
    (facts,) = _read(world.history.of_message(token, message_id))
    assert facts == _told(world, EventKind.DELIVERY)[0]
    assert (facts.kind, facts.job_id) == (EventKind.DELIVERY, message.job_id)


def test_only_deliveries_of_the_message_are_told_of_it(world: World, token: str) -> None:
    _, message_id = _sent(world, token)
    _, another_id = _sent(world, token)
    world.happen(another_id, "Delivery")
    world.happen(message_id, "Bounce", bounce_type="Transient")
    assert world.history.of_message(token, message_id) == []


def test_nothing_is_told_of_a_message_that_the_provider_does_not_know(world: World, token: str) -> None:
    assert world.history.of_message(token, str(uuid4())) == []


@pytest.mark.parametrize(
    ("record_type", "reason"),
    [("Bounce", SuppressionReason.HARD_BOUNCE), ("SpamComplaint", SuppressionReason.SPAM_COMPLAINT)],
)
def test_an_address_put_on_the_list_is_a_change_of_subscription(
    world: World, token: str, record_type: str, reason: SuppressionReason
) -> None:
    _, message_id = _sent(world, token)
    world.happen(message_id, record_type)
    (facts,) = _read(world.history.suppressions(token, since=world.now() - HOUR))
    (told,) = _told(world, EventKind.SUBSCRIPTION_CHANGE)
    assert (facts.kind, facts.recipient) == (EventKind.SUBSCRIPTION_CHANGE, "person@example.com")
    assert (facts.suppresses, facts.suppression_reason) == (True, reason)
    assert facts.occurred_at is not None
    assert told.occurred_at is not None
    assert abs(facts.occurred_at - told.occurred_at) < timedelta(seconds=1)
    # Nothing in the list says which message it was.
    assert (facts.message_id, facts.job_id) == (None, None)


def test_addresses_put_on_the_list_before_are_not_told(world: World, token: str) -> None:
    for recipient in ("early@example.com", "late@example.com"):
        _, message_id = _sent(world, token, recipient)
        world.happen(message_id, "Bounce")
        since = world.now() - HOUR
        if recipient == "early@example.com":
            world.pass_time(2 * 3600)
    told = _read(world.history.suppressions(token, since=since))
    assert [facts.recipient for facts in told] == ["late@example.com"]


def test_an_address_that_was_lifted_leaves_no_trace(world: World, token: str) -> None:
    _, message_id = _sent(world, token)
    world.happen(message_id, "Bounce")
    world.suppression_list.lift(token, ["person@example.com"])
    assert list(world.history.suppressions(token, since=world.now() - HOUR)) == []


def test_a_token_that_is_no_more_learns_nothing(world: World) -> None:
    server, now = world.account.create_server("ardamails-dev-acme"), world.now()
    world.revoke_token(server.server_id)
    with pytest.raises(ProviderRefused):
        list(world.history.bounces(server.token, since=now - HOUR, until=now))
    with pytest.raises(ProviderRefused):
        list(world.history.suppressions(server.token, since=now - HOUR))
    with pytest.raises(ProviderRefused):
        world.history.of_message(server.token, str(uuid4()))


@pytest.mark.parametrize("dump_times", ["seconds", "ticks"])
def test_a_change_of_subscription_is_the_told_event_where_the_list_has_its_whole_time(
    simulated: SimulatorWorld, dump_times: str
) -> None:
    simulated.change_settings(dump_times=dump_times)
    token = ready(simulated)
    spec = WebhookSpec(url=simulated.receiver_url, bearer="key-1", routing_token="routing-1")
    simulated.account.create_webhook(token, spec)
    _, message_id = _sent(simulated, token)
    simulated.happen(message_id, "Bounce")
    (facts,) = _read(simulated.history.suppressions(token, since=simulated.now() - HOUR))
    (told,) = _told(simulated, EventKind.SUBSCRIPTION_CHANGE)
    assert (facts.content_key == told.content_key) is (dump_times == "ticks")


def test_rows_that_lack_keys_are_the_same_events(simulated: SimulatorWorld) -> None:
    token = ready(simulated)
    spec = WebhookSpec(url=simulated.receiver_url, bearer="key-1", routing_token="routing-1")
    simulated.account.create_webhook(token, spec)
    _, message_id = _sent(simulated, token)
    simulated.happen(message_id, "Bounce")
    simulated.change_settings(bounce_rows="sparse")
    (facts,) = _bounces(simulated, token)
    (told,) = _told(simulated, EventKind.BOUNCE)
    assert facts.content_key == told.content_key
    assert (facts.message_id, facts.recipient, facts.hard_bounce) == (message_id, "person@example.com", True)
    assert facts.job_id is None
