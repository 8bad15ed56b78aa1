"""What a process notes beside its work: keys that were shown, and that callbacks are being taken."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from shared.config.settings import Settings, Switch
from shared.domain.configuration import Provisioned
from shared.domain.errors import StoreUnavailable
from shared.domain.gap import Gap
from shared.domain.webhook import fingerprint
from shared.ports.store import Transaction
from tests.fakes.clock import FixedClock
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, KEY, PREVIOUS_KEY, UNKNOWN, Api, a_configuration, container_of
from web.intake.keys import ApiKey, KeyPorts, Which, api_keys

CURRENT, PREVIOUS = fingerprint(KEY), fingerprint(PREVIOUS_KEY)
AWAY = timedelta(minutes=60)


class Counting:
    """A store that counts transactions and refuses what `refuses` says, of a transaction that begins."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.begun = 0
        self.refuses: Callable[[], None] = lambda: None

    def begin(self) -> AbstractContextManager[Transaction]:
        self.begun += 1
        self.refuses()
        return self._store.begin()

    def ping(self) -> None:
        self._store.ping()


@pytest.fixture
def counting(store: MemoryStore) -> Counting:
    return Counting(store)


@pytest.fixture
def fresh(settings: Settings, counting: Counting, store: MemoryStore) -> Api:
    """A process that has noted nothing yet."""
    a_configuration(store, provisioned=Provisioned(webhook_id=7))
    return Api(container_of(settings, counting, RecordingDoorbell(), clock=store.clock))


def uses(store: MemoryStore) -> dict[tuple[str, str], Any]:
    with store.begin() as tx:
        return {(use.fingerprint, use.purpose): use.last_used_at for use in tx.key_uses.all()}


def gaps(store: MemoryStore) -> list[Gap]:
    with store.begin() as tx:
        return tx.gaps.latest(10)


def test_the_settings_say_what_away_is(settings: Settings) -> None:
    assert timedelta(minutes=settings.callbacks.away_minutes) == AWAY


# Keys.


def test_each_key_is_noted_for_what_it_was_shown_for(fresh: Api, store: MemoryStore) -> None:
    fresh.get(f"/job/{UNKNOWN}")
    fresh.receive("{}", {"Authorization": f"Bearer {PREVIOUS_KEY}"})
    now = store.clock.now()
    assert uses(store) == {(CURRENT, "caller"): now, (PREVIOUS, "provider"): now}


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Bearer {CURRENT}"])
def test_a_wrong_key_is_no_use(fresh: Api, store: MemoryStore, header: str | None) -> None:
    assert fresh.get(f"/job/{UNKNOWN}", headers={"Authorization": header}).status_code == 401
    assert fresh.receive("{}", {"Authorization": header}).status_code == 401
    assert uses(store) == {}


def test_a_good_key_with_a_wrong_routing_token_was_shown_all_the_same(fresh: Api, store: MemoryStore) -> None:
    fresh.receive("{}", {"X-Email-Routing-Token": "wrong"})
    assert set(uses(store)) == {(CURRENT, "provider")}


def test_a_use_is_noted_at_most_once_in_thirty_seconds(
    fresh: Api, store: MemoryStore, counting: Counting
) -> None:
    began = store.clock.now()
    for _ in range(5):
        fresh.get(f"/job/{UNKNOWN}")
    assert counting.begun == 5 + 1
    store.advance(seconds=29)
    fresh.get(f"/job/{UNKNOWN}")
    assert uses(store)[CURRENT, "caller"] == began
    store.advance(seconds=1)
    fresh.get(f"/job/{UNKNOWN}")
    assert uses(store)[CURRENT, "caller"] == began + timedelta(seconds=30)


def test_a_clock_that_was_set_back_does_not_silence_the_notes(settings: Settings, store: MemoryStore) -> None:
    clock = FixedClock()
    api = Api(container_of(settings, store, RecordingDoorbell(), clock=clock))
    api.get(f"/job/{UNKNOWN}")
    clock.advance(timedelta(hours=-2))
    store.advance(seconds=31)
    api.get(f"/job/{UNKNOWN}")
    assert uses(store)[CURRENT, "caller"] == store.clock.now()


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("no such table")])
def test_a_use_that_cannot_be_noted_changes_no_answer_and_is_told(
    fresh: Api, counting: Counting, error: Exception
) -> None:
    def refuse_the_second() -> None:
        if counting.begun == 2:
            raise error

    counting.refuses = refuse_the_second
    with capture_logs() as logs:
        assert fresh.get(f"/job/{UNKNOWN}").status_code == 404
    assert counting.begun == 2
    assert type(error).__name__ in {line.get("error") for line in logs}


def test_while_the_database_is_away_nobody_waits_for_it_twice(
    fresh: Api, store: MemoryStore, counting: Counting
) -> None:
    store.down = True
    assert fresh.receive("{}").status_code == 503
    assert counting.begun == 1


