"""postmarker as it is on PyPI, given nothing but another base URL."""

import pytest
from postmarker.exceptions import ClientError

from tests.integration.sandbox.postmark_fixtures import (
    SENDER,
    SENDING_DOMAIN,
    Postmark,
    Receiver,
    Server,
    message,
)


def test_postmarker_sends_and_finds_a_message(postmark: Postmark, server: Server) -> None:
    client = postmark.client(server.token)
    sent = client.emails.send(
        From=SENDER,
        To=["a@x.example", "b@x.example"],
        Subject="Hi",
        HtmlBody="<b>hi</b>",
        Metadata={"job": "1"},
    )
    assert (sent["ErrorCode"], sent["To"]) == (0, "a@x.example,b@x.example")
    found = client.messages.outbound.get(sent["MessageID"])
    assert (found.Subject, found.Recipients) == ("Hi", ["a@x.example", "b@x.example"])
    assert "<b>hi</b>" in found.get_dump()
    assert [row.MessageID for row in client.messages.outbound.all(recipient="a@x.example")] == [
        sent["MessageID"]
    ]


def test_postmarker_sends_a_batch_over_500_in_parts(postmark: Postmark, server: Server) -> None:
    items = [message(f"p{number}@x.example") for number in range(501)]
    results = postmark.client(server.token).emails.send_batch(*items)
    assert [result["To"] for result in results] == [item["To"] for item in items]
    assert len(postmark.client(server.token).messages.outbound.all(count=600)) == 501


def test_postmarker_raises_the_code_of_a_refusal(postmark: Postmark, server: Server) -> None:
    with pytest.raises(ClientError) as refused:
        postmark.client(server.token).emails.send(From="x@stranger.example", To="a@x.example", TextBody="x")
    assert refused.value.error_code == 400
    with pytest.raises(ClientError) as unauthorized:
        postmark.client("wrong").server.get()
    assert unauthorized.value.error_code == 10


def test_postmarker_reads_and_activates_bounces(postmark: Postmark, server: Server) -> None:
    client = postmark.client(server.token)
    client.emails.send(From=SENDER, To="HardBounce@bounce-testing.postmarkapp.com", TextBody="x", Tag="t")
    postmark.advance(60)
    (bounce,) = client.bounces.all()
    assert (bounce.Type, bounce.Inactive, client.bounces.tags) == ("HardBounce", True, ["t"])
    assert "simulated" in bounce.dump
    assert bounce.message.MessageID == bounce.MessageID
    assert bounce.activate() == "OK"
    assert client.bounces.get(bounce.ID).Inactive is False
    assert client.bounces.deliverystats["Bounces"][0]["Count"] == 1


def test_postmarker_walks_a_domain_through_verification(postmark: Postmark) -> None:
    client = postmark.client("unused")
    domain = client.domains.create(Name=SENDING_DOMAIN, ReturnPathDomain=f"pm.{SENDING_DOMAIN}")
    records = [
        {"name": domain.DKIMPendingHost, "type": "TXT", "value": f'"{domain.DKIMPendingTextValue}"'},
        {"name": domain.ReturnPathDomain, "type": "CNAME", "value": domain.ReturnPathDomainCNAMEValue},
    ]
    postmark.control("PUT", "/dns", {"records": records})
    assert domain.verifydkim()["DKIMVerified"] is True
    assert domain.verifyreturnpath()["ReturnPathDomainVerified"] is True
    assert domain.verifyspf()["SPFVerified"] is True
    assert domain.rotatedkim()["DKIMUpdateStatus"] == "Pending"
    assert [row.Name for row in client.domains.all()] == [SENDING_DOMAIN]
    assert domain.delete() == f"Domain {SENDING_DOMAIN} removed."


def test_postmarker_manages_signatures(postmark: Postmark) -> None:
    client = postmark.client("unused")
    signature = client.senders.create(FromEmail=SENDER, Name="Acme")
    signature.edit(Name="Acme Ltd")
    assert client.senders.get(signature.ID).Name == "Acme Ltd"
    assert [row.EmailAddress for row in client.senders.all()] == [SENDER]
    assert "re-sent" in signature.resend()
    assert signature.delete() == f"Signature {SENDER} removed."


def test_postmarker_edits_its_server_and_reads_opens(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    client = postmark.client(server.token)
    own = client.server.get()
    own.edit(Name="renamed", TrackOpens=True)
    assert client.server.get().Name == "renamed"
    sent = client.emails.send(From=SENDER, To="a@x.example", TextBody="x")
    postmark.control("POST", "/events", {"message_id": sent["MessageID"], "type": "Open"})
    opens = client.messages.outbound.opens.all()
    assert [row.MessageID for row in opens] == [sent["MessageID"]]
