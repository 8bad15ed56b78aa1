"""Servers, signatures, domains and tokens of the simulated account."""

import pytest

from tests.integration.sandbox.postmark_fixtures import SENDING_DOMAIN, Postmark, Server, codes


def test_a_missing_token_is_refused_before_the_body_is_read(postmark: Postmark) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = postmark.session.post(f"{postmark.url}/email", data="{not json", headers=headers, timeout=10)
    assert codes(answer) == (401, 10)
    assert answer.json()["Message"] == "Request does not contain a valid Server token."


def test_a_token_of_the_other_kind_is_refused(postmark: Postmark, server: Server) -> None:
    as_account = postmark.call("GET", "/server", {"X-Postmark-Server-Token": postmark.account_token})
    assert codes(as_account) == (401, 10)
    as_server = postmark.call(
        "GET", "/servers", {"X-Postmark-Account-Token": server.token}, count=1, offset=0
    )
    assert as_server.json()["Message"] == "Request does not contain a valid Account token."


def test_header_names_and_token_values_count_in_any_letter_case(postmark: Postmark, server: Server) -> None:
    answer = postmark.call("GET", "/server", {"x-postmark-SERVER-token": server.token.upper()})
    assert answer.json()["ID"] == server.id


def test_a_wrong_method_is_answered_before_the_token_is_looked_at(postmark: Postmark) -> None:
    answer = postmark.call("GET", "/email", {})
    assert (answer.status_code, answer.content) == (405, b"")


def test_paths_match_without_regard_to_case_and_a_final_slash(postmark: Postmark) -> None:
    domain = postmark.new_domain()
    assert postmark.account("PUT", f"/Domains/{domain['ID']}/verifydkim/").json()["DKIMVerified"] is False


def test_a_call_without_content_headers_is_415(postmark: Postmark) -> None:
    headers = {"X-Postmark-Account-Token": postmark.account_token}
    answer = postmark.session.post(f"{postmark.url}/servers", data="Name=x", headers=headers, timeout=10)
    assert codes(answer) == (415, 409)


def test_a_new_server_has_its_token_and_the_three_streams(postmark: Postmark) -> None:
    server = postmark.new_server("fresh", Color="red")
    streams = server.call("GET", "/message-streams").json()
    kinds = {stream["ID"]: stream["MessageStreamType"] for stream in streams["MessageStreams"]}
    assert kinds == {"outbound": "Transactional", "inbound": "Inbound", "broadcast": "Broadcasts"}
    assert server.call("GET", "/server").json()["Color"] == "red"


def test_servers_are_found_by_part_of_the_name_and_paged(postmark: Postmark) -> None:
    for name in ("alpha-one", "alpha-two", "beta"):
        postmark.new_server(name)
    page = postmark.account("GET", "/servers", count=1, offset=1, name="ALPHA").json()
    assert page["TotalCount"] == 2
    assert [row["Name"] for row in page["Servers"]] == ["alpha-two"]
    assert codes(postmark.account("GET", "/servers", count=501, offset=0)) == (422, 600)
    assert codes(postmark.account("GET", "/servers")) == (422, 600)


def test_a_server_name_is_unique_until_it_is_given_up(postmark: Postmark) -> None:
    server = postmark.new_server("taken")
    assert codes(postmark.account("POST", "/servers", {"Name": "Taken"})) == (422, 603)
    postmark.account("PUT", f"/servers/{server.id}", {"Name": "renamed"})
    assert postmark.account("POST", "/servers", {"Name": "taken"}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Name": ""}, 608),
        ({"Name": "x", "Color": "Mauve"}, 607),
        ({"Name": "x", "InboundSpamThreshold": 7}, 611),
        ({"Name": "x", "TrackLinks": "Some"}, 612),
        ({"Name": "x", "DeliveryType": "Later"}, 613),
        ({"Name": "x", "InboundHookUrl": "nonsense"}, 606),
    ],
)
def test_a_server_with_bad_fields_is_refused(
    postmark: Postmark, fields: dict[str, object], code: int
) -> None:
    assert codes(postmark.account("POST", "/servers", fields)) == (422, code)


def test_keys_of_a_request_count_in_any_letter_case(postmark: Postmark) -> None:
    made = postmark.account("POST", "/servers", {"name": "camel", "trackOpens": True}).json()
    assert (made["Name"], made["TrackOpens"]) == ("camel", True)


def test_the_delivery_type_of_a_server_cannot_change(postmark: Postmark) -> None:
    server = postmark.new_server(DeliveryType="Sandbox")
    assert codes(server.call("PUT", "/server", {"DeliveryType": "Live"})) == (422, 615)