def test_keys_are_told_with_their_uses_and_the_webhooks_that_show_them(
    fresh: Api, store: MemoryStore
) -> None:
    gone = fingerprint("a-key-of-two-rotations-ago")
    with store.begin() as tx:
        tx.key_uses.used(gone, "provider")
        tx.key_uses.used(CURRENT, "provider")
        tx.key_uses.used(CURRENT, "caller")
        tx.webhook_keys.set(CONFIGURATION, PREVIOUS)
    now = store.clock.now()
    assert api_keys(KeyPorts(store, (KEY, PREVIOUS_KEY))) == [
        ApiKey(CURRENT, Which.CURRENT, "caller", now, webhooks=0),
        ApiKey(CURRENT, Which.CURRENT, "provider", now, webhooks=0),
        ApiKey(PREVIOUS, Which.PREVIOUS, None, None, webhooks=1),
        ApiKey(gone, Which.UNKNOWN, "provider", now, webhooks=0),
    ]


def test_a_webhook_whose_key_nobody_knows_is_counted_as_such(fresh: Api, store: MemoryStore) -> None:
    rows = api_keys(KeyPorts(store, (KEY,)))
    assert rows == [
        ApiKey(CURRENT, Which.CURRENT, None, None, webhooks=0),
        ApiKey("", Which.UNKNOWN, None, None, webhooks=1),
    ]


def test_a_key_that_is_current_and_previous_is_current(store: MemoryStore) -> None:
    assert [row.which for row in api_keys(KeyPorts(store, (KEY, KEY)))] == [Which.CURRENT]


def test_ports_do_not_show_keys(store: MemoryStore) -> None:
    assert KEY not in repr(KeyPorts(store, (KEY,)))


# Presence.


def test_the_first_sign_of_an_ingress_opens_no_gap(fresh: Api, store: MemoryStore) -> None:
    fresh.get("/readyz")
    store.advance(AWAY)
    fresh.get("/readyz")
    assert gaps(store) == []


@pytest.mark.parametrize("back", ["/readyz", "callback"])
def test_an_ingress_that_was_away_for_too_long_has_the_time_caught_up(
    fresh: Api, store: MemoryStore, back: str
) -> None:
    left = store.clock.now()
    fresh.get("/readyz")
    store.advance(AWAY + timedelta(seconds=1))
    with capture_logs() as logs:
        answer = fresh.get(back) if back == "/readyz" else fresh.receive("{}")
    assert answer.status_code == 200
    (gap,) = gaps(store)
    assert (gap.configuration_id, gap.from_at, gap.until_at) == (CONFIGURATION, left, store.clock.now())
    assert (gap.cause, gap.author) == ("ingress was away", "web")
    (told,) = [line for line in logs if line["event"] == "email.webhook.gap_opened"]
    assert (told["configurations"], told["seconds"]) == (1, 3601)


def test_presence_is_noted_at_most_once_in_fifteen_seconds(
    fresh: Api, store: MemoryStore, counting: Counting
) -> None:
    for _ in range(5):
        fresh.get("/readyz")
    assert counting.begun == 1
    store.advance(seconds=15)
    fresh.get("/readyz")
    assert counting.begun == 2


def test_callbacks_that_are_turned_away_are_no_presence(fresh: Api, store: MemoryStore) -> None:
    fresh.receive("[]")
    fresh.receive("{}", {"X-Email-Routing-Token": "wrong"})
    with store.begin() as tx:
        assert tx.presence.seen("ingress") is None


def test_an_outage_of_the_database_is_an_absence(fresh: Api, store: MemoryStore) -> None:
    fresh.get("/readyz")
    store.down = True
    for _ in range(61):
        store.advance(timedelta(minutes=1))
        assert fresh.get("/readyz").status_code == 503
    store.down = False
    fresh.get("/readyz")
    assert len(gaps(store)) == 1


def test_an_ingress_that_takes_no_callbacks_is_not_there(settings: Settings, store: MemoryStore) -> None:
    routes = settings.routes.model_copy(update={"postmark_events": Switch(enabled=False)})
    closed = settings.model_copy(update={"routes": routes})
    Api(container_of(closed, store, RecordingDoorbell(), clock=store.clock)).get("/readyz")
    with store.begin() as tx:
        assert tx.presence.seen("ingress") is None


def test_two_processes_that_come_back_open_one_gap(settings: Settings, store: MemoryStore) -> None:
    a_configuration(store, provisioned=Provisioned(webhook_id=7))
    processes = [Api(container_of(settings, store, RecordingDoorbell(), clock=store.clock)) for _ in range(2)]
    processes[0].get("/readyz")
    store.advance(AWAY * 2)
    for process in processes:
        process.get("/readyz")
    assert len(gaps(store)) == 1


def test_a_presence_that_cannot_be_noted_makes_nobody_unready(fresh: Api, counting: Counting) -> None:
    def refuse() -> None:
        raise RuntimeError("no such table")

    counting.refuses = refuse
    with capture_logs() as logs:
        assert fresh.get("/readyz").status_code == 200
    assert "RuntimeError" in {line.get("error") for line in logs}


def test_a_presence_whose_gaps_cannot_be_opened_is_not_noted(settings: Settings, store: MemoryStore) -> None:
    a_configuration(store, provisioned=Provisioned(webhook_id=7))
    with store.begin() as tx:
        tx.presence.seen("ingress")
    left = store.clock.now()
    store.advance(AWAY * 2)
    api = Api(container_of(settings, WithoutGaps(store), RecordingDoorbell(), clock=store.clock))
    assert api.get("/readyz").status_code == 200
    with store.begin() as tx:
        assert tx.presence.seen("ingress") == left


class WithoutGaps:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            tx.gaps = cast("Any", None)
            yield tx

    def ping(self) -> None:
        self._store.ping()
