from uuid import UUID

import pytest

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.gateways.postmark.search import PostmarkSearch
from tests.unit.gateways.postmark.stub import StubServer

CLAIM = UUID("019b0000-0000-7000-8000-0000000000c1")
OTHER = UUID("019b0000-0000-7000-8000-0000000000c2")


def _job(number: int) -> UUID:
    return UUID(f"019b0000-0000-7000-8000-{number:012x}")


def _row(number: int, claim: UUID = CLAIM) -> dict[str, object]:
    return {"MessageID": f"id-{number}", "Metadata": {"job": str(_job(number)), "claim": str(claim)}}


def test_all_pages_are_read(stub: StubServer) -> None:
    stub.reply(200, {"TotalCount": 501, "Messages": [_row(number) for number in range(500)]})
    stub.reply(200, {"TotalCount": 501, "Messages": [_row(500)]})
    found = PostmarkSearch(stub.wire()).find_by_claim("server-token", CLAIM)
    assert found == {_job(number): f"id-{number}" for number in range(501)}
    assert [received.query["offset"] for received in stub.received] == ["0", "500"]
    assert stub.received[0].query["metadata_claim"] == str(CLAIM)


@pytest.mark.parametrize(
    "row",
    [
        _row(1, OTHER),
        {"MessageID": "id-1"},
        {"MessageID": "id-1", "Metadata": {"job": "17", "claim": str(CLAIM)}},
        {"MessageID": None, "Metadata": {"job": str(_job(1)), "claim": str(CLAIM)}},
        "row",
    ],
)
def test_rows_that_are_not_the_claims_own_are_passed_over(stub: StubServer, row: object) -> None:
    stub.reply(200, {"TotalCount": 2, "Messages": [row, _row(2)]})
    assert PostmarkSearch(stub.wire()).find_by_claim("server-token", CLAIM) == {_job(2): "id-2"}


@pytest.mark.parametrize("body", [b"<html>", [], {}, {"Messages": None}, {"TotalCount": 0}])
def test_an_unreadable_answer_is_never_read_as_nothing_found(stub: StubServer, body: object) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        PostmarkSearch(stub.wire()).find_by_claim("server-token", CLAIM)


@pytest.mark.parametrize("status", [404, 429, 500, 502, 503])
def test_a_failed_search_may_be_made_again(stub: StubServer, status: int) -> None:
    stub.reply(status, b"<html>")
    with pytest.raises(ProviderUnavailable):
        PostmarkSearch(stub.wire()).find_by_claim("server-token", CLAIM)


def test_a_bad_server_token_is_not_the_whole_accounts(stub: StubServer) -> None:
    stub.reply(401, {"ErrorCode": 10, "Message": "text"})
    with pytest.raises(ProviderRefused) as refused:
        PostmarkSearch(stub.wire()).find_by_claim("server-token", CLAIM)
    assert not refused.value.account_wide