def test_a_server_is_deleted_only_after_support_allowed_it(postmark: Postmark) -> None:
    server = postmark.new_server("doomed")
    assert codes(postmark.account("DELETE", f"/servers/{server.id}")) == (422, 604)
    postmark.control("POST", f"/servers/{server.id}/allow-delete")
    gone = postmark.account("DELETE", f"/servers/{server.id}").json()
    assert gone == {"ErrorCode": 0, "Message": "Server doomed removed."}
    assert codes(postmark.account("GET", f"/servers/{server.id}")) == (422, 601)
    assert codes(server.call("GET", "/server")) == (401, 10)


def test_a_replaced_token_is_worth_nothing(postmark: Postmark) -> None:
    server = postmark.new_server()
    fresh = postmark.control("POST", f"/servers/{server.id}/replace-token")["ApiTokens"][0]
    assert codes(server.call("GET", "/server")) == (401, 10)
    assert Server(postmark, server.id, fresh).call("GET", "/server").status_code == 200


def test_dkim_becomes_active_when_the_pending_record_is_found(postmark: Postmark) -> None:
    domain = postmark.new_domain()
    assert (domain["DKIMHost"], domain["DKIMUpdateStatus"]) == ("", "Pending")
    record = {"name": f"{domain['DKIMPendingHost'].upper()}.", "type": "TXT"}
    postmark.control("POST", "/dns", {**record, "value": f'"{domain["DKIMPendingTextValue"]}"'})
    verified = postmark.account("PUT", f"/domains/{domain['ID']}/verifyDkim").json()
    assert verified["DKIMHost"] == domain["DKIMPendingHost"]
    assert verified["DKIMTextValue"] == domain["DKIMPendingTextValue"]
    assert (verified["DKIMPendingHost"], verified["DKIMVerified"]) == ("", True)


def test_an_unquoted_txt_value_does_not_verify(postmark: Postmark) -> None:
    domain = postmark.new_domain()
    record = {"name": domain["DKIMPendingHost"], "type": "TXT", "value": domain["DKIMPendingTextValue"]}
    postmark.control("POST", "/dns", record)
    assert postmark.account("PUT", f"/domains/{domain['ID']}/verifyDkim").json()["DKIMVerified"] is False


def test_a_long_key_verifies_only_when_split_into_strings_of_255_bytes(postmark: Postmark) -> None:
    postmark.control("PATCH", "/settings", {"dkim_key_bits": 2048})
    domain = postmark.new_domain()
    host, value, check = (
        domain["DKIMPendingHost"],
        domain["DKIMPendingTextValue"],
        f"/domains/{domain['ID']}/verifyDkim",
    )
    assert len(value) > 255
    postmark.control("PUT", "/dns", {"records": [{"name": host, "type": "TXT", "value": f'"{value}"'}]})
    assert postmark.account("PUT", check).json()["DKIMVerified"] is False
    split = f'"{value[:255]}" "{value[255:]}"'
    postmark.control("PUT", "/dns", {"records": [{"name": host, "type": "TXT", "value": split}]})
    assert postmark.account("PUT", check).json()["DKIMVerified"] is True


def test_dkim_stays_verified_when_the_record_is_removed(postmark: Postmark) -> None:
    domain = postmark.verified_domain()
    postmark.control("PUT", "/dns", {"records": []})
    assert postmark.account("PUT", f"/domains/{domain['ID']}/verifyDkim").json()["DKIMVerified"] is True


def test_rotation_keeps_the_old_key_until_the_new_one_is_found(postmark: Postmark) -> None:
    domain = postmark.verified_domain()
    rotating = postmark.account("POST", f"/domains/{domain['ID']}/rotatedkim").json()
    assert (rotating["DKIMHost"], rotating["DKIMVerified"]) == (domain["DKIMHost"], True)
    assert rotating["DKIMPendingHost"] != domain["DKIMHost"]
    again = postmark.account("POST", f"/domains/{domain['ID']}/rotatedkim")
    assert again.json() == {"ErrorCode": 505, "Message": "This DKIM is already being renewed."}
    value = f'"{rotating["DKIMPendingTextValue"]}"'
    postmark.control("POST", "/dns", {"name": rotating["DKIMPendingHost"], "type": "TXT", "value": value})
    rotated = postmark.account("PUT", f"/domains/{domain['ID']}/verifyDkim").json()
    assert rotated["DKIMHost"] == rotating["DKIMPendingHost"]
    assert rotated["DKIMRevokedHost"] == domain["DKIMHost"]


def test_the_return_path_verifies_by_its_cname(postmark: Postmark) -> None:
    domain = postmark.new_domain()
    check = f"/domains/{domain['ID']}/verifyReturnPath"
    record = {"name": f"pm-bounces.{SENDING_DOMAIN}", "type": "CNAME"}
    postmark.control("PUT", "/dns", {"records": [{**record, "value": "elsewhere.example"}]})
    assert postmark.account("PUT", check).json()["ReturnPathDomainVerified"] is False
    postmark.control("PUT", "/dns", {"records": [{**record, "value": "pm.mtasv.net."}]})
    assert postmark.account("PUT", check).json()["ReturnPathDomainVerified"] is True


