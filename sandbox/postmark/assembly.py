"""Putting the simulator together, keeping it running, and wiping it."""

import asyncio
import logging
import random
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from sandbox.postmark import outcomes
from sandbox.postmark.api import PostmarkApi
from sandbox.postmark.clock import Clock, Timetable
from sandbox.postmark.delivery import Dispatcher
from sandbox.postmark.dns import TableZone, Zone
from sandbox.postmark.fault_rules import Refuse, RuleSet
from sandbox.postmark.faults import Faults
from sandbox.postmark.ledger import AppendLog, Ledger
from sandbox.postmark.listener import Listener
from sandbox.postmark.sending import MAX_BATCH_BYTES
from sandbox.postmark.settings import Settings
from sandbox.postmark.state import State
from sandbox.postmark.store import Store
from sandbox.postmark.world import World

_BACKGROUND_COMMIT_SECONDS = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    account_token: str | None = field(default=None, repr=False)
    dns_url: str | None = None
    zone_ids: list[str] = field(default_factory=list)


def make_world(options: Options) -> World:
    """Must be called on the running event loop."""
    store = Store(options.state_dir / "postmark.sqlite")
    state, clock, faults = State(store), Clock(store), Faults(store)
    settings = Settings.model_validate(next(store.load("settings"), {}))
    attempts, timetable, rng = (
        AppendLog(options.state_dir / "webhook-attempts.jsonl"),
        Timetable(clock),
        random.Random(),
    )
    dns_table = TableZone(next(store.load("dns"), {}).get("records", []))
    return World(
        store=store,
        state=state,
        settings=settings,
        clock=clock,
        timetable=timetable,
        faults=faults,
        ledger=Ledger(options.state_dir / "ledger.jsonl"),
        attempts=attempts,
        dispatcher=Dispatcher(
            state=state,
            settings=settings,
            clock=clock,
            timetable=timetable,
            faults=faults,
            attempts=attempts,
            rng=rng,
        ),
        dns_table=dns_table,
        zone=_zone(options, dns_table),
        rng=rng,
        account_token=_account_token(store, options.account_token),
    )


def _zone(options: Options, table: TableZone) -> Zone:
    if options.dns_url is None:
        return table
    from sandbox.postmark.route53 import Route53Zone  # noqa: PLC0415  # boto3 doubles the time to start

    return Route53Zone(options.dns_url, options.zone_ids)


def _account_token(store: Store, given: str | None) -> str:
    kept = next(store.load("account"), {}).get("token")
    token = given or kept or str(uuid.uuid4())
    store.put("account", "token", {"token": token})
    return token


class Simulator:
    """The Postmark side. The control API holds one of these. Raises OSError when the port is taken."""

    def __init__(self, world: World, options: Options) -> None:
        self.world = world
        app = web.Application(client_max_size=MAX_BATCH_BYTES + 1)
        app.router.add_route("*", "/{path:.*}", PostmarkApi(world).handle)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=75, shutdown_timeout=0.5)
        self.listener = Listener(self._runner, options.host, options.port)
        self._tasks: list[asyncio.Task[None]] = []
        self._reopening: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        await self._runner.setup()
        self._resume()
        self._tasks = [
            asyncio.create_task(self.world.timetable.run()),
            asyncio.create_task(self._commit_in_background()),
        ]
        await self.apply_faults()

    def _resume(self) -> None:
        world = self.world
        world.ledger.record(
            world.state.messages.after(world.ledger.last_seq)
        )  # killed between commit and ledger
        for message in world.state.messages:
            outcomes.schedule(world, message)
        world.dispatcher.resume()

    async def _commit_in_background(self) -> None:
        """For changes that no call waits for: what happens to messages and webhooks over time."""
        while True:
            await asyncio.sleep(_BACKGROUND_COMMIT_SECONDS)
            self.world.store.commit()

    async def apply_faults(self) -> None:
        """Bring the listener and the held webhooks in line with the rules."""
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        rule = self.world.faults.present(Refuse)
        if rule is None:
            await self.listener.open()
        else:
            await self.listener.refuse()
            self._reopen_after(rule)
        self.world.dispatcher.release_held()
        self.world.store.commit()

    def _reopen_after(self, rule: Refuse) -> None:
        if rule.seconds is not None:
            loop = asyncio.get_running_loop()
            self._reopening = loop.call_later(
                rule.seconds, lambda: self._tasks.append(loop.create_task(self._reopen(rule)))
            )

    async def _reopen(self, rule: Refuse) -> None:
        self._reopening = None
        self.world.faults.remove(rule.id or "")
        await self.apply_faults()

    async def reset(self) -> None:
        """As new, but with the same ports and account token; the old ledger stays beside the new one."""
        world = self.world
        world.timetable.clear()
        world.dispatcher.clear()
        world.store.clear()
        world.state.load()
        world.ledger.start_afresh()
        world.attempts.start_afresh()
        world.dns_table.records = []
        world.clock.reset()
        world.timetable.clock_changed()
        world.settings.become(Settings())
        world.faults.replace(RuleSet())
        world.store.put("account", "token", {"token": world.account_token})
        await self.apply_faults()

    async def settle(self, timeout_seconds: float) -> bool:
        """Until nothing is due at this moment of the simulated clock and no webhook is being posted."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_seconds
        while self.world.timetable.is_due or not self.world.dispatcher.is_idle:
            if loop.time() > end:
                return False
            await asyncio.sleep(0.002)
        self.world.store.commit()
        return True

    async def stop(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.listener.close()


async def close_world(world: World) -> None:
    await world.dispatcher.close()
    world.store.close()
    world.ledger.close()
    world.attempts.close()
