"""The stand-in lists record sets as Route 53 documents it: its order, its pages, its spelling of names."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from sandbox import aws_server

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

ZONE = "dev.ardamails.com."


@pytest.fixture(scope="module")
def client() -> Iterator["Route53Client"]:
    aws_server.install()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox", "region_name": "us-east-1"}
    made = boto3.client("route53", endpoint_url=f"http://{host}:{port}", **keys)  # type: ignore[call-overload]
    yield made
    made.close()
    server.stop()


@pytest.fixture
def zone_id(client: "Route53Client") -> str:
    return client.create_hosted_zone(Name=ZONE, CallerReference="test")["HostedZone"]["Id"]


def _write(client: "Route53Client", zone_id: str, *record_sets: dict[str, Any]) -> None:
    changes: Any = [{"Action": "UPSERT", "ResourceRecordSet": found} for found in record_sets]
    client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})


def _txt(name: str, text: str = "x", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": f'"{text}"'}], **more}


def _weighted(name: str, identifier: str) -> dict[str, Any]:
    return _txt(name, identifier, SetIdentifier=identifier, Weight=1)


def _list(client: "Route53Client", zone_id: str, **asked: Any) -> dict[str, Any]:
    return dict(client.list_resource_record_sets(HostedZoneId=zone_id, **asked))


def _names(page: dict[str, Any]) -> list[str]:
    return [row["Name"].removesuffix(ZONE).rstrip(".") for row in page["ResourceRecordSets"]]


def _walk(client: "Route53Client", zone_id: str, **asked: Any) -> list[dict[str, Any]]:
    """All pages, as the API's documentation says to ask for the next."""
    pages = [_list(client, zone_id, **asked)]
    while pages[-1]["IsTruncated"]:
        assert len(pages) < 1000
        last = pages[-1]
        start = {"StartRecordName": last["NextRecordName"], "StartRecordType": last["NextRecordType"]}
        if "NextRecordIdentifier" in last:
            start["StartRecordIdentifier"] = last["NextRecordIdentifier"]
        pages.append(_list(client, zone_id, **{**asked, **start}))
    return pages


def test_a_new_zone_has_its_two_records_in_one_page(client: "Route53Client", zone_id: str) -> None:
    page = _list(client, zone_id)
    assert [row["Type"] for row in page["ResourceRecordSets"]] == ["NS", "SOA"]
    assert (page["IsTruncated"], page["MaxItems"]) == (False, "300")
    assert not {"NextRecordName", "NextRecordType", "NextRecordIdentifier"} & page.keys()


def test_names_are_sorted_by_reversed_labels_with_a_dot_after_the_last(
    client: "Route53Client", zone_id: str
) -> None:
    """A hyphen comes before the dot, so `a-b` comes before `a`, and all that is under `a` right after it."""
    _write(
        client, zone_id, *(_txt(f"{name}.{ZONE}") for name in ("b", "a", "x.a", "a-b", "a0", "*", "_dmarc"))
    )
    assert _names(_list(client, zone_id))[2:] == ["\\052", "_dmarc", "a-b", "a", "x.a", "a0", "b"]


def test_records_of_one_name_are_sorted_by_type_and_then_by_identifier(
    client: "Route53Client", zone_id: str
) -> None:
    address = {
        "Name": f"a.{ZONE}",
        "Type": "A",
        "TTL": 60,
        "ResourceRecords": [{"Value": "192.0.2.1"}],
    }
    _write(client, zone_id, _weighted(f"a.{ZONE}", "two"), _weighted(f"a.{ZONE}", "one"), address)
    rows = _list(client, zone_id)["ResourceRecordSets"][2:]
    assert [(row["Type"], row.get("SetIdentifier")) for row in rows] == [
        ("A", None),
        ("TXT", "one"),
        ("TXT", "two"),
    ]


