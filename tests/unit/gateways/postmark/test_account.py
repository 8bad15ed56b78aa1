"""Account calls: which errors mean what, and what is read from which answer. The happy paths are in the contract."""

import pytest

from shared.domain.dns import MailDns
from shared.domain.errors import OutcomeUnknown, ProviderError, ProviderRefused, ProviderUnavailable
from shared.gateways.postmark.account import PostmarkAccount
from shared.ports.mail import ServerCreated, WebhookSpec
from tests.fakes.pace import FreePace
from tests.unit.gateways.postmark.stub import StubServer

SPEC = WebhookSpec(url="https://mail.example.com/events", bearer="key-1", routing_token="routing-1")
DOMAIN: dict[str, object] = {
    "ID": 36735,
    "Name": "acme.dev.ardamails.com",
    "DKIMVerified": False,
    "DKIMHost": "",
    "DKIMTextValue": "",
    "DKIMPendingHost": "20261102090000pm._domainkey.acme.dev.ardamails.com",
    "DKIMPendingTextValue": "k=rsa; p=pending",
    "ReturnPathDomain": "pm-bounces.acme.dev.ardamails.com",
    "ReturnPathDomainVerified": False,
    "ReturnPathDomainCNAMEValue": "pm.mtasv.net",
}
ACTIVE = {"DKIMHost": "active._domainkey.acme.dev.ardamails.com", "DKIMTextValue": "k=rsa; p=active"}
NO_PENDING = {"DKIMPendingHost": "", "DKIMPendingTextValue": ""}


@pytest.fixture
def account(stub: StubServer) -> PostmarkAccount:
    return PostmarkAccount(stub.wire(), FreePace())


def _server(number: int, name: str) -> dict[str, object]:
    return {"ID": number, "Name": name, "ApiTokens": [f"token-{number}"]}


def test_servers_are_looked_for_on_every_page(stub: StubServer, account: PostmarkAccount) -> None:
    stub.reply(
        200, {"TotalCount": 501, "Servers": [_server(number, f"acme{number}") for number in range(500)]}
    )
    stub.reply(200, {"TotalCount": 501, "Servers": [_server(500, "acme")]})
    assert account.find_server("acme") == ServerCreated(500, "token-500")
    assert [received.query for received in stub.received] == [
        {"count": "500", "offset": "0", "name": "acme"},
        {"count": "500", "offset": "500", "name": "acme"},
    ]


def test_a_server_that_is_listed_without_a_token_cannot_be_adopted(
    stub: StubServer, account: PostmarkAccount
) -> None:
    stub.reply(200, {"TotalCount": 1, "Servers": [{"ID": 1, "Name": "acme", "ApiTokens": []}]})
    with pytest.raises(ProviderRefused) as refused:
        account.find_server("acme")
    assert refused.value.code == "server_incomplete"


def test_a_signature_is_created_with_its_return_path_and_reply_to(
    stub: StubServer, account: PostmarkAccount
) -> None:
    stub.reply(200, {**DOMAIN, "ID": 7, "EmailAddress": "noreply@acme.dev.ardamails.com"})
    account.create_signature(
        address="noreply@acme.dev.ardamails.com",
        name="Acme",
        reply_to="help@acme.com",
        return_path_domain="pm-bounces.acme.dev.ardamails.com",
    )
    assert stub.received[0].json() == {
        "FromEmail": "noreply@acme.dev.ardamails.com",
        "Name": "Acme",
        "ReplyToEmail": "help@acme.com",
        "ReturnPathDomain": "pm-bounces.acme.dev.ardamails.com",
    }


def _found_domain(stub: StubServer, account: PostmarkAccount, **changes: object) -> MailDns:
    stub.reply(200, {"TotalCount": 1, "Domains": [{"ID": 36735, "Name": "Acme.dev.ardamails.com"}]})
    stub.reply(200, {**DOMAIN, **changes})
    domain = account.find_domain("acme.dev.ardamails.com")
    assert domain is not None
    return domain.dns


def test_the_pending_key_is_published_while_there_is_one(stub: StubServer, account: PostmarkAccount) -> None:
    assert _found_domain(stub, account, **ACTIVE).dkim_value == "k=rsa; p=pending"


@pytest.mark.parametrize("nothing", ["", None])
def test_the_active_key_is_published_when_none_is_pending(
    stub: StubServer, account: PostmarkAccount, nothing: object
) -> None:
    none_pending = dict.fromkeys(NO_PENDING, nothing)
    assert _found_domain(stub, account, **ACTIVE, **none_pending).dkim_value == "k=rsa; p=active"


