"""Which servers the account has. Answers carry every server's token: none goes further than this file."""

from collections.abc import Iterator, Sequence

from shared.domain.drift import ServerListed
from shared.domain.errors import ProviderUnavailable
from shared.gateways.postmark import codes
from shared.gateways.postmark.account_calls import AccountCalls, looked_up
from shared.gateways.postmark.entities import listed_server_of
from shared.gateways.postmark.wire import Wire
from shared.ports.pace import Pace


class PostmarkInventory:
    """Implements `ports.drift.MailInventory`."""

    def __init__(self, wire: Wire, pace: Pace) -> None:
        self._account = AccountCalls(wire, pace)

    def server_pages(self) -> Iterator[Sequence[ServerListed]]:
        """Whoever reads to the end has read all: a page short of rows that its own total counts is unreadable."""
        seen = 0
        for page in self._account.pages("/servers", "Servers"):
            servers = [looked_up(row, listed_server_of) for row in page.rows]
            seen += len(servers)
            yield servers
        if page.total is not None and page.total > seen:
            raise ProviderUnavailable("unreadable", f"{seen} servers are listed of {page.total}")

    def server_name(self, server_id: int) -> str | None:
        server = self._account.by_id(f"/servers/{server_id}", listed_server_of, codes.SERVER_NOT_FOUND)
        return None if server is None else server.name
