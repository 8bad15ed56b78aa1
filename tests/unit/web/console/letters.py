"""Dead letters before a person: where they are shown, and replays of them asked for and carried out."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask
from jinja2 import BytecodeCache

from shared import replaying
from shared.bootstrap import Container
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter
from shared.domain.replay import ReplayState
from shared.ports.broker import QueueDepths
from tests.fakes.store import MemoryStore
from tests.unit.replaying.dead_letter_world import World
from tests.unit.web.console.browser import OPERATOR_KEY, Browser, led_to, text
from tests.unit.web.console.deeds import WHY
from tests.unit.web.console.parts import form_of
from web import auth, errors, request_log
from web.console.dead_letters import DeadLetterPages
from web.console.overview import OverviewPages
from web.console.queues import QueuePages
from web.console.replays import ReplayPages
from web.console.wiring import Console, MakePages

QUEUES = "/console/queues"
LETTERS = f"{QUEUES}/dead-letters"
REPLAYS = f"{QUEUES}/replays"
HOSTILE = "<script>alert(1)</script>"


def letters(store: MemoryStore, **wanted: Any) -> list[DeadLetter]:
    with store.begin() as tx:
        return tx.dead_letters.find(DeadLetterFilter(**wanted), limit=10_000)


def the_letter(store: MemoryStore) -> DeadLetter:
    (only,) = letters(store)
    return only


def path_of(letter: DeadLetter, deed: str = "") -> str:
    return f"{LETTERS}/{letter.e_id}{deed and f'/{deed}'}"


def plan_of(browser: Browser, query: str = "") -> str:
    answer = browser.get(f"{REPLAYS}/new?{query}")
    assert answer.status_code == 200
    return text(answer)


def asked_for(browser: Browser, query: str = "", **form: str) -> str:
    """Where it leads."""
    return led_to(browser.post(REPLAYS, {**form_of(plan_of(browser, query), REPLAYS), "reason": WHY, **form}))


def carry_out(world: World, path: str, *, limit: int = 1000) -> None:
    """As a worker does it: one slice, to the end when there is no more."""
    with world.store.begin() as tx:
        work = tx.replays.take(UUID(path.rpartition("/")[2]), lease_seconds=60)
        assert work is not None
        page = tx.dead_letters.find(work.replay.wanted, limit=limit, after=work.cursor)
        replayed = replaying.put_back(tx, page, work.replay, world.new_id)
        work = tx.replays.note(
            work, [(one.letter.e_id, one.fate) for one in replayed], next_in_seconds=1, lease_seconds=60
        )
        if len(page) < limit:
            tx.replays.finish(work)
        else:
            tx.replays.release(work)


def state_of(world: World, path: str) -> ReplayState:
    with world.store.begin() as tx:
        replay = tx.replays.get(UUID(path.rpartition("/")[2]))
    assert replay is not None
    return replay.state


def console_of(
    container: Container,
    compiled: BytecodeCache,
    *,
    broker: QueueDepths | None = None,
    elapsed: Callable[[], float] = time.monotonic,
) -> Browser:
    """These pages alone, beside a broker of the test's own and timed as it likes; an operator is signed in."""
    app = Flask("console")
    pages: list[MakePages] = [
        OverviewPages,
        lambda one: QueuePages(one, broker),
        lambda one: DeadLetterPages(one, elapsed=elapsed),
        ReplayPages,
    ]
    console = Console(container, pages)
    request_log.install(app, container.new_id)
    auth.install(app, auth.KeyRing(()), lambda *_: None, console.admit)
    errors.install(app)
    console.install(app)
    app.jinja_env.bytecode_cache = compiled
    return Browser(app).signed_in("Olga", OPERATOR_KEY)
