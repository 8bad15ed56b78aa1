"""What drift checks read, over the same state as the other fakes: the account's servers, the zone's record sets.

    inventory = FakeMailInventory(postmark, page_size=2)
    inventory.fail_on_page(2, ProviderUnavailable("http_500", "text"))

Each page is read when it is asked for, so what happens between two pages shows as it would at the provider: servers
are counted off and may shift, record sets go on after the last one's name.
"""

from collections.abc import Iterator, Mapping, Sequence

from shared.domain.dns import DnsRecord
from shared.domain.drift import ServerListed
from shared.domain.errors import ProviderError
from shared.ports.lease import before_call
from shared.ports.store import outside_transaction
from tests.fakes.dns import FakeZone
from tests.fakes.postmark import FakePostmark

_READ_TYPES = frozenset({"TXT", "CNAME"})
# Name with its labels reversed, type, set identifier.
_Place = tuple[str, str, str]


class _Faults:
    """By the number of the page, from 1; each is raised once."""

    def __init__(self) -> None:
        self._by_page: dict[int, ProviderError] = {}

    def fail_on_page(self, page: int, error: ProviderError) -> None:
        """The next listing that comes to this page raises it there."""
        self._by_page[page] = error

    def _raise_fault(self, page: int) -> None:
        if page in self._by_page:
            raise self._by_page.pop(page)


class FakeMailInventory(_Faults):
    """Implements `ports.drift.MailInventory`. Its calls are counted as `server_pages` and `server_name`."""

    def __init__(self, postmark: FakePostmark, *, page_size: int = 500) -> None:
        super().__init__()
        self._postmark = postmark
        self._page_size = page_size

    def server_pages(self) -> Iterator[Sequence[ServerListed]]:
        number = 0
        while True:
            with self._postmark.call("server_pages"):
                self._raise_fault(number + 1)
                begin = number * self._page_size
                page = self._listed()[begin : begin + self._page_size]
            yield page
            if len(page) < self._page_size:
                return
            number += 1

    def server_name(self, server_id: int) -> str | None:
        with self._postmark.call("server_name"):
            server = self._postmark.servers.get(server_id)
            return None if server is None else server.name

    def _listed(self) -> list[ServerListed]:
        servers = [
            ServerListed(server_id, server.name) for server_id, server in self._postmark.servers.items()
        ]
        return sorted(servers, key=lambda server: server.name.lower())


class FakeZoneInventory(_Faults):
    """Implements `ports.drift.ZoneInventory`. `calls` counts pages."""

    def __init__(self, zone: FakeZone, *, page_size: int = 300) -> None:
        super().__init__()
        self._zone = zone
        self._page_size = page_size
        self.calls = 0

    def record_pages(self) -> Iterator[Sequence[DnsRecord]]:
        start: _Place | None = ("", "", "")
        number = 0
        while start is not None:
            number += 1
            page, start = self._page(number, start)
            yield page

    def _page(self, number: int, start: _Place) -> tuple[list[DnsRecord], _Place | None]:
        outside_transaction()
        before_call()
        self.calls += 1
        self._zone.raise_fault()
        self._raise_fault(number)
        found = self._record_sets()
        places = sorted(place for place in found if place >= start)
        page, rest = places[: self._page_size], places[self._page_size :]
        return [found[place] for place in page], rest[0] if rest else None

    def _record_sets(self) -> Mapping[_Place, DnsRecord]:
        ours = {(*key, ""): record for key, record in self._zone.records.items()}
        every = {**self._zone.others, **ours}
        return {(_reversed(name), type, of): _listed(record) for (name, type, of), record in every.items()}


def _reversed(name: str) -> str:
    """The last dot sorts, too: `a-b` comes before `a`."""
    return "".join(f"{label}." for label in reversed(name.split(".")))


def _listed(record: DnsRecord) -> DnsRecord:
    value = record.value if record.type in _READ_TYPES else ""
    return DnsRecord(record.name, record.type, value, record.ttl_seconds)
