"""A send has one outcome for each message, and the books of the provider agree with it."""

import math
import time
from uuid import UUID, uuid4

import pytest

from shared.domain.errors import ProviderRefused
from shared.domain.mail import (
    Accepted,
    ConfigurationFault,
    Deferred,
    OutboundMessage,
    Outcome,
    Refused,
    Unknown,
)
from shared.ports.store import transaction_open
from tests.contract.mail.worlds import SimulatorWorld, World, kinds, message_to, ready

CLAIM = UUID("019b0000-0000-7000-8000-00000000c1a1")


@pytest.fixture
def token(world: World) -> str:
    return ready(world)


def _send(world: World, token: str, messages: list[OutboundMessage]) -> list[Outcome]:
    return world.sender.send(token, messages, not_after_monotonic=math.inf)


def test_accepted_messages_are_found_by_their_claim(world: World, token: str) -> None:
    messages = [message_to(f"person{number}@example.com", claim_id=CLAIM) for number in range(3)]
    outcomes = _send(world, token, messages)
    assert kinds(outcomes) == [Accepted] * 3
    expected = {
        message.job_id: outcome.message_id
        for message, outcome in zip(messages, outcomes, strict=True)
        if isinstance(outcome, Accepted)
    }
    assert world.search.find_by_claim(token, CLAIM) == expected
    assert world.accepted(CLAIM) == 3


def test_only_the_messages_of_the_claim_are_found(world: World, token: str) -> None:
    _send(world, token, [message_to("person@example.com", claim_id=uuid4())])
    assert world.search.find_by_claim(token, CLAIM) == {}


def test_a_batch_of_500_is_one_call_with_500_outcomes(world: World, token: str) -> None:
    messages = [message_to(f"person{number}@example.com", claim_id=CLAIM) for number in range(500)]
    assert kinds(_send(world, token, messages)) == [Accepted] * 500
    assert len(world.search.find_by_claim(token, CLAIM)) == 500


def test_an_inactive_recipient_is_refused_in_its_place(world: World, token: str) -> None:
    world.suppress(token, "gone@example.com")
    recipients = ["first@example.com", "Gone@example.com", "last@example.com"]
    outcomes = _send(world, token, [message_to(address, claim_id=CLAIM) for address in recipients])
    assert kinds(outcomes) == [Accepted, Refused, Accepted]
    refused = outcomes[1]
    assert isinstance(refused, Refused)
    assert (refused.code, refused.inactive_recipient) == ("406", True)
    assert "gone@example.com" not in refused.text.lower()
    assert world.accepted(CLAIM) == 2


def test_a_sender_that_is_not_on_the_account_is_the_configurations_fault(world: World, token: str) -> None:
    stranger = message_to("person@example.com", claim_id=CLAIM, sender=f"noreply@other.{world.zone}")
    outcomes = _send(world, token, [stranger])
    assert kinds(outcomes) == [ConfigurationFault]
    assert outcomes[0] == ConfigurationFault("400", getattr(outcomes[0], "text", ""))
    assert world.accepted(CLAIM) == 0


def test_a_replaced_token_is_the_configurations_fault(world: World, token: str) -> None:
    server = world.account.find_server("ardamails-dev-acme")
    assert server is not None
    world.revoke_token(server.server_id)
    outcomes = _send(world, token, [message_to("person@example.com", claim_id=CLAIM)] * 2)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == ["10", "10"]
    assert kinds(outcomes) == [ConfigurationFault] * 2
    with pytest.raises(ProviderRefused):
        world.search.find_by_claim(token, CLAIM)


def test_a_message_whose_answer_was_lost_is_unknown_and_found_by_its_claim(world: World, token: str) -> None:
    message = message_to("person@example.com", claim_id=CLAIM)
    world.accept_and_lose_the_answer()
    assert kinds(_send(world, token, [message])) == [Unknown]
    assert list(world.search.find_by_claim(token, CLAIM)) == [message.job_id]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failure_after_acceptance_is_unknown(world: World, token: str, status: int) -> None:
    world.accept_and_fail(status)
    outcomes = _send(world, token, [message_to("person@example.com", claim_id=CLAIM)] * 2)
    assert kinds(outcomes) == [Unknown] * 2
    assert world.accepted(CLAIM) == 2


def test_an_unreadable_answer_is_unknown(world: World, token: str) -> None:
    world.accept_and_answer_nonsense()
    outcomes = _send(world, token, [message_to("person@example.com", claim_id=CLAIM)])
    assert kinds(outcomes) == [Unknown]
    assert world.accepted(CLAIM) == 1


def test_no_answer_in_time_is_unknown(world: World, token: str) -> None:
    world.accept_and_hang()
    outcomes = _send(world, token, [message_to("person@example.com", claim_id=CLAIM)])
    assert outcomes == [Unknown("timeout", getattr(outcomes[0], "text", ""))]
    assert world.accepted(CLAIM) == 1


