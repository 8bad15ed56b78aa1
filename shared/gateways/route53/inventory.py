"""Everything the zone holds, in pages. Asking for each record by its name would be a call a record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from shared.domain.dns import DnsRecord
from shared.domain.errors import ProviderUnavailable
from shared.gateways.route53.calls import listed
from shared.gateways.route53.records import record_of
from shared.ports.pace import Pace
from shared.ports.store import outside_transaction

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import ListResourceRecordSetsResponseTypeDef

# The most that Route 53 gives at a time.
PAGE_SIZE: Final = 300

# Names are passed back as they came, escapes and all.
_CURSOR: Final = {
    "NextRecordName": "StartRecordName",
    "NextRecordType": "StartRecordType",
    # Tells apart the weighted record sets of one name and type, which a page may end between.
    "NextRecordIdentifier": "StartRecordIdentifier",
}


class Route53Inventory:
    """Implements `ports.drift.ZoneInventory`. boto3 clients may be shared between threads."""

    def __init__(self, client: "Route53Client", zone_id: str, pace: Pace) -> None:
        self._client = client
        self._zone_id = zone_id
        self._pace = pace

    def record_pages(self) -> Iterator[Sequence[DnsRecord]]:
        """Weighted record sets of one name come one by one, under the same name and type.

        A record set that is there all the time is listed once, whatever is written meanwhile: each page begins at a
        name, and not at a number.
        """
        start: Mapping[str, str] | None = {}
        while start is not None:
            page = self._page(start)
            yield [record_of(found) for found in page["ResourceRecordSets"]]
            start = _next(page, start) if page["IsTruncated"] else None

    def _page(self, start: Mapping[str, str]) -> "ListResourceRecordSetsResponseTypeDef":
        outside_transaction()
        self._pace.keep()
        return listed(self._client, self._zone_id, limit=PAGE_SIZE, **start)


def _next(page: "ListResourceRecordSetsResponseTypeDef", start: Mapping[str, str]) -> Mapping[str, str]:
    """Raises `ProviderUnavailable` when it leads nowhere: read again and again, it would never end."""
    cursor = {ours: str(page[theirs]) for theirs, ours in _CURSOR.items() if page.get(theirs)}  # type: ignore[literal-required]
    if "StartRecordName" not in cursor or cursor == start:
        raise ProviderUnavailable("unreadable", "a page of record sets does not say where the next begins")
    return cursor
