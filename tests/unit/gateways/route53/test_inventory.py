"""What is asked of Route 53 page by page, and which answers cannot be read. The rest is in the contract."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from shared.domain.dns import DnsRecord
from shared.domain.errors import Conflict, OutOfTurn, ProviderError, ProviderRefused, ProviderUnavailable
from shared.gateways.route53.client import make_route53_client
from shared.gateways.route53.inventory import Route53Inventory
from shared.ports.lease import looked_after
from tests.fakes.aws import answer
from tests.fakes.pace import FreePace

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

ZONE = "dev.ardamails.com"
LIST = "list_resource_record_sets"


@pytest.fixture
def client() -> Iterator["Route53Client"]:
    made = boto3.client("route53", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    yield made
    made.close()


@pytest.fixture
def route53(client: "Route53Client") -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def pace() -> FreePace:
    return FreePace()


@pytest.fixture
def inventory(client: "Route53Client", pace: FreePace) -> Route53Inventory:
    return Route53Inventory(client, "Z1", pace)


def _txt(name: str, *values: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "TXT",
        "TTL": 300,
        "ResourceRecords": [{"Value": v} for v in values],
        **more,
    }


def _page(*rows: dict[str, Any], **following: str) -> dict[str, Any]:
    return {"ResourceRecordSets": list(rows), "IsTruncated": bool(following), "MaxItems": "300", **following}


def _asks(**start: str) -> dict[str, Any]:
    return {"HostedZoneId": "Z1", "MaxItems": "300", **start}


def _listed(inventory: Route53Inventory) -> list[DnsRecord]:
    return [record for page in inventory.record_pages() for record in page]


def _list_fails(inventory: Route53Inventory) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        _listed(inventory)
    return raised.value


def test_each_page_begins_where_the_last_one_says_word_for_word(
    inventory: Route53Inventory, route53: Stubber, pace: FreePace
) -> None:
    weighted = {"SetIdentifier": "one", "Weight": 1}
    follows = {"NextRecordName": f"\\052.{ZONE}.", "NextRecordType": "TXT"}
    route53.add_response(LIST, _page(_txt(f"*.{ZONE}.", '"1"', **weighted), **follows), _asks())
    route53.add_response(
        LIST,
        _page(_txt(f"\\052.{ZONE}.", '"2"'), **follows, NextRecordIdentifier="two"),
        _asks(StartRecordName=f"\\052.{ZONE}.", StartRecordType="TXT"),
    )
    route53.add_response(
        LIST,
        _page(_txt(f"a.{ZONE}.", '"3"')),
        _asks(StartRecordName=f"\\052.{ZONE}.", StartRecordType="TXT", StartRecordIdentifier="two"),
    )
    assert [record.value for record in _listed(inventory)] == ["1", "2", "3"]
    assert pace.kept == 3


def test_no_page_is_asked_for_before_it_is_wanted(
    inventory: Route53Inventory, route53: Stubber, pace: FreePace
) -> None:
    pages = inventory.record_pages()
    assert pace.kept == 0
    route53.add_response(LIST, _page(NextRecordName=f"a.{ZONE}.", NextRecordType="TXT"))
    assert list(next(pages)) == []
    assert pace.kept == 1


@pytest.mark.parametrize(
    ("listed", "plain"),
    [
        (f"\\052.{ZONE}.", f"*.{ZONE}"),
        (f"a\\100b.{ZONE}.", f"a@b.{ZONE}"),
        (f"_dmarc.Acme.{ZONE}.", f"_dmarc.acme.{ZONE}"),
        # Another name than `a.b`, which has a label more.
        (f"a\\056b.{ZONE}.", f"a\\056b.{ZONE}"),
        (f"a\\134056b.{ZONE}.", f"a\\134056b.{ZONE}"),
        (f"\\303\\274.{ZONE}.", f"\\303\\274.{ZONE}"),
        (f"a\\012b.{ZONE}.", f"a\\012b.{ZONE}"),
    ],
)
def test_an_escaped_name_is_read_where_that_makes_no_other_name_of_it(
    inventory: Route53Inventory, route53: Stubber, listed: str, plain: str
) -> None:
    route53.add_response(LIST, _page(_txt(listed, '"x"')))
    assert _listed(inventory) == [DnsRecord(plain, "TXT", "x", 300)]


@pytest.mark.parametrize(
    ("row", "record"),
    [
        (
            _txt(f"a.{ZONE}.", '"' + "A" * 255 + '" "' + "B" * 255 + '" "C"'),
            DnsRecord(f"a.{ZONE}", "TXT", "A" * 255 + "B" * 255 + "C", 300),
        ),
        (_txt(f"a.{ZONE}.", '""'), DnsRecord(f"a.{ZONE}", "TXT", "", 300)),
        (_txt(f"a.{ZONE}.", '"one"', '"two"'), DnsRecord(f"a.{ZONE}", "TXT", "one\ntwo", 300)),
        (_txt(f"a.{ZONE}.", r'"\"a\\b\011"'), DnsRecord(f"a.{ZONE}", "TXT", '"a\\b\t', 300)),
        (
            {
                "Name": f"a.{ZONE}.",
                "Type": "CNAME",
                "TTL": 60,
                "ResourceRecords": [{"Value": "b.example.com."}],
            },
            DnsRecord(f"a.{ZONE}", "CNAME", "b.example.com", 60),
        ),
        (
            {
                "Name": f"a.{ZONE}.",
                "Type": "MX",
                "TTL": 60,
                "ResourceRecords": [{"Value": "10 a.example.com."}, {"Value": "20 b.example.com."}],
            },
            DnsRecord(f"a.{ZONE}", "MX", "", 60),
        ),
        (
            {
                "Name": f"a.{ZONE}.",
                "Type": "CNAME",
                "AliasTarget": {
                    "HostedZoneId": "Z2",
                    "DNSName": "b.example.com.",
                    "EvaluateTargetHealth": False,
                },
            },
            DnsRecord(f"a.{ZONE}", "CNAME", "", 0),
        ),
    ],
)
def test_a_record_set_is_read_as_a_plain_record(
    inventory: Route53Inventory, route53: Stubber, row: dict[str, Any], record: DnsRecord
) -> None:
    route53.add_response(LIST, _page(row))
    assert _listed(inventory) == [record]


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("Throttling", 400, ProviderUnavailable),
        ("ServiceUnavailable", 503, ProviderUnavailable),
        ("AccessDenied", 403, ProviderRefused),
        ("NoSuchHostedZone", 404, ProviderRefused),
    ],
)
def test_a_later_page_that_fails_ends_the_listing_with_an_error(
    inventory: Route53Inventory, route53: Stubber, code: str, status: int, error: type[ProviderError]
) -> None:
    route53.add_response(
        LIST, _page(_txt(f"a.{ZONE}.", '"x"'), NextRecordName=f"b.{ZONE}.", NextRecordType="TXT")
    )
    route53.add_client_error(LIST, code, "text", status)
    raised = _list_fails(inventory)
    assert (type(raised), raised.code) == (error, code)


def test_no_connection_may_be_tried_again(monkeypatch: pytest.MonkeyPatch, pace: FreePace) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    client = make_route53_client("http://127.0.0.1:9")
    assert isinstance(_list_fails(Route53Inventory(client, "Z1", pace)), ProviderUnavailable)
    client.close()


def test_a_page_that_leads_back_to_itself_cannot_be_read(
    inventory: Route53Inventory, route53: Stubber
) -> None:
    """As where weighted record sets of one name fill more than a page and are not told apart."""
    follows = {"NextRecordName": f"a.{ZONE}.", "NextRecordType": "TXT"}
    for _ in range(2):
        route53.add_response(LIST, _page(_txt(f"a.{ZONE}.", '"x"'), **follows))
    raised = _list_fails(inventory)
    assert isinstance(raised, ProviderUnavailable)
    assert raised.code == "unreadable"


@pytest.mark.parametrize("following", [{}, {"NextRecordType": "TXT"}, {"NextRecordIdentifier": "one"}])
def test_a_page_that_is_not_the_last_and_does_not_name_the_next_cannot_be_read(
    inventory: Route53Inventory, route53: Stubber, following: dict[str, str]
) -> None:
    route53.add_response(LIST, {**_page(_txt(f"a.{ZONE}.", '"x"')), **following, "IsTruncated": True})
    raised = _list_fails(inventory)
    assert isinstance(raised, ProviderUnavailable)
    assert raised.code == "unreadable"


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Sign in</body></html>",
        b"<ListResourceRecordSetsResponse/>",
        b"<ListResourceRecordSetsResponse><IsTruncated>false</IsTruncated></ListResourceRecordSetsResponse>",
        b"<ListResourceRecordSetsResponse><ResourceRecordSets/></ListResourceRecordSetsResponse>",
        b"<ListResourceRecordSetsResponse><IsTruncated>false</IsTruncated><ResourceRecordSets><ResourceRecordSet>"
        b"<Type>TXT</Type></ResourceRecordSet></ResourceRecordSets></ListResourceRecordSetsResponse>",
        b"not XML",
        b"",
    ],
)
def test_an_answer_that_is_no_list_is_never_an_empty_zone(
    client: "Route53Client", inventory: Route53Inventory, body: bytes
) -> None:
    client.meta.events.register("before-send.route53.ListResourceRecordSets", _answer_of(body))
    assert isinstance(_list_fails(inventory), ProviderUnavailable)


def _answer_of(body: bytes) -> Any:
    return lambda request, **_: answer(str(request.url), 200, body)


def test_nothing_is_asked_out_of_turn(inventory: Route53Inventory, route53: Stubber, pace: FreePace) -> None:
    pace.busy_for_seconds = 3.0
    assert isinstance(_list_fails(inventory), OutOfTurn)


def test_nothing_is_asked_when_the_look_at_the_lease_says_no(
    inventory: Route53Inventory, route53: Stubber
) -> None:
    def lost() -> None:
        raise Conflict("the lease is another's")

    with looked_after(lost), pytest.raises(Conflict):
        _listed(inventory)
