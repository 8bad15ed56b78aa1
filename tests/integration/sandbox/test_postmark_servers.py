"""The account's servers, as an inventory reads them."""

import pytest

from tests.integration.sandbox.postmark_fixtures import Postmark, codes

SHAPE = {"ID", "Name", "ApiTokens", "ServerLink", "InboundAddress", "InboundHash", "DeliveryType", "Color"}


def _page(postmark: Postmark, **asked: object) -> tuple[int, list[str]]:
    body = postmark.account("GET", "/servers", **asked).json()
    assert set(body) == {"TotalCount", "Servers"}
    return body["TotalCount"], [row["Name"] for row in body["Servers"]]


def test_an_account_without_servers_lists_none(postmark: Postmark) -> None:
    assert _page(postmark, count=500, offset=0) == (0, [])


def test_pages_have_every_server_once_and_count_them_all(postmark: Postmark) -> None:
    names = [f"t{number:04}" for number in range(501)]
    for name in reversed(names):
        postmark.new_server(name)
    assert _page(postmark, count=500, offset=0) == (501, names[:500])
    assert _page(postmark, count=500, offset=500) == (501, names[500:])
    assert _page(postmark, count=500, offset=1000) == (501, [])


@pytest.mark.parametrize(
    "asked",
    [
        {"offset": 0},
        {"count": 10},
        {"count": 501, "offset": 0},
        {"count": -1, "offset": 0},
        {"count": 10, "offset": -1},
        {"count": "all", "offset": 0},
    ],
)
def test_a_page_needs_a_count_of_up_to_500_and_an_offset(
    postmark: Postmark, asked: dict[str, object]
) -> None:
    assert codes(postmark.account("GET", "/servers", **asked)) == (422, 600)


def test_a_server_by_its_id_is_the_same_as_its_row_tokens_included(postmark: Postmark) -> None:
    server = postmark.new_server("acme")
    row = postmark.account("GET", "/servers", count=1, offset=0).json()["Servers"][0]
    assert set(row) >= SHAPE
    assert (row["ID"], row["ApiTokens"]) == (server.id, [server.token])
    assert postmark.account("GET", f"/servers/{server.id}").json() == row


@pytest.mark.parametrize("server_id", ["1", "0", "99999999999999999999", "acme"])
def test_a_server_that_is_not_there_is_not_found_by_its_id(postmark: Postmark, server_id: str) -> None:
    assert codes(postmark.account("GET", f"/servers/{server_id}")) == (422, 601)


def test_the_list_is_the_accounts_and_not_a_servers_to_read(postmark: Postmark) -> None:
    server = postmark.new_server("acme")
    for path in ("/servers", f"/servers/{server.id}"):
        assert codes(server.call("GET", path, count=1, offset=0)) == (401, 10)