@pytest.mark.parametrize("asked", [{}, {"MaxItems": "300"}, {"MaxItems": "1000"}])
def test_no_page_has_more_than_300(client: "Route53Client", zone_id: str, asked: dict[str, str]) -> None:
    for begin in (0, 400):
        _write(client, zone_id, *(_txt(f"n{number:04}.{ZONE}") for number in range(begin, begin + 400)))
    pages = _walk(client, zone_id, **asked)
    assert [len(page["ResourceRecordSets"]) for page in pages] == [300, 300, 202]
    assert [page["MaxItems"] for page in pages] == ["300"] * 3
    assert [name for page in pages for name in _names(page)][2:] == [f"n{number:04}" for number in range(800)]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_weighted_record_sets_are_each_listed_once_wherever_a_page_ends(
    client: "Route53Client", zone_id: str, limit: int
) -> None:
    _write(
        client, zone_id, *(_weighted(f"w.{ZONE}", f"id-{number}") for number in range(4)), _txt(f"z.{ZONE}")
    )
    pages = _walk(client, zone_id, MaxItems=str(limit))
    rows = [row for page in pages for row in page["ResourceRecordSets"]]
    assert [row.get("SetIdentifier") for row in rows] == [None, None, "id-0", "id-1", "id-2", "id-3", None]
    assert all(len(page["ResourceRecordSets"]) == limit for page in pages[:-1])


def test_names_are_kept_in_small_letters_and_escaped_however_they_were_written(
    client: "Route53Client", zone_id: str
) -> None:
    _write(client, zone_id, _txt(f"*.Acme.{ZONE}", "first"), _txt(f"a@b.{ZONE}"))
    _write(client, zone_id, _txt(f"\\052.acme.{ZONE}".removesuffix("."), "second"))
    rows = _list(client, zone_id)["ResourceRecordSets"][2:]
    assert [row["Name"] for row in rows] == [f"a\\100b.{ZONE}", f"\\052.acme.{ZONE}"]
    assert rows[1]["ResourceRecords"] == [{"Value": '"second"'}]


def test_a_list_begins_at_the_name_and_type_that_are_asked_for_or_after_them(
    client: "Route53Client", zone_id: str
) -> None:
    _write(client, zone_id, _txt(f"*.{ZONE}"), _txt(f"a.{ZONE}"), _txt(f"c.{ZONE}"))
    asked = {"*": "\\052", "\\052": "\\052", "A": "a", "b": "c", "c": "c"}
    found = {
        start: _names(_list(client, zone_id, StartRecordName=f"{start}.{ZONE}", MaxItems="1"))
        for start in asked
    }
    assert found == {start: [name] for start, name in asked.items()}
    later = _list(client, zone_id, StartRecordName=f"a.{ZONE}", StartRecordType="TXT")
    assert _names(later) == ["a", "c"]
    assert _names(_list(client, zone_id, StartRecordName=f"zz.{ZONE}")) == []


def test_a_deleted_record_is_listed_no_more_under_any_spelling(client: "Route53Client", zone_id: str) -> None:
    _write(client, zone_id, _txt(f"*.{ZONE}"))
    change: Any = {"Action": "DELETE", "ResourceRecordSet": _txt(f"\\052.{ZONE}")}
    client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": [change]})
    assert len(_list(client, zone_id)["ResourceRecordSets"]) == 2


@pytest.mark.parametrize(
    "asked",
    [
        {"StartRecordType": "TXT"},
        {"StartRecordName": f"a.{ZONE}", "StartRecordIdentifier": "one"},
        {"MaxItems": "0"},
    ],
)
def test_a_start_that_says_too_little_is_refused(
    client: "Route53Client", zone_id: str, asked: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as refused:
        _list(client, zone_id, **asked)
    assert refused.value.response["Error"]["Code"] == "InvalidInput"


def test_a_zone_that_is_not_there_has_no_list(client: "Route53Client") -> None:
    with pytest.raises(ClientError) as refused:
        _list(client, "Z0")
    assert refused.value.response["Error"]["Code"] == "NoSuchHostedZone"