@pytest.mark.parametrize(
    "missing", [NO_PENDING, {"ReturnPathDomain": ""}, {"ReturnPathDomainCNAMEValue": None}]
)
def test_a_domain_with_nothing_to_publish_is_for_a_person(
    stub: StubServer, account: PostmarkAccount, missing: dict[str, object]
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        _found_domain(stub, account, **missing)
    assert refused.value.code == "domain_incomplete"


def test_a_domain_that_went_away_while_we_looked_is_not_found(
    stub: StubServer, account: PostmarkAccount
) -> None:
    stub.reply(200, {"TotalCount": 1, "Domains": [{"ID": 36735, "Name": "acme.dev.ardamails.com"}]})
    stub.reply(422, {"ErrorCode": 510, "Message": "text"})
    assert account.find_domain("acme.dev.ardamails.com") is None


def test_a_check_makes_both_and_reads_the_flags_of_the_second(
    stub: StubServer, account: PostmarkAccount
) -> None:
    stub.reply(200, {**DOMAIN, "DKIMVerified": True})
    stub.reply(200, {**DOMAIN, "DKIMVerified": True, "ReturnPathDomainVerified": True})
    assert account.check_domain(36735).verified
    assert [(received.method, received.path) for received in stub.received] == [
        ("PUT", "/domains/36735/verifyDkim"),
        ("PUT", "/domains/36735/verifyReturnPath"),
    ]


def test_a_webhook_wants_four_events_without_content_and_carries_two_headers(
    stub: StubServer, account: PostmarkAccount
) -> None:
    stub.reply(200, {"ID": 8, "Url": SPEC.url})
    assert account.create_webhook("server-token", SPEC) == 8
    sent = stub.received[0].json()
    assert (sent["Url"], sent["MessageStream"]) == (SPEC.url, "outbound")
    assert sent["HttpHeaders"] == [
        {"Name": "Authorization", "Value": "Bearer key-1"},
        {"Name": "X-Email-Routing-Token", "Value": "routing-1"},
    ]
    enabled = {trigger for trigger, wanted in sent["Triggers"].items() if wanted["Enabled"]}
    assert enabled == {"Delivery", "Bounce", "SpamComplaint", "SubscriptionChange"}
    assert not any(wanted.get("IncludeContent") for wanted in sent["Triggers"].values())


def test_an_update_of_a_webhook_names_neither_id_nor_stream(
    stub: StubServer, account: PostmarkAccount
) -> None:
    stub.reply(200, {"ID": 8, "Url": SPEC.url})
    account.update_webhook("server-token", 8, SPEC)
    assert set(stub.received[0].json()) == {"Url", "HttpHeaders", "Triggers"}


def test_a_failed_verification_has_its_code_in_a_header_only(
    stub: StubServer, account: PostmarkAccount
) -> None:
    report = {"Success": False, "Message": "0/4 triggers verified successfully"}
    stub.reply(422, report, X_PM_ApiErrorCode="1364")
    with pytest.raises(ProviderUnavailable) as refused:
        account.create_webhook("server-token", SPEC)
    assert (refused.value.code, refused.value.message) == ("1364", "0/4 triggers verified successfully")


def _create_fails(stub: StubServer, account: PostmarkAccount) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        account.create_server("acme")
    assert len(stub.received) <= 1
    return raised.value


@pytest.mark.parametrize("status", [301, 408, 500, 502, 503, 504])
def test_a_create_that_may_have_happened_is_unknown(
    stub: StubServer, account: PostmarkAccount, status: int
) -> None:
    stub.reply(status, b"<html>")
    assert isinstance(_create_fails(stub, account), OutcomeUnknown)


@pytest.mark.parametrize("body", [b"<html>", [], {}, {"ID": 1}, {"ID": 1, "ApiTokens": [""]}])
def test_a_create_whose_answer_cannot_be_read_is_unknown(
    stub: StubServer, account: PostmarkAccount, body: object
) -> None:
    stub.reply(200, body)
    assert isinstance(_create_fails(stub, account), OutcomeUnknown)


def test_a_create_whose_answer_was_lost_is_unknown(stub: StubServer, account: PostmarkAccount) -> None:
    stub.hang_up()
    assert isinstance(_create_fails(stub, account), OutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "body"),
    [(429, b""), (503, {"ErrorCode": 100, "Message": "text"}), (403, b"<html>"), (404, b"")],
)
def test_a_create_that_was_turned_away_may_be_made_again(
    stub: StubServer, account: PostmarkAccount, status: int, body: object
) -> None:
    stub.reply(status, body, Retry_After="7")
    error = _create_fails(stub, account)
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after_seconds == 7.0


