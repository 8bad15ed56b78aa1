from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shared.domain.dns import DnsRecord, MailDns, records_for
from shared.domain.errors import InvalidValue
from shared.gateways.route53.zone import Route53Zone
from shared.ports.dns import DnsZone
from shared.ports.store import transaction_open
from tests.fakes.pace import FreePace

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

DKIM = "20261102090000pm._domainkey.acme.dev.ardamails.com"
BOUNCES = "pm-bounces.acme.dev.ardamails.com"
# Longer than one character-string of 255 bytes.
LONG_KEY = "k=rsa; p=" + "A1b2" * 100
PAIR = records_for(MailDns(DKIM, LONG_KEY, BOUNCES, "pm.mtasv.net"))


def test_the_name_of_the_zone_has_no_last_dot(zone: DnsZone) -> None:
    assert zone.name == "dev.ardamails.com"


def test_what_was_written_is_found_as_plain_text(zone: DnsZone) -> None:
    zone.upsert(PAIR)
    assert zone.find(DKIM, "TXT") == PAIR[0]
    assert zone.find(BOUNCES, "CNAME") == PAIR[1]


def test_a_record_is_found_by_name_and_type(zone: DnsZone) -> None:
    zone.upsert(PAIR)
    assert zone.find(DKIM, "CNAME") is None
    assert zone.find(f"a{DKIM}", "TXT") is None
    assert zone.find(f"{DKIM.upper()}.", "TXT") == PAIR[0]


def test_writing_again_replaces(zone: DnsZone) -> None:
    zone.upsert(PAIR)
    zone.upsert([DnsRecord(DKIM, "TXT", "k=rsa; p=new")])
    zone.upsert([DnsRecord(DKIM, "TXT", "k=rsa; p=new")])
    found = zone.find(DKIM, "TXT")
    assert found is not None
    assert found.value == "k=rsa; p=new"
    assert zone.find(BOUNCES, "CNAME") == PAIR[1]


def test_quotes_and_backslashes_come_back_as_they_were(zone: DnsZone) -> None:
    record = DnsRecord(DKIM, "TXT", 'say "no" to C:\\')
    zone.upsert([record])
    assert zone.find(DKIM, "TXT") == record


def test_deleted_records_are_gone_and_the_others_stay(zone: DnsZone) -> None:
    zone.upsert([*PAIR, DnsRecord("other.dev.ardamails.com", "TXT", "kept")])
    zone.delete([(DKIM, "TXT"), (BOUNCES, "CNAME")])
    assert zone.find(DKIM, "TXT") is None
    assert zone.find(BOUNCES, "CNAME") is None
    assert zone.find("other.dev.ardamails.com", "TXT") is not None


def test_deleting_what_is_partly_or_wholly_absent_is_done(zone: DnsZone) -> None:
    zone.upsert([PAIR[1]])
    zone.delete([(DKIM, "TXT"), (BOUNCES, "CNAME"), (BOUNCES, "CNAME")])
    zone.delete([(DKIM, "TXT"), (BOUNCES, "CNAME")])
    assert zone.find(BOUNCES, "CNAME") is None


@pytest.mark.parametrize(
    "name",
    ["acme.prod.ardamails.com", "dev.ardamails.com", "evil-dev.ardamails.com", "dev.ardamails.com.evil.net"],
)
def test_a_name_outside_the_zone_is_refused_and_nothing_is_written(zone: DnsZone, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: zone.upsert([*PAIR, DnsRecord(name, "TXT", "x")]),
        lambda: zone.delete([(name, "TXT")]),
        lambda: zone.find(name, "TXT"),
    ]
    for call in calls:
        with pytest.raises(InvalidValue, match="not inside the zone"):
            call()
    assert zone.find(DKIM, "TXT") is None


def test_nothing_to_do_is_nothing_done(zone: DnsZone) -> None:
    zone.upsert([])
    zone.delete([])


def test_a_call_inside_a_transaction_is_a_fault_of_ours(zone: DnsZone) -> None:
    reset = transaction_open.set(True)
    try:
        calls: list[Callable[[], object]] = [
            lambda: zone.upsert(PAIR),
            lambda: zone.delete([]),
            lambda: zone.find(DKIM, "TXT"),
        ]
        for call in calls:
            with pytest.raises(RuntimeError, match="transaction"):
                call()
    finally:
        transaction_open.reset(reset)


def test_a_long_text_is_stored_as_quoted_strings_of_255_bytes(
    route53: "Route53Client", hosted_zone_id: str
) -> None:
    Route53Zone(route53, zone_id=hosted_zone_id, zone_name="dev.ardamails.com", pace=FreePace()).upsert(PAIR)
    listing = route53.list_resource_record_sets(HostedZoneId=hosted_zone_id)
    stored = {found["Type"]: found for found in listing["ResourceRecordSets"]}
    first, second = LONG_KEY[:255], LONG_KEY[255:]
    assert stored["TXT"]["ResourceRecords"] == [{"Value": f'"{first}" "{second}"'}]
    assert (stored["TXT"]["TTL"], stored["CNAME"]["TTL"]) == (300, 300)
