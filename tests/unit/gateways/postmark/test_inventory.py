"""What is read from which answer, and what cannot be read. The rest is in the contract."""

import logging
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.drift import ServerListed
from shared.domain.errors import Conflict, OutOfTurn, ProviderError, ProviderRefused, ProviderUnavailable
from shared.gateways.postmark.inventory import PostmarkInventory
from shared.ports.lease import looked_after
from shared.ports.store import transaction_open
from tests.fakes.pace import FreePace
from tests.unit.gateways.postmark.stub import StubServer

TOKEN = "8f2b6c1e-5a5d-4a39-9a39-1c2d3e4f5a6b"


@pytest.fixture
def pace() -> FreePace:
    return FreePace()


@pytest.fixture
def inventory(stub: StubServer, pace: FreePace) -> PostmarkInventory:
    return PostmarkInventory(stub.wire(), pace)


def _rows(*ids: int) -> list[dict[str, Any]]:
    return [{"ID": number, "Name": f"acme{number}", "ApiTokens": [TOKEN], "Color": "red"} for number in ids]


def _page(rows: object, total: object) -> dict[str, object]:
    return {"TotalCount": total, "Servers": rows}


def _listed(inventory: PostmarkInventory) -> list[list[ServerListed]]:
    return [list(page) for page in inventory.server_pages()]


def _list_fails(inventory: PostmarkInventory) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        _listed(inventory)
    return raised.value


def test_a_page_is_one_call_in_its_turn_and_asks_for_500(
    stub: StubServer, inventory: PostmarkInventory, pace: FreePace
) -> None:
    for begin, end in pairwise((0, 500, 1000, 1001)):
        stub.reply(200, _page(_rows(*range(begin, end)), 1001))
    assert [len(page) for page in _listed(inventory)] == [500, 500, 1]
    assert [(received.method, received.path, received.query) for received in stub.received] == [
        ("GET", "/servers", {"count": "500", "offset": str(offset)}) for offset in (0, 500, 1000)
    ]
    assert {received.headers["x-postmark-account-token"] for received in stub.received} == {"account-token"}
    assert pace.kept == 3


def test_no_page_is_asked_for_before_it_is_wanted(stub: StubServer, inventory: PostmarkInventory) -> None:
    pages = inventory.server_pages()
    assert stub.received == []
    stub.reply(200, _page(_rows(*range(500)), 501))
    next(pages)
    assert len(stub.received) == 1


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"Name": "acme", "ApiTokens": [TOKEN]},
        {"ID": 1, "ApiTokens": [TOKEN]},
        {"ID": 1, "Name": "", "ApiTokens": [TOKEN]},
        {"ID": 1, "Name": None, "ApiTokens": [TOKEN]},
        {"ID": "1", "Name": "acme", "ApiTokens": [TOKEN]},
        {"ID": True, "Name": "acme", "ApiTokens": [TOKEN]},
        "acme",
        None,
    ],
)
def test_a_page_with_a_row_that_lacks_id_or_name_cannot_be_read(
    stub: StubServer, inventory: PostmarkInventory, row: object
) -> None:
    stub.reply(200, _page([*_rows(7), row], 2))
    error = _list_fails(inventory)
    assert isinstance(error, ProviderUnavailable)
    assert error.code == "unreadable"
    assert TOKEN not in str(error)


@pytest.mark.parametrize(
    "body", [b"<html>", b"", [], {}, {"TotalCount": 0}, {"Servers": None}, {"Servers": {}}]
)
def test_an_unreadable_list_is_never_an_empty_account(
    stub: StubServer, inventory: PostmarkInventory, body: object
) -> None:
    stub.reply(200, body)
    error = _list_fails(inventory)
    assert isinstance(error, ProviderUnavailable)
    assert error.code == "unreadable"


def test_a_page_without_a_token_in_its_rows_is_read(stub: StubServer, inventory: PostmarkInventory) -> None:
    stub.reply(200, _page([{"ID": 1, "Name": "acme"}], 1))
    assert _listed(inventory) == [[ServerListed(1, "acme")]]


@pytest.mark.parametrize("total", [None, "2", 1, 0])
def test_a_total_that_is_not_told_or_smaller_is_no_fault(
    stub: StubServer, inventory: PostmarkInventory, total: object
) -> None:
    stub.reply(200, _page(_rows(1, 2), total))
    assert _listed(inventory) == [[ServerListed(1, "acme1"), ServerListed(2, "acme2")]]


