"""One world for all faults: started once, its tenants made through the public API, put in order after each fault."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from bench.faults.callers import Door
from bench.faults.plan import ROLES
from bench.faults.processes import Processes
from bench.faults.rows import Database
from bench.faults.simulator import Simulator
from sandbox.stack import commands
from sandbox.stack.records import State
from sandbox.stack.tenant import Tenant, make_ready

PLAN = "bench.faults.plan:MATRIX"


@dataclass
class World:
    places: dict[str, Any] = field(repr=False)
    door: Door
    processes: Processes
    simulator: Simulator
    database: Database
    _tenants: list[Tenant] = field(default_factory=list)

    def tenants(self, count: int) -> list[Tenant]:
        """So many, made when they are first needed."""
        missing = count - len(self._tenants)
        if missing > 0:
            with ThreadPoolExecutor(4) as pool:
                self._tenants += pool.map(lambda _: self.new_tenant(), range(missing))
        return self._tenants[:count]

    def new_tenant(self) -> Tenant:
        return make_ready(self.door.url, self.door.api_key, lambda: None)

    @contextmanager
    def redis(self) -> Iterator["redis.Redis"]:
        with redis.Redis.from_url(self.places["redis_url"], socket_timeout=10) as client:
            yield client

    def heal(self) -> None:
        for server in ("postgres", "valkey", "postmark"):
            self.processes.bring_back(server)
        self.processes.heal()
        with self.redis() as client:
            client.config_set("maxmemory", 0)
        self.simulator.behave()


@contextmanager
def running(
    folder: Path,
    say: Callable[[dict[str, Any]], None],
    *,
    plan: str = PLAN,
    roles: Sequence[str] = ROLES,
) -> Iterator[World]:
    """`plan` is `module:NAME`; `roles` are the names of its roles, each in its nursery."""
    state = State(folder)
    with commands.running(state, plan, say) as places:
        world = World(
            places=places,
            door=Door(places["web_url"], places["api_key"]),
            processes=Processes(state, places, roles),
            simulator=Simulator(places["postmark_control_url"], folder / "postmark"),
            database=Database(places["database_url"]),
        )
        world.simulator.begin()
        yield world
