"""The partition's zone."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from shared.domain.dns import DnsRecord


class DnsZone(Protocol):
    """Errors: `InvalidValue` for a name outside the zone, before any call; `ProviderError` and its kinds else.

    Upsert and delete are idempotent, so an unknown outcome may simply be repeated here.
    """

    @property
    def name(self) -> str: ...

    def upsert(self, records: Sequence[DnsRecord]) -> None:
        """All records in one change batch: all or none."""
        ...

    def delete(self, names_and_types: Iterable[tuple[str, str]]) -> None:
        """Absent records count as deleted."""
        ...

    def find(self, name: str, type: str) -> DnsRecord | None:
        """What the zone holds now, unquoted and joined; None when there is no such record."""
        ...