def test_a_create_that_never_left_us_may_be_made_again(stub: StubServer) -> None:
    stub.close()
    assert isinstance(_create_fails(stub, PostmarkAccount(stub.wire(), FreePace())), ProviderUnavailable)


@pytest.mark.parametrize(
    ("status", "code", "account_wide"),
    [
        (422, 603, False),
        (422, 608, False),
        (422, 614, True),
        (422, 1480, True),
        (401, 10, True),
        (422, 10, True),
    ],
)
def test_a_refused_create_says_whether_the_whole_account_is_refused(
    stub: StubServer, account: PostmarkAccount, status: int, code: int, account_wide: bool
) -> None:
    stub.reply(status, {"ErrorCode": code, "Message": "text"})
    error = _create_fails(stub, account)
    assert isinstance(error, ProviderRefused)
    assert (error.code, error.account_wide) == (str(code), account_wide)


@pytest.mark.parametrize("status", [408, 500, 502, 503])
def test_a_lookup_has_no_unknown_outcome(stub: StubServer, account: PostmarkAccount, status: int) -> None:
    stub.reply(status, b"<html>")
    with pytest.raises(ProviderUnavailable):
        account.find_server("acme")


@pytest.mark.parametrize("body", [b"<html>", [], {}])
def test_an_unreadable_list_is_never_an_empty_one(
    stub: StubServer, account: PostmarkAccount, body: object
) -> None:
    for _ in range(2):
        stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        account.find_server("acme")
    with pytest.raises(ProviderUnavailable):
        account.find_webhook("server-token", url="https://mail.example.com", stream="outbound")


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, {"ErrorCode": 0, "Message": "removed"}), (404, b""), (404, {"ErrorCode": 501, "Message": "text"})],
)
def test_a_deletion_of_what_is_gone_is_done(
    stub: StubServer, account: PostmarkAccount, status: int, body: object
) -> None:
    stub.reply(status, body)
    account.delete_signature(1)
    assert (stub.received[0].method, stub.received[0].path) == ("DELETE", "/senders/1")


def test_each_deletion_knows_its_own_code_for_what_is_gone(
    stub: StubServer, account: PostmarkAccount
) -> None:
    for code in (601, 501, 510, 1352):
        stub.reply(422, {"ErrorCode": code, "Message": "text"})
    account.delete_server(1)
    account.delete_signature(1)
    account.delete_domain(1)
    account.delete_webhook("server-token", 1)
    assert len(stub.received) == 4


def test_a_server_that_may_not_be_deleted_is_a_refusal(stub: StubServer, account: PostmarkAccount) -> None:
    stub.reply(422, {"ErrorCode": 604, "Message": "text"})
    with pytest.raises(ProviderRefused) as refused:
        account.delete_server(1)
    assert refused.value.code == "604"


def test_an_uncertain_deletion_may_be_made_again(stub: StubServer, account: PostmarkAccount) -> None:
    stub.hang_up()
    with pytest.raises(ProviderUnavailable):
        account.delete_server(1)


def test_no_error_shows_an_address(stub: StubServer, account: PostmarkAccount) -> None:
    stub.reply(422, {"ErrorCode": 504, "Message": "The signature person@example.com exists."})
    assert "person@example.com" not in str(_create_fails(stub, account))


def test_no_error_says_back_a_secret_that_was_shown(stub: StubServer, account: PostmarkAccount) -> None:
    """Its own token in any case, and of a webhook's headers our key and the routing token."""
    shown = ("account-token", "server-token", SPEC.bearer, SPEC.routing_token)
    quoting = {"ErrorCode": 403, "Message": f"Not allowed: {', '.join(shown)}."}
    for _ in range(3):
        stub.reply(422, quoting)
    with pytest.raises(ProviderRefused) as by_account:
        account.create_server("ardamails-dev-acme")
    with pytest.raises(ProviderRefused) as created:
        account.create_webhook("server-token", SPEC)
    with pytest.raises(ProviderRefused) as updated:
        account.update_webhook("server-token", 1, SPEC)
    assert by_account.value.message == "Not allowed: <redacted>, server-token, key-1, routing-1."
    for refused in (created, updated):
        assert refused.value.message == "Not allowed: account-token, <redacted>, <redacted>, <redacted>."