def test_a_domain_that_exists_is_refused_without_its_id(postmark: Postmark) -> None:
    postmark.new_domain()
    answer = postmark.account("POST", "/domains", {"Name": SENDING_DOMAIN.upper()})
    assert codes(answer) == (422, 512)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 514),
        ({"Name": "x." * 200 + "example"}, 515),
        ({"Name": "no dots"}, 516),
        ({"Name": "gmail.com"}, 503),
        ({"Name": "a.example", "ReturnPathDomain": "pm.b.example"}, 511),
    ],
)
def test_a_bad_domain_is_refused(postmark: Postmark, fields: dict[str, object], code: int) -> None:
    assert codes(postmark.account("POST", "/domains", fields)) == (422, code)


def test_a_signature_shares_the_key_of_its_domain_but_not_its_id(postmark: Postmark) -> None:
    made = postmark.account(
        "POST",
        "/senders",
        {"FromEmail": "a@shared.example", "Name": "A", "ReturnPathDomain": "pm.shared.example"},
    ).json()
    domains = postmark.account("GET", "/domains", count=10, offset=0).json()["Domains"]
    domain = postmark.account("GET", f"/domains/{domains[0]['ID']}").json()
    assert made["DKIMPendingTextValue"] == domain["DKIMPendingTextValue"]
    assert (made["ReturnPathDomain"], domain["ReturnPathDomain"]) == (
        "pm.shared.example",
        "pm.shared.example",
    )
    assert made["ID"] != domain["ID"]
    second = postmark.account("POST", "/senders", {"FromEmail": "b@shared.example", "Name": "B"}).json()
    assert second["DKIMPendingHost"] == made["DKIMPendingHost"]


def test_signatures_are_listed_in_short_rows(postmark: Postmark) -> None:
    postmark.account("POST", "/senders", {"FromEmail": "a@shared.example", "Name": "A"})
    page = postmark.account("GET", "/senders", count=5, offset=0).json()
    assert page["TotalCount"] == 1
    row = {"Domain", "EmailAddress", "ReplyToEmailAddress", "Name", "Confirmed", "ID"}
    assert set(page["SenderSignatures"][0]) == row


def test_only_the_control_confirms_a_signature(postmark: Postmark) -> None:
    made = postmark.account("POST", "/senders", {"FromEmail": "a@shared.example", "Name": "A"}).json()
    path = f"/senders/{made['ID']}"
    resent = postmark.account("POST", f"{path}/resend").json()["Message"]
    assert resent == "Confirmation email for Sender Signature a@shared.example was re-sent."
    assert postmark.account("GET", path).json()["Confirmed"] is False
    postmark.control("POST", f"/signatures/{made['ID']}/confirm")
    assert postmark.account("GET", path).json()["Confirmed"] is True
    assert codes(postmark.account("POST", f"{path}/resend")) == (422, 506)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Name": "A"}, 520),
        ({"FromEmail": "a@x.example"}, 520),
        ({"FromEmail": "nonsense", "Name": "A"}, 522),
        ({"FromEmail": "a@gmail.com", "Name": "A"}, 503),
        ({"FromEmail": "a@x.example", "Name": "A", "ConfirmationPersonalNote": "x" * 401}, 521),
        ({"FromEmail": "taken@x.example", "Name": "A"}, 504),
    ],
)
def test_a_bad_signature_is_refused(postmark: Postmark, fields: dict[str, object], code: int) -> None:
    postmark.account("POST", "/senders", {"FromEmail": "taken@x.example", "Name": "A"})
    assert codes(postmark.account("POST", "/senders", fields)) == (422, code)


def test_a_deleted_signature_and_domain_are_gone(postmark: Postmark) -> None:
    made = postmark.account("POST", "/senders", {"FromEmail": "a@shared.example", "Name": "A"}).json()
    removed = postmark.account("DELETE", f"/senders/{made['ID']}").json()
    assert removed == {"ErrorCode": 0, "Message": "Signature a@shared.example removed."}
    assert codes(postmark.account("GET", f"/senders/{made['ID']}")) == (404, 501)
    domain = postmark.account("GET", "/domains", count=10, offset=0).json()["Domains"][0]
    assert (
        postmark.account("DELETE", f"/domains/{domain['ID']}").json()["Message"]
        == "Domain shared.example removed."
    )
    assert codes(postmark.account("GET", f"/domains/{domain['ID']}")) == (422, 510)
