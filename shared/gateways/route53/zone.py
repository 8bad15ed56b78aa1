"""The partition's zone in Route 53."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from shared.domain.dns import DnsRecord, canonical, checked_in_zone
from shared.domain.errors import ProviderRefused
from shared.gateways.route53.calls import asked, listed
from shared.gateways.route53.records import plain_name, record_of, record_set_of
from shared.ports.pace import Pace
from shared.ports.store import outside_transaction

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import ChangeTypeDef, ResourceRecordSetOutputTypeDef

_INVALID_BATCH = "InvalidChangeBatch"
# A deletion names the exact record set, so one that somebody changes meanwhile is looked at again.
_DELETE_ATTEMPTS = 3


class Route53Zone:
    """Implements `ports.dns.DnsZone`. boto3 clients may be shared between threads."""

    def __init__(self, client: "Route53Client", *, zone_id: str, zone_name: str, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self._zone_id = zone_id
        self._name = canonical(zone_name)

    @property
    def name(self) -> str:
        return self._name

    def upsert(self, records: Sequence[DnsRecord]) -> None:
        outside_transaction()
        changes: list[ChangeTypeDef] = [
            {"Action": "UPSERT", "ResourceRecordSet": record_set_of(checked_in_zone(record, self._name))}
            for record in records
        ]
        if changes:
            self._change(changes)

    def delete(self, names_and_types: Iterable[tuple[str, str]]) -> None:
        outside_transaction()
        wanted = [
            checked_in_zone(DnsRecord(name, type, ""), self._name)
            for name, type in dict.fromkeys(names_and_types)
        ]
        for attempts_left in reversed(range(_DELETE_ATTEMPTS)):
            if self._delete_existing(wanted, last=not attempts_left):
                return

    def _delete_existing(self, wanted: Iterable[DnsRecord], *, last: bool) -> bool:
        """False when what was found is not there any more as it was found."""
        existing = [found for record in wanted if (found := self._look_up(record.name, record.type))]
        try:
            if existing:
                self._change([{"Action": "DELETE", "ResourceRecordSet": found} for found in existing])
        except ProviderRefused as refused:
            if last or refused.code != _INVALID_BATCH:
                raise
            return False
        return True

    def find(self, name: str, type: str) -> DnsRecord | None:
        """Several values under one name, which we never write, come joined by line feeds.

        Not worth waiting for a turn for long: a change of the zone is.
        """
        outside_transaction()
        record = checked_in_zone(DnsRecord(name, type, ""), self._name)
        found = self._look_up(record.name, record.type, patient=False)
        return None if found is None else record_of(found)

    def _look_up(
        self, name: str, type: str, *, patient: bool = True
    ) -> "ResourceRecordSetOutputTypeDef | None":
        """The listing begins at the name asked for, or, if there is none, at the next one."""
        self._pace.keep(patient=patient)
        listing = listed(
            self._client, self._zone_id, limit=1, StartRecordName=canonical(name), StartRecordType=type
        )
        for found in listing["ResourceRecordSets"]:
            if plain_name(found["Name"]) == canonical(name) and found["Type"] == type:
                return found
        return None

    def _change(self, changes: "list[ChangeTypeDef]") -> None:
        self._pace.keep()
        asked(
            lambda: self._client.change_resource_record_sets(
                HostedZoneId=self._zone_id, ChangeBatch={"Changes": changes}
            )
        )
