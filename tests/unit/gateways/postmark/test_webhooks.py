"""Looking after a webhook: what is read from which answer. The happy paths are in the contract."""

import pytest

from shared.domain.errors import ProviderUnavailable
from shared.domain.webhook import WebhookSeen, WebhookStatistics
from shared.gateways.postmark.account import PostmarkAccount
from tests.fakes.pace import FreePace
from tests.unit.gateways.postmark.stub import StubServer

URL = "https://mail.example.com/events"
HOOK: dict[str, object] = {"ID": 7, "Url": URL, "MessageStream": "outbound"}


@pytest.fixture
def account(stub: StubServer) -> PostmarkAccount:
    return PostmarkAccount(stub.wire(), FreePace())


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        (None, ()),
        ([], ()),
        ([{"Name": "X-A", "Value": "1"}, "row", {"Name": "X-B"}], (("X-A", "1"), ("X-B", ""))),
    ],
)
def test_headers_are_read_as_far_as_they_can_be(
    stub: StubServer, account: PostmarkAccount, headers: object, read: object
) -> None:
    stub.reply(200, {"Webhooks": [{**HOOK, "HttpHeaders": headers}]})
    (seen,) = account.webhooks("token", url=URL, stream="outbound")
    assert (seen.webhook_id, seen.headers) == (7, read)


def test_a_webhook_without_headers_in_its_row_is_still_seen(
    stub: StubServer, account: PostmarkAccount
) -> None:
    stub.reply(200, {"Webhooks": ["row", {"Url": URL, "MessageStream": "outbound"}, HOOK]})
    seen = account.webhooks("token", url=URL, stream="outbound")
    assert seen == [WebhookSeen(webhook_id=7, url=URL, stream="outbound")]


@pytest.mark.parametrize("body", [b"<html>", [], {}, {"Webhooks": None}])
def test_an_unreadable_list_is_never_read_as_no_webhook(
    stub: StubServer, account: PostmarkAccount, body: object
) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        account.webhooks("token", url=URL, stream="outbound")


@pytest.mark.parametrize(
    ("statuses", "paused"),
    [
        ({}, ()),
        ({"Bounce": "verified", "Delivery": "verified"}, ()),
        ({"Bounce": "unverified"}, ("Bounce",)),
        ({"SpamComplaint": "Unverified", "Delivery": "unverified"}, ("Delivery", "SpamComplaint")),
        # We have no use for these, so nothing is missed.
        ({"Open": "unverified", "Click": "unverified"}, ()),
    ],
)
def test_paused_are_the_types_we_asked_for_that_are_unverified(
    stub: StubServer, account: PostmarkAccount, statuses: dict[str, str], paused: tuple[str, ...]
) -> None:
    stub.reply(200, {"Statuses": statuses, "Metrics": {"TotalRequests": 12, "FailureCount": 5}})
    read = account.webhook_statistics("token", 7)
    assert read == WebhookStatistics(paused=paused, requests=12, failures=5)
    assert (stub.received[0].method, stub.received[0].path) == ("GET", "/webhooks/7/statistics")


def test_statistics_without_counts_are_still_read(stub: StubServer, account: PostmarkAccount) -> None:
    stub.reply(200, {"Statuses": {"Bounce": "unverified"}, "Metrics": None})
    assert account.webhook_statistics("token", 7) == WebhookStatistics(paused=("Bounce",))


@pytest.mark.parametrize("body", [b"<html>", {}, {"Statuses": None}, {"Statuses": []}])
def test_statistics_without_statuses_are_never_read_as_healthy(
    stub: StubServer, account: PostmarkAccount, body: object
) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        account.webhook_statistics("token", 7)


@pytest.mark.parametrize("success", [True, False])
def test_verification_is_what_the_provider_says(
    stub: StubServer, account: PostmarkAccount, success: bool
) -> None:
    stub.reply(200, {"Id": 7, "Url": URL, "Success": success, "Results": []})
    assert account.verify_webhook("token", 7) is success
    assert (stub.received[0].method, stub.received[0].path) == ("POST", "/webhooks/7/verify")


@pytest.mark.parametrize("body", [b"<html>", {}, {"Success": "true"}])
def test_an_unreadable_verification_is_neither(
    stub: StubServer, account: PostmarkAccount, body: object
) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        account.verify_webhook("token", 7)
