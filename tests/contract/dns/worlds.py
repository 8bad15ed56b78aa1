"""The zones that one suite is run against, each with the levers a test needs to set its scene."""

from typing import TYPE_CHECKING, Any, Protocol

from botocore.awsrequest import AWSRequest

from shared.domain.dns import DnsRecord
from shared.domain.errors import ProviderUnavailable
from shared.gateways.route53.inventory import Route53Inventory
from shared.gateways.route53.zone import Route53Zone
from shared.ports.dns import DnsZone
from shared.ports.drift import ZoneInventory
from tests.fakes.aws import answer
from tests.fakes.dns import FakeZone
from tests.fakes.inventory import FakeZoneInventory
from tests.fakes.pace import FreePace

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

ZONE_NAME = "dev.ardamails.com"
_TARGET_ZONE_ID = "Z2FDTNDATAQYW2"
_THROTTLED = b"""<?xml version="1.0"?>
<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
  <Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>
</ErrorResponse>"""


class ZoneWorld(Protocol):
    zone: DnsZone
    inventory: ZoneInventory
    # Record sets on a page of the inventory.
    page_size: int

    def place(self, record: DnsRecord, *, identifier: str = "") -> None:
        """By another hand. With `identifier`, as one of several weighted record sets."""
        ...

    def place_alias(self, name: str) -> None:
        """An address record that is another name's."""
        ...

    def fail_on_page(self, page: int) -> None:
        """The inventory's next listing comes to this page, from 1, and no further."""
        ...


class FakeZoneWorld:
    page_size = 7

    def __init__(self) -> None:
        self._fake = FakeZone(ZONE_NAME)
        self.zone: DnsZone = self._fake
        self._inventory = FakeZoneInventory(self._fake, page_size=self.page_size)
        self.inventory: ZoneInventory = self._inventory

    def place(self, record: DnsRecord, *, identifier: str = "") -> None:
        self._fake.place(record, identifier=identifier)

    def place_alias(self, name: str) -> None:
        self._fake.place(DnsRecord(name, "A", "", 0))

    def fail_on_page(self, page: int) -> None:
        self._inventory.fail_on_page(page, ProviderUnavailable("Throttling", "Rate exceeded"))


class Route53World:
    page_size = 300

    def __init__(self, client: "Route53Client", zone_id: str) -> None:
        self._client = client
        self._zone_id = zone_id
        self.zone: DnsZone = Route53Zone(client, zone_id=zone_id, zone_name=f"{ZONE_NAME}.", pace=FreePace())
        self.inventory: ZoneInventory = Route53Inventory(client, zone_id, FreePace())
        self._throttler: _Throttler | None = None

    def place(self, record: DnsRecord, *, identifier: str = "") -> None:
        value = f'"{record.value}"' if record.type == "TXT" else record.value
        weighted = {"SetIdentifier": identifier, "Weight": 1} if identifier else {}
        self._upsert(
            Name=record.name,
            Type=record.type,
            TTL=record.ttl_seconds,
            ResourceRecords=[{"Value": value}],
            **weighted,
        )

    def place_alias(self, name: str) -> None:
        target = {
            "HostedZoneId": _TARGET_ZONE_ID,
            "DNSName": "d111.cloudfront.net.",
            "EvaluateTargetHealth": False,
        }
        self._upsert(Name=name, Type="A", AliasTarget=target)

    def fail_on_page(self, page: int) -> None:
        self._throttler = _Throttler(self._client, page)

    def close(self) -> None:
        if self._throttler is not None:
            self._throttler.stop()

    def _upsert(self, **record_set: Any) -> None:
        changes: Any = [{"Action": "UPSERT", "ResourceRecordSet": record_set}]
        self._client.change_resource_record_sets(HostedZoneId=self._zone_id, ChangeBatch={"Changes": changes})


class _Throttler:
    """In the place of the wire: the n-th list is answered as Route 53 does when it is asked too often."""

    _EVENT = "before-send.route53.ListResourceRecordSets"

    def __init__(self, client: "Route53Client", passes: int) -> None:
        self._client = client
        self._passes = passes
        client.meta.events.register(self._EVENT, self._answer)

    def stop(self) -> None:
        self._client.meta.events.unregister(self._EVENT, self._answer)

    def _answer(self, request: AWSRequest, **_: Any) -> Any:
        """None lets it go out."""
        self._passes -= 1
        return answer(str(request.url), 400, _THROTTLED) if self._passes == 0 else None