def test_a_list_that_ends_before_its_own_total_cannot_be_read(
    stub: StubServer, inventory: PostmarkInventory
) -> None:
    """As when somebody in between gives less on a page than was asked for."""
    stub.reply(200, _page(_rows(*range(100)), 700))
    error = _list_fails(inventory)
    assert isinstance(error, ProviderUnavailable)
    assert (error.code, error.message) == ("unreadable", "100 servers are listed of 700")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"ErrorCode": 101, "Message": "text"}),
        (502, b"<html>"),
        (503, {"ErrorCode": 100, "Message": "text"}),
        (429, b""),
        (404, b""),
    ],
)
def test_a_later_page_that_fails_may_be_asked_for_again(
    stub: StubServer, inventory: PostmarkInventory, status: int, body: object
) -> None:
    stub.reply(200, _page(_rows(*range(500)), 501))
    stub.reply(status, body)
    assert isinstance(_list_fails(inventory), ProviderUnavailable)


def test_a_later_page_whose_answer_is_lost_may_be_asked_for_again(
    stub: StubServer, inventory: PostmarkInventory
) -> None:
    stub.reply(200, _page(_rows(*range(500)), 501))
    stub.hang_up()
    assert isinstance(_list_fails(inventory), ProviderUnavailable)


def test_a_refused_account_token_is_a_fault_of_the_account(
    stub: StubServer, inventory: PostmarkInventory
) -> None:
    stub.reply(401, {"ErrorCode": 10, "Message": "text"})
    error = _list_fails(inventory)
    assert isinstance(error, ProviderRefused)
    assert error.account_wide


@pytest.mark.parametrize(("status", "body"), [(404, b""), (422, {"ErrorCode": 601, "Message": "text"})])
def test_a_server_that_is_gone_has_no_name(
    stub: StubServer, inventory: PostmarkInventory, status: int, body: object
) -> None:
    stub.reply(status, body)
    assert inventory.server_name(7) is None
    assert (stub.received[0].method, stub.received[0].path) == ("GET", "/servers/7")


@pytest.mark.parametrize("body", [{}, {"ID": 7}, {"Name": "acme"}, b"<html>", []])
def test_an_answer_without_id_or_name_does_not_tell_whether_the_server_is_gone(
    stub: StubServer, inventory: PostmarkInventory, body: object
) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable) as unavailable:
        inventory.server_name(7)
    assert unavailable.value.code == "unreadable"


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (429, b""), (503, {"ErrorCode": 100, "Message": "text"}), (403, b"<html>")],
)
def test_a_failed_question_does_not_tell_whether_the_server_is_gone(
    stub: StubServer, inventory: PostmarkInventory, status: int, body: object
) -> None:
    stub.reply(status, body)
    with pytest.raises(ProviderUnavailable):
        inventory.server_name(7)


def test_nothing_is_asked_out_of_turn(stub: StubServer, inventory: PostmarkInventory, pace: FreePace) -> None:
    pace.busy_for_seconds = 3.0
    assert isinstance(_list_fails(inventory), OutOfTurn)
    with pytest.raises(OutOfTurn):
        inventory.server_name(7)
    assert stub.received == []


def test_a_lease_lost_on_the_way_ends_the_listing_before_its_next_page(
    stub: StubServer, inventory: PostmarkInventory
) -> None:
    def lost() -> None:
        raise Conflict("the lease is another's")

    stub.reply(200, _page(_rows(*range(500)), 501))
    pages = inventory.server_pages()
    next(pages)
    with looked_after(lost), pytest.raises(Conflict):
        next(pages)
    assert len(stub.received) == 1


def test_a_transaction_opened_on_the_way_ends_the_listing_before_its_next_page(
    stub: StubServer, inventory: PostmarkInventory
) -> None:
    stub.reply(200, _page(_rows(*range(500)), 501))
    pages = inventory.server_pages()
    next(pages)
    reset = transaction_open.set(True)
    try:
        with pytest.raises(RuntimeError, match="transaction"):
            next(pages)
    finally:
        transaction_open.reset(reset)
    assert len(stub.received) == 1


def test_no_token_is_in_what_is_given_shown_logged_or_raised(
    stub: StubServer, inventory: PostmarkInventory, caplog: pytest.LogCaptureFixture
) -> None:
    stub.reply(200, _page(_rows(1), 1))
    stub.reply(200, _rows(1)[0])
    stub.reply(200, _page([*_rows(1), {"Name": "acme", "ApiTokens": [TOKEN]}], 2))
    stub.reply(422, {"ErrorCode": 600, "Message": "text", "ApiTokens": [TOKEN]})
    with caplog.at_level(logging.DEBUG):
        given = [_listed(inventory), inventory.server_name(1)]
        errors = [_list_fails(inventory), _list_fails(inventory)]
    shown = f"{given!r} {inventory!r} {errors!r} {errors} {[vars(error) for error in errors]} {caplog.text}"
    assert "acme1" in shown
    assert not any(secret in shown for secret in (TOKEN, "account-token"))
