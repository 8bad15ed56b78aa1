"""The provider's own list: what is lifted gets mail again, and what cannot be says why."""

import math
from uuid import uuid4

import pytest

from shared.domain.errors import ProviderRefused
from shared.domain.mail import Accepted, Outcome, Refused
from shared.ports.mail import LIFT_MAX
from tests.contract.mail.worlds import World, message_to, ready


@pytest.fixture
def token(world: World) -> str:
    return ready(world)


def _send(world: World, token: str, recipient: str) -> Outcome:
    message = message_to(recipient, claim_id=uuid4())
    (outcome,) = world.sender.send(token, [message], not_after_monotonic=math.inf)
    return outcome


def _after(world: World, token: str, recipient: str, record_type: str) -> None:
    sent = _send(world, token, recipient)
    assert isinstance(sent, Accepted)
    world.happen(sent.message_id, record_type)
    assert isinstance(_send(world, token, recipient), Refused)


def test_a_lifted_address_gets_mail_again(world: World, token: str) -> None:
    _after(world, token, "gone@example.com", "Bounce")
    world.suppress(token, "manual@example.com")
    lifted = world.suppression_list.lift(token, ["gone@example.com", "manual@example.com"])
    assert lifted == {"gone@example.com": None, "manual@example.com": None}
    assert isinstance(_send(world, token, "gone@example.com"), Accepted)
    assert isinstance(_send(world, token, "manual@example.com"), Accepted)


def test_a_complaint_stays_and_says_why_while_others_are_lifted(world: World, token: str) -> None:
    _after(world, token, "gone@example.com", "Bounce")
    _after(world, token, "angry@example.com", "SpamComplaint")
    lifted = world.suppression_list.lift(token, ["angry@example.com", "gone@example.com"])
    assert lifted["gone@example.com"] is None
    assert "authority" in (lifted["angry@example.com"] or "")
    assert isinstance(_send(world, token, "angry@example.com"), Refused)


def test_an_address_is_lifted_however_its_letters_are_written(world: World, token: str) -> None:
    _after(world, token, "Gone@Example.com", "Bounce")
    assert world.suppression_list.lift(token, ["GONE@example.COM"]) == {"GONE@example.COM": None}
    assert isinstance(_send(world, token, "gone@example.com"), Accepted)


def test_lifting_twice_is_lifting_once(world: World, token: str) -> None:
    world.suppress(token, "gone@example.com")
    for _ in range(2):
        assert world.suppression_list.lift(token, ["gone@example.com"]) == {"gone@example.com": None}


def test_as_many_as_allowed_are_lifted_at_once_and_not_one_more(world: World, token: str) -> None:
    addresses = [f"person{number}@example.com" for number in range(LIFT_MAX)]
    assert world.suppression_list.lift(token, addresses) == dict.fromkeys(addresses)
    with pytest.raises(ValueError, match="at most 50"):
        world.suppression_list.lift(token, [*addresses, "one@example.com"])


def test_lifting_nothing_answers_nothing(world: World, token: str) -> None:
    assert world.suppression_list.lift(token, []) == {}


def test_a_server_whose_token_is_no_more_lifts_nothing(world: World) -> None:
    server = world.account.create_server("ardamails-dev-acme")
    world.revoke_token(server.server_id)
    with pytest.raises(ProviderRefused) as refused:
        world.suppression_list.lift(server.token, ["gone@example.com"])
    assert (refused.value.code, refused.value.account_wide) == ("10", False)
