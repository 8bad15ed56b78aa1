"""A zone in memory."""

from collections.abc import Iterable, Sequence

from shared.domain.dns import DnsRecord, canonical, checked_in_zone
from shared.domain.errors import ProviderError
from shared.ports.lease import before_call
from shared.ports.store import outside_transaction


class FakeZone:
    """Implements `ports.dns.DnsZone`. `change_batches` counts the changes that reached the zone."""

    def __init__(self, name: str = "dev.ardamails.com") -> None:
        self._name = canonical(name)
        self.records: dict[tuple[str, str], DnsRecord] = {}
        # What only an inventory shows, by name, type and set identifier. Every zone is born with the first two.
        self.others: dict[tuple[str, str, str], DnsRecord] = {}
        self.place(DnsRecord(self._name, "NS", "ns.example.com", 172_800))
        self.place(DnsRecord(self._name, "SOA", "ns.example.com hostmaster.example.com 1", 900))
        self.change_batches = 0
        self._faults: list[ProviderError] = []

    @property
    def name(self) -> str:
        return self._name

    def fail_next(self, error: ProviderError) -> None:
        """The next call raises this instead of having its effect; several are raised in turn."""
        self._faults.append(error)

    def place(self, record: DnsRecord, *, identifier: str = "") -> None:
        """Somebody else's record set: of any type, or (`identifier`) one of several under a name and type."""
        self.others[*_key(record.name, record.type), identifier] = _plain(record)

    def upsert(self, records: Sequence[DnsRecord]) -> None:
        outside_transaction()
        before_call()
        checked = [checked_in_zone(record, self._name) for record in records]
        self.raise_fault()
        if checked:
            self.change_batches += 1
        self.records.update({_key(record.name, record.type): _plain(record) for record in checked})

    def delete(self, names_and_types: Iterable[tuple[str, str]]) -> None:
        outside_transaction()
        before_call()
        wanted = [checked_in_zone(DnsRecord(name, type, ""), self._name) for name, type in names_and_types]
        self.raise_fault()
        removed = [self.records.pop(_key(record.name, record.type), None) for record in wanted]
        if any(removed):
            self.change_batches += 1

    def find(self, name: str, type: str) -> DnsRecord | None:
        outside_transaction()
        before_call()
        checked_in_zone(DnsRecord(name, type, ""), self._name)
        self.raise_fault()
        return self.records.get(_key(name, type))

    def raise_fault(self) -> None:
        """Before the effect of every call."""
        if self._faults:
            raise self._faults.pop(0)


def _key(name: str, type: str) -> tuple[str, str]:
    return canonical(name), type


def _plain(record: DnsRecord) -> DnsRecord:
    value = record.value if record.type == "TXT" else record.value.rstrip(".")
    return DnsRecord(canonical(record.name), record.type, value, record.ttl_seconds)
