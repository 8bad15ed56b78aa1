"""What Route 53 says when it does not do as asked. The rest is in the contract."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.stub import Stubber

from shared.domain.dns import DnsRecord
from shared.domain.errors import InvalidValue, ProviderRefused, ProviderUnavailable
from shared.gateways.route53.client import make_route53_client
from shared.gateways.route53.zone import Route53Zone
from tests.fakes.aws import answer
from tests.fakes.pace import FreePace

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

NAME = "pm-bounces.acme.dev.ardamails.com"
RECORD = DnsRecord(NAME, "CNAME", "pm.mtasv.net")
CHANGED = {
    "ChangeInfo": {"Id": "/change/C1", "Status": "PENDING", "SubmittedAt": "2026-11-02T09:00:00Z"},
}


def _listing(*records: dict[str, Any]) -> dict[str, Any]:
    return {"ResourceRecordSets": list(records), "IsTruncated": False, "MaxItems": "1"}


def _record_set(name: str, type: str, *values: str, ttl: int = 300) -> dict[str, Any]:
    return {"Name": name, "Type": type, "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}


@pytest.fixture
def client() -> Iterator["Route53Client"]:
    config = Config(retries={"total_max_attempts": 1})
    made = boto3.client(
        "route53", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x", config=config
    )
    yield made
    made.close()


@pytest.fixture
def route53(client: "Route53Client") -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def zone(client: "Route53Client") -> Route53Zone:
    return Route53Zone(client, zone_id="Z1", zone_name="dev.ardamails.com.", pace=FreePace())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("Throttling", 400),
        ("PriorRequestNotComplete", 400),
        ("InternalFailure", 500),
        ("ServiceUnavailable", 503),
    ],
)
def test_throttling_and_faults_of_the_service_may_be_tried_again(
    zone: Route53Zone, route53: Stubber, code: str, status: int
) -> None:
    route53.add_client_error("change_resource_record_sets", code, "text", status)
    with pytest.raises(ProviderUnavailable) as unavailable:
        zone.upsert([RECORD])
    assert unavailable.value.code == code


@pytest.mark.parametrize(
    ("code", "status"), [("AccessDenied", 403), ("NoSuchHostedZone", 404), ("InvalidInput", 400)]
)
def test_what_would_be_refused_again_is_a_refusal(
    zone: Route53Zone, route53: Stubber, code: str, status: int
) -> None:
    route53.add_client_error("change_resource_record_sets", code, "text", status)
    with pytest.raises(ProviderRefused) as refused:
        zone.upsert([RECORD])
    assert refused.value.code == code


def test_no_connection_may_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    client = make_route53_client("http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable):
        Route53Zone(client, zone_id="Z1", zone_name="dev.ardamails.com", pace=FreePace()).find(NAME, "CNAME")
    client.close()


def test_an_answer_that_is_no_xml_may_be_tried_again_and_is_not_shown(
    client: "Route53Client", zone: Route53Zone
) -> None:
    for call in ("ListResourceRecordSets", "ChangeResourceRecordSets"):
        client.meta.events.register(f"before-send.route53.{call}", _sign_in_page)
    asked: list[Callable[[], object]] = [lambda: zone.find(NAME, "CNAME"), lambda: zone.upsert([RECORD])]
    for ask in asked:
        with pytest.raises(ProviderUnavailable) as unavailable:
            ask()
        assert unavailable.value.code == "unreadable"
        assert "Sign in" not in str(unavailable.value)
        assert unavailable.value.__cause__ is None


def _sign_in_page(request: AWSRequest, **_: Any) -> Any:
    return answer(str(request.url), 200, b"<html><p>Sign in<br></html>")


def test_a_deletion_names_the_record_set_as_it_is(zone: Route53Zone, route53: Stubber) -> None:
    found = _record_set(f"{NAME}.", "CNAME", "elsewhere.example.com", ttl=60)
    route53.add_response("list_resource_record_sets", _listing(found))
    route53.add_response(
        "change_resource_record_sets",
        CHANGED,
        {
            "HostedZoneId": "Z1",
            "ChangeBatch": {"Changes": [{"Action": "DELETE", "ResourceRecordSet": found}]},
        },
    )
    zone.delete([(NAME, "CNAME")])


def test_a_record_that_went_away_while_we_looked_is_deleted(zone: Route53Zone, route53: Stubber) -> None:
    route53.add_response(
        "list_resource_record_sets", _listing(_record_set(f"{NAME}.", "CNAME", "pm.mtasv.net"))
    )
    route53.add_client_error("change_resource_record_sets", "InvalidChangeBatch", "but it was not found", 400)
    route53.add_response(
        "list_resource_record_sets", _listing(_record_set("zzz.dev.ardamails.com.", "TXT", '"x"'))
    )
    zone.delete([(NAME, "CNAME")])


def test_a_record_that_keeps_changing_is_given_up_in_the_end(zone: Route53Zone, route53: Stubber) -> None:
    for _ in range(3):
        found = _record_set(f"{NAME}.", "CNAME", "pm.mtasv.net")
        route53.add_response("list_resource_record_sets", _listing(found))
        route53.add_client_error("change_resource_record_sets", "InvalidChangeBatch", "text", 400)
    with pytest.raises(ProviderRefused):
        zone.delete([(NAME, "CNAME")])


@pytest.mark.parametrize(
    ("stored", "plain"),
    [
        (['"one" "two"'], "onetwo"),
        ([r'"a \"quoted\" \\ thing"'], 'a "quoted" \\ thing'),
        ([r'"tab\011end"'], "tab\tend"),
        (["bare"], "bare"),
        (['"one"', '"two"'], "one\ntwo"),
    ],
)
def test_stored_texts_are_read_as_plain_text(
    zone: Route53Zone, route53: Stubber, stored: list[str], plain: str
) -> None:
    route53.add_response("list_resource_record_sets", _listing(_record_set(f"{NAME}.", "TXT", *stored)))
    found = zone.find(NAME, "TXT")
    assert found is not None
    assert found.value == plain


def test_a_text_that_is_not_ascii_is_refused_before_any_call(zone: Route53Zone, route53: Stubber) -> None:
    with pytest.raises(InvalidValue):
        zone.upsert([DnsRecord(NAME, "TXT", "Grüße")])
