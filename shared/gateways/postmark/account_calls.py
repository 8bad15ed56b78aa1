"""Calls with the account's own token, each in its turn, and the lists that are read with them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from shared.domain.errors import ProviderUnavailable
from shared.gateways.postmark.answers import Exchange
from shared.gateways.postmark.calls import JsonObject, answer_to_repeatable, found
from shared.gateways.postmark.entities import id_of, rows_of
from shared.gateways.postmark.wire import Wire
from shared.ports.pace import Pace

PAGE_SIZE: Final = 500

Entity = TypeVar("Entity")


@dataclass(frozen=True, slots=True)
class Page:
    """`total`: how many rows all pages have, as this one says. Rows of servers hold their tokens."""

    rows: list[JsonObject] = field(repr=False)
    total: int | None


class AccountCalls:
    def __init__(self, wire: Wire, pace: Pace) -> None:
        self._wire = wire
        self._pace = pace

    def call(self, method: str, path: str, **request: Any) -> Exchange:
        self._pace.keep()
        return self._wire.as_account(method, path, **request)

    def pages(self, path: str, key: str, **query: str) -> Iterator[Page]:
        """A call a page. Ends at a short page: the total may change while we read."""
        offset = 0
        while True:
            exchange = self.call("GET", path, query={"count": PAGE_SIZE, "offset": offset, **query})
            body = answer_to_repeatable(exchange, account=True)
            page = Page(rows_of(body, key), id_of(body, "TotalCount"))
            yield page
            if len(page.rows) < PAGE_SIZE:
                return
            offset += PAGE_SIZE

    def rows(self, path: str, key: str, **query: str) -> Iterator[JsonObject]:
        for page in self.pages(path, key, **query):
            yield from page.rows

    def by_id(self, path: str, read: Callable[[JsonObject], Entity | None], not_found: int) -> Entity | None:
        """None when there is no such thing, or no more."""
        body = found(self.call("GET", path), not_found, account=True)
        return None if body is None else looked_up(body, read)


def looked_up(body: JsonObject, read: Callable[[JsonObject], Entity | None]) -> Entity:
    entity = read(body)
    if entity is None:
        raise ProviderUnavailable("unreadable", "HTTP 200 with a body that lacks what was asked for")
    return entity
