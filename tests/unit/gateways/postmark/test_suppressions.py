import pytest

from shared.domain.errors import ProviderUnavailable
from shared.gateways.postmark.suppressions import PostmarkSuppressions
from tests.unit.gateways.postmark.stub import StubServer


def _item(address: object, status: str, message: object = None) -> dict[str, object]:
    return {"EmailAddress": address, "Status": status, "Message": message}


def test_addresses_are_asked_for_once_and_in_one_call(stub: StubServer) -> None:
    stub.reply(200, {"Suppressions": [_item("a@example.com", "Deleted"), _item("b@example.com", "Deleted")]})
    lifted = PostmarkSuppressions(stub.wire()).lift(
        "token", ["A@example.com", "b@example.com", "a@example.com"]
    )
    assert lifted == {"A@example.com": None, "b@example.com": None, "a@example.com": None}
    (received,) = stub.received
    assert (received.method, received.path) == ("POST", "/message-streams/outbound/suppressions/delete")
    assert received.json() == {
        "Suppressions": [{"EmailAddress": "a@example.com"}, {"EmailAddress": "b@example.com"}]
    }


def test_answers_are_matched_by_address_and_not_by_their_order(stub: StubServer) -> None:
    stub.reply(
        200,
        {
            "Suppressions": [
                _item("B@Example.com", "Failed", "No authority."),
                _item("A@example.com", "Deleted"),
            ]
        },
    )
    lifted = PostmarkSuppressions(stub.wire()).lift("token", ["a@example.com", "b@example.com"])
    assert lifted == {"a@example.com": None, "b@example.com": "No authority."}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "the provider's answer does not name this address"),
        ([_item("b@example.com", "Deleted")], "the provider's answer does not name this address"),
        (["row", _item(None, "Deleted")], "the provider's answer does not name this address"),
        ([_item("a@example.com", "Failed")], "status Failed without a text"),
        ([_item("a@example.com", "")], "status missing without a text"),
        ([_item("a@example.com", "Failed", "a@example.com is bad.")], "<address> is bad."),
    ],
)
def test_what_is_not_said_to_be_lifted_is_not(stub: StubServer, rows: list[object], words: str) -> None:
    stub.reply(200, {"Suppressions": rows})
    assert PostmarkSuppressions(stub.wire()).lift("token", ["a@example.com"]) == {"a@example.com": words}


@pytest.mark.parametrize("status", [200, 404, 429, 500, 502])
def test_a_call_that_may_have_had_its_effect_may_be_made_again(stub: StubServer, status: int) -> None:
    stub.reply(status, b"<html>")
    with pytest.raises(ProviderUnavailable):
        PostmarkSuppressions(stub.wire()).lift("token", ["a@example.com"])
    stub.hang_up()
    with pytest.raises(ProviderUnavailable):
        PostmarkSuppressions(stub.wire()).lift("token", ["a@example.com"])