def test_a_message_the_index_does_not_know_yet_is_found_later(world: World, token: str) -> None:
    message = message_to("person@example.com", claim_id=CLAIM)
    with world.search_is_behind():
        _send(world, token, [message])
        assert world.search.find_by_claim(token, CLAIM) == {}
    assert list(world.search.find_by_claim(token, CLAIM)) == [message.job_id]


@pytest.mark.parametrize("retry_after_seconds", [None, 7])
def test_a_rate_limit_defers_and_passes_on_the_wait(
    world: World, token: str, retry_after_seconds: int | None
) -> None:
    world.limit_the_rate(retry_after_seconds)
    outcomes = _send(world, token, [message_to("person@example.com", claim_id=CLAIM)])
    assert kinds(outcomes) == [Deferred]
    assert isinstance(outcomes[0], Deferred)
    assert outcomes[0].retry_after_seconds == retry_after_seconds
    assert world.accepted(CLAIM) == 0


def test_maintenance_defers(world: World, token: str) -> None:
    world.be_in_maintenance()
    outcomes = _send(world, token, [message_to("person@example.com", claim_id=CLAIM)])
    assert outcomes == [Deferred("100", getattr(outcomes[0], "text", ""))]
    assert world.accepted(CLAIM) == 0


def test_a_refused_connection_defers(world: World, token: str) -> None:
    world.refuse_connections()
    outcomes = _send(world, token, [message_to("person@example.com", claim_id=CLAIM)])
    assert outcomes == [Deferred("connect_failed", getattr(outcomes[0], "text", ""))]
    assert world.accepted(CLAIM) == 0


def test_nothing_is_sent_once_its_time_is_over(world: World, token: str) -> None:
    messages = [message_to("person@example.com", claim_id=CLAIM)] * 2
    outcomes = world.sender.send(token, messages, not_after_monotonic=time.monotonic() - 0.001)
    assert outcomes == [Deferred("late", getattr(outcomes[0], "text", ""))] * 2
    assert world.accepted(CLAIM) == 0


def test_a_send_that_was_late_leaves_the_way_free_for_the_next(world: World, token: str) -> None:
    message = message_to("person@example.com", claim_id=CLAIM)
    world.sender.send(token, [message], not_after_monotonic=time.monotonic() - 0.001)
    outcomes = world.sender.send(token, [message], not_after_monotonic=time.monotonic() + 60)
    assert kinds(outcomes) == [Accepted]
    assert world.accepted(CLAIM) == 1


def test_a_send_inside_a_transaction_is_a_fault_of_ours(world: World, token: str) -> None:
    reset = transaction_open.set(True)
    try:
        with pytest.raises(RuntimeError, match="transaction"):
            _send(world, token, [message_to("person@example.com", claim_id=CLAIM)])
    finally:
        transaction_open.reset(reset)
    assert world.accepted(CLAIM) == 0


def test_an_answer_without_an_error_code_is_an_acceptance(simulated: SimulatorWorld) -> None:
    token = ready(simulated)
    simulated.fault("delayed_without_error_code")
    outcomes = _send(simulated, token, [message_to("person@example.com", claim_id=CLAIM)])
    assert kinds(outcomes) == [Accepted]


def test_half_an_answer_is_unknown(simulated: SimulatorWorld) -> None:
    token = ready(simulated)
    simulated.fault("accept_then_reset", partial=True)
    outcomes = _send(simulated, token, [message_to("person@example.com", claim_id=CLAIM)])
    assert kinds(outcomes) == [Unknown]


def test_single_items_are_refused_in_their_place(simulated: SimulatorWorld) -> None:
    token = ready(simulated)
    simulated.fault("partial_batch", positions=[1], error_code=300)
    messages = [message_to(f"person{number}@example.com", claim_id=CLAIM) for number in range(3)]
    outcomes = _send(simulated, token, messages)
    assert kinds(outcomes) == [Accepted, Refused, Accepted]
    assert set(simulated.search.find_by_claim(token, CLAIM)) == {messages[0].job_id, messages[2].job_id}


def test_a_message_that_only_inactive_recipients_would_get_is_refused(simulated: SimulatorWorld) -> None:
    token = ready(simulated)
    simulated.fault(
        "respond",
        status=200,
        body=[
            {
                "ErrorCode": 0,
                "MessageID": "7c1d1b2e-0000-4000-8000-000000000001",
                "Message": "Message OK, but will not deliver to these inactive addresses: person@example.com.",
            }
        ],
    )
    outcomes = _send(simulated, token, [message_to("person@example.com", claim_id=CLAIM)])
    assert kinds(outcomes) == [Refused]
    assert isinstance(outcomes[0], Refused)
    assert outcomes[0].inactive_recipient
    assert "person" not in outcomes[0].text
