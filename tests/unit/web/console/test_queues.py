"""Queues on the console: rings, due work by the rows, and what does not go on by itself."""

import pytest
from jinja2 import BytecodeCache

from shared.config.settings import Settings
from shared.domain.errors import StoreUnavailable
from shared.messaging import queues
from shared.ports.broker import QueueDepth
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.cli.neighbours import FakeBroker
from tests.unit.replaying.dead_letter_world import World
from tests.unit.web.api import UNKNOWN, container_of
from tests.unit.web.console.browser import OPERATOR_KEY, Browser, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.letters import LETTERS, QUEUES, REPLAYS, console_of
from tests.unit.web.console.parts import Ailing, section, words


@pytest.fixture
def world(store: MemoryStore, doorbell: RecordingDoorbell) -> World:
    return World(store=store, doorbell=doorbell)


@pytest.fixture
def olga(browse: Open, doorbell: RecordingDoorbell) -> Browser:
    return browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def beside(opened: Settings, store: MemoryStore, broker: FakeBroker, compiled: BytecodeCache) -> Browser:
    """The console beside `broker`."""
    container = container_of(opened, store, RecordingDoorbell(), clock=store.clock)
    return console_of(container, compiled, broker=broker)


def row(page: str, work: str) -> str:
    return next(words(each) for each in page.split("</tr>") if f"<td>{work}</td>" in each)


def test_each_queue_is_told_with_its_rings_and_what_is_due_since_when(
    beside: Browser, broker: FakeBroker, store: MemoryStore
) -> None:
    broker.waiting[queues.SEND] = QueueDepth(waiting=1200, taken=3)
    configuration = factories.sendable()
    with store.begin() as tx:
        tx.configurations.add(configuration, factories.CREATED)
        tx.jobs.accept([factories.new_job(configuration, due_at=tx.now()) for _ in range(3)])
    store.advance(seconds=300)
    page = text(beside.get(QUEUES))
    assert "send 1,200 3 send 1 5 min ago 2026-11-02 09:00:00 UTC" in row(page, "send")
    assert row(page, "resolve doubts").endswith("send resolve doubts 0 nothing waits")
    assert "drift 0 0 check drift 0" in row(page, "check drift")
    assert "Redis does not answer" not in page
    for queue in queues.ALL:
        assert f'<th scope="row">{queue}</th>' in page


def test_redis_that_is_away_is_said_and_the_rows_are_shown_all_the_same(
    beside: Browser, broker: FakeBroker
) -> None:
    broker.down = True
    page = text(beside.get(QUEUES))
    assert "Redis does not answer." in page
    assert "send not known not known send 0" in row(page, "send")


def test_a_console_without_a_broker_at_its_address_is_one_whose_broker_is_away(olga: Browser) -> None:
    assert "Redis does not answer." in text(olga.get(QUEUES))


def test_what_stands_still_is_counted_and_leads_to_it(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    new = factories.new_job(world.configuration)
    with store.begin() as tx:
        tx.jobs.accept([new])
        tx.jobs.claim(world.configuration.e_id, claim_id=UNKNOWN, limit=1, lease_seconds=1.0)
    store.advance(seconds=2)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=10, limit=10)
    part = section(text(olga.get(QUEUES)), "standing")
    assert words(part).startswith("What stands still Jobs in doubt 1 Inconsistent jobs 0 ")
    assert 'href="/console/jobs?status=IN_DOUBT"' in part
    assert 'href="/console/jobs?status=INCONSISTENT"' not in part


def test_handlers_that_raise_are_told_with_their_queue(olga: Browser, world: World) -> None:
    world.buries_a_message("ProvisionConfiguration")
    world.buries_a_message("OfLongAgo")
    part = section(text(olga.get(QUEUES)), "raising")
    assert "ProvisionConfiguration provisioning 1" in words(part)
    assert "OfLongAgo none any more 1" in words(part)
    assert f'href="{LETTERS}?subject=message&amp;actor=OfLongAgo"' in part


def test_dead_letters_are_grouped_with_a_way_to_each_group(olga: Browser, world: World) -> None:
    world.fails(2)
    world.fails(code="expired")
    part = section(text(olga.get(QUEUES)), "letters")
    assert "job 300 2 job expired 1" in words(part)
    assert f'href="{LETTERS}?subject=job&amp;class=300"' in part


def test_empty_queues_say_that_there_is_nothing(olga: Browser) -> None:
    page = text(olga.get(QUEUES))
    assert "No dead letters." in page
    assert "No handler has raised until it was given up." in page


def test_a_part_that_cannot_be_read_leaves_the_others(browse: Open, store: MemoryStore) -> None:
    over = Ailing(store, StoreUnavailable("hunter2"), "dead_letters")
    answer = browse(over=over).signed_in("Olga", OPERATOR_KEY).get(QUEUES)
    page = text(answer)
    assert answer.status_code == 200
    assert "Dead letters could not be read" in page
    assert "Handlers that raise could not be read" in page
    assert row(page, "send")


@pytest.mark.parametrize("path", [QUEUES, LETTERS, REPLAYS, f"{REPLAYS}/new"])
def test_without_the_database_it_is_unavailable(olga: Browser, store: MemoryStore, path: str) -> None:
    store.down = True
    assert olga.get(path).status_code == 503
