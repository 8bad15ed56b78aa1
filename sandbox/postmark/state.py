"""Everything the simulated account holds, in memory and written through to the store."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from sandbox.postmark.entities import (
    Bounce,
    Delivery,
    Domain,
    Message,
    Server,
    Signature,
    Stream,
    Suppression,
    Webhook,
)
from sandbox.postmark.store import Store

Entity = TypeVar("Entity")
Key = TypeVar("Key")


class Table(Generic[Key, Entity]):
    """Rows by key, and by the unique names that `names` gives them (a token, an address)."""

    def __init__(
        self,
        store: Store,
        make: type[Entity],
        key: Callable[[Entity], Key],
        names: Callable[[Entity], list[str]] = lambda _: [],
        stored_key: Callable[[Entity], object] | None = None,
    ) -> None:
        self._store, self._kind = store, make.__name__
        self._key, self._names, self._stored_key = key, names, stored_key or key
        self._rows: dict[Key, Entity] = {}
        self._by_name: dict[str, Entity] = {}
        self._names_of: dict[Key, list[str]] = {}
        for stored in store.load(self._kind):
            self._hold(make(**stored))

    def put(self, entity: Entity) -> None:
        self._hold(entity)
        self._store.put(self._kind, self._stored_key(entity), entity)

    def get(self, key: Key) -> Entity | None:
        return self._rows.get(key)

    def named(self, name: str) -> Entity | None:
        return self._by_name.get(name.lower())

    def remove(self, entity: Entity) -> None:
        key = self._key(entity)
        del self._rows[key]
        self._forget_names(key)
        self._store.delete(self._kind, self._stored_key(entity))

    def _hold(self, entity: Entity) -> None:
        key = self._key(entity)
        self._forget_names(key)
        self._rows[key] = entity
        if names := [name.lower() for name in self._names(entity)]:
            self._names_of[key] = names
            self._by_name.update(dict.fromkeys(names, entity))

    def _forget_names(self, key: Key) -> None:
        for name in self._names_of.pop(key, ()):
            self._by_name.pop(name, None)

    def __iter__(self) -> Iterator[Entity]:
        return iter(list(self._rows.values()))

    def __len__(self) -> int:
        return len(self._rows)


class State:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.load()

    def load(self) -> None:
        store = self.store
        self._counters: dict[str, int] = next(store.load("counters"), {})
        self.servers = Table(store, Server, lambda row: row.id, lambda row: [row.name, *row.api_tokens])
        self.streams = Table(store, Stream, lambda row: (row.server_id, row.id))
        self.domains = Table(store, Domain, lambda row: row.id, lambda row: [row.name])
        self.signatures = Table(store, Signature, lambda row: row.id, lambda row: [row.email])
        self.webhooks = Table(store, Webhook, lambda row: row.id)
        self.bounces = Table(store, Bounce, lambda row: row.id)
        self.suppressions = Table(store, Suppression, lambda row: (row.server_id, row.stream, row.address))
        self.deliveries = Table(store, Delivery, lambda row: row.id)
        self.messages = Messages(store)

    def next_id(self, kind: str, first: int) -> int:
        """Ids only grow, over deletions and restarts too."""
        self._counters[kind] = self._counters.get(kind, first - 1) + 1
        self.store.put("counters", "all", self._counters)
        return self._counters[kind]

    def server_by_token(self, token: str) -> Server | None:
        server = self.servers.named(token)
        return server if server and token.lower() in server.api_tokens else None

    def server_by_name(self, name: str) -> Server | None:
        server = self.servers.named(name)
        return server if server and server.name.lower() == name.lower() else None

    def streams_of(self, server_id: int) -> list[Stream]:
        return [row for row in self.streams if row.server_id == server_id]

    def webhooks_of(self, server_id: int) -> list[Webhook]:
        return [row for row in self.webhooks if row.server_id == server_id]

    def is_suppressed(self, server_id: int, stream: str, address: str, now: float) -> bool:
        found = self.suppressions.get((server_id, stream, address.lower()))
        return found is not None and found.effective_at <= now


class Messages(Table[str, Message]):
    """Accepted messages, found by id, by server and stream, and by one metadata value."""

    def __init__(self, store: Store) -> None:
        # Stored in order of acceptance: by random id, every write would go to another page of the file.
        super().__init__(store, Message, lambda row: row.id, stored_key=lambda row: f"{row.seq:012d}")
        self._by_seq: list[Message] = []
        self._by_stream: dict[tuple[int, str], list[Message]] = defaultdict(list)
        self._by_metadata: dict[tuple[int, str, str, str], list[Message]] = defaultdict(list)
        for message in sorted(self, key=lambda row: row.seq):
            self._index(message)

    def add(self, message: Message) -> None:
        self.put(message)
        self._index(message)

    def after(self, seq: int) -> list[Message]:
        """In order of acceptance; sequence numbers start at 1 and have no gaps."""
        return self._by_seq[seq:]

    def _index(self, message: Message) -> None:
        self._by_seq.append(message)
        self._by_stream[message.server_id, message.stream].append(message)
        for key, value in message.metadata.items():
            self._by_metadata[message.server_id, message.stream, key.lower(), value].append(message)

    def of_stream(self, server_id: int, stream: str) -> list[Message]:
        """Oldest first."""
        return self._by_stream.get((server_id, stream), [])

    def with_metadata(self, server_id: int, stream: str, key: str, value: str) -> list[Message]:
        return self._by_metadata.get((server_id, stream, key.lower(), value), [])
