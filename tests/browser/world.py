"""The real product on the sandbox, started once for all that looks at it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import psycopg

from sandbox.client import Client, expect
from sandbox.stack import commands
from sandbox.stack.records import State
from tests.browser.provider import Provider
from tests.browser.tenants import Tenant

PLAN = "tests.browser.plan:CONSOLE"
_PATIENCE_SECONDS = 15


@dataclass
class World:
    state: State
    places: Mapping[str, Any] = field(repr=False)

    def __post_init__(self) -> None:
        self.provider = Provider(self.places)
        self.origin = str(self.places["web_url"])
        self.operator_key = str(self.places["operator_key"])
        self.reader_key = str(self.places["reader_key"])

    def tenant(self, slug: str, name: str) -> Tenant:
        """A tenant of its own, whose configuration is PENDING and LOCKED."""
        client = Client(self.origin, str(self.places["api_key"]), str(uuid4()), "orders-service")
        made = expect(client.create_configuration(slug, name), 201)
        return Tenant(client, slug, str(made.payload["eId"]))

    @contextmanager
    def without(self, role: str) -> Iterator[None]:
        """Nobody of it works, while it lasts."""
        family = self._family(role)
        commands.kill(self.state, role, hold=True)
        _, left = psutil.wait_procs(family, timeout=_PATIENCE_SECONDS)
        assert not left, "children end with it"
        try:
            yield
        finally:
            commands.start(self.state, role)

    def _family(self, role: str) -> list[psutil.Process]:
        known = self.state.processes()
        leader = known and known.by_name[role].process()
        assert leader, "it runs"
        return [leader, *leader.children(recursive=True)]

    def run(self, statement: str, *values: Any) -> None:
        """SQL, for what no door lets anybody do."""
        with self._connected() as connection:
            connection.execute(statement.encode(), values)

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.execute(question.encode(), values).fetchall()

    def _connected(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(str(self.places["database_url"]), autocommit=True, connect_timeout=10)


@contextmanager
def running(folder: Path) -> Iterator[World]:
    """For as long as the block, or we, live."""
    state = State(folder)
    with commands.running(state, PLAN, lambda _: None) as places:
        world = World(state, places)
        try:
            yield world
        finally:
            world.provider.close()
