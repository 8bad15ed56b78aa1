"""What a server took in a span of time, whoever claimed it."""

import math
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from shared.domain.errors import ProviderRefused
from shared.domain.mail import Accepted, OutboundMessage
from shared.domain.recovery import TakenMessage
from shared.ports.store import transaction_open
from tests.contract.mail.worlds import World, message_to, ready

# The simulator's clock goes on while a test runs.
SLACK = timedelta(seconds=30)


@pytest.fixture
def token(world: World) -> str:
    return ready(world)


def send(world: World, token: str, *recipients: str) -> list[OutboundMessage]:
    messages = [message_to(recipient, claim_id=uuid4()) for recipient in recipients]
    outcomes = world.sender.send(token, messages, not_after_monotonic=math.inf)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    return messages


def taken(world: World, token: str, since: datetime, until: datetime) -> list[TakenMessage]:
    pages = world.taken.between(token, since=since, until=until)
    return [message for page in pages for message in page]


def test_a_message_is_shown_as_it_was_sent(world: World, token: str) -> None:
    (sent,) = send(world, token, "person@example.com")
    (shown,) = taken(world, token, world.now() - SLACK, world.now() + SLACK)
    assert (shown.job_id, shown.claim_id) == (sent.job_id, sent.claim_id)
    assert (shown.recipient, shown.subject, shown.tag) == (
        "person@example.com",
        sent.content.subject,
        sent.content.tag,
    )
    assert list(world.search.find_by_claim(token, sent.claim_id).values()) == [shown.message_id]
    assert abs(shown.taken_at - world.now()) < SLACK


def test_only_what_was_taken_in_the_span_is_shown(world: World, token: str) -> None:
    send(world, token, "before@example.com")
    world.pass_time(3600)
    since = world.now() - SLACK
    within = send(world, token, "within@example.com")
    until = world.now() + SLACK
    world.pass_time(3600)
    send(world, token, "after@example.com")
    assert [one.job_id for one in taken(world, token, since, until)] == [within[0].job_id]


def test_all_are_shown_however_many_pages_they_fill(world: World, token: str) -> None:
    sent = send(world, token, *(f"person{number}@example.com" for number in range(5)))
    shown = taken(world, token, world.now() - SLACK, world.now() + SLACK)
    assert sorted(one.job_id for one in shown) == sorted(one.job_id for one in sent)


def test_another_servers_messages_are_its_own(world: World, token: str) -> None:
    other = world.account.create_server("another").token
    send(world, token, "person@example.com")
    assert taken(world, other, world.now() - SLACK, world.now() + SLACK) == []


def test_what_the_index_lags_behind_is_not_shown_yet(world: World, token: str) -> None:
    since = world.now() - SLACK
    with world.search_is_behind():
        send(world, token, "person@example.com")
        assert taken(world, token, since, world.now() + SLACK) == []
    assert len(taken(world, token, since, world.now() + SLACK)) == 1


def test_a_server_that_is_gone_is_a_refusal_and_not_an_empty_list(world: World) -> None:
    with pytest.raises(ProviderRefused):
        taken(world, str(uuid4()), world.now() - SLACK, world.now() + SLACK)


def test_nobody_asks_inside_of_a_transaction(world: World, token: str) -> None:
    opened = transaction_open.set(True)
    try:
        with pytest.raises(RuntimeError):
            taken(world, token, world.now() - SLACK, world.now() + SLACK)
    finally:
        transaction_open.reset(opened)
