"""Keys on the console: who shows which, which versions tokens need, and sealing them anew."""

from dataclasses import replace
from uuid import UUID

import pytest
from jinja2 import BytecodeCache

from shared.config.settings import Settings
from shared.domain.configuration import Provisioned
from shared.domain.errors import StoreUnavailable
from shared.domain.lifecycle import Administrative
from shared.domain.webhook import fingerprint
from shared.messaging.messages import ResealToken
from shared.rotating import ENCRYPTION_KEY
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore
from tests.unit.web.api import KEY, PREVIOUS_KEY, a_configuration, container_of
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.deeds import WHY, refuse_unless_meant, told
from tests.unit.web.console.parts import Ailing, section, why_disabled, words
from web.app import create_app

REWRAP = "/console/keys/rewrap"


@pytest.fixture
def cipher() -> FakeCipher:
    """v2 is current, and v1 still mounted."""
    return FakeCipher("v2", {"v1", "v2"})


@pytest.fixture
def doorbell() -> RecordingDoorbell:
    return RecordingDoorbell()


@pytest.fixture
def stranger(
    opened: Settings,
    store: MemoryStore,
    doorbell: RecordingDoorbell,
    cipher: FakeCipher,
    compiled: BytecodeCache,
) -> Browser:
    container = container_of(opened, store, doorbell, clock=store.clock)
    app = create_app(replace(container, key_versions=cipher, cipher=cipher))
    app.jinja_env.bytecode_cache = compiled
    return Browser(app)


@pytest.fixture
def olga(stranger: Browser) -> Browser:
    return stranger.signed_in("Olga", OPERATOR_KEY)


def sealed(store: MemoryStore, *versions: str) -> list[UUID]:
    """A configuration with a server token by each version."""
    ids = []
    for number, version in enumerate(versions, 1):
        one = a_configuration(
            store,
            e_id=UUID(int=number),
            slug=f"slug-{number}",
            routing_token_hash=bytes([number]),
            administrative=Administrative.LOCKED,
            provisioned=Provisioned(server_id=number, server_token=f"a1.k{version}:AAAA"),
        )
        ids.append(one.e_id)
    return ids


def seal_anew(store: MemoryStore, e_id: UUID) -> None:
    """As a worker does it."""
    with store.begin() as tx:
        token = tx.sealed_tokens.get(e_id)
        assert token is not None
        assert tx.sealed_tokens.reseal(token, "a1.kv2:BBBB")


def page_of(browser: Browser) -> str:
    answer = browser.get("/console/keys")
    assert answer.status_code == 200
    return text(answer)


# API keys.


def test_each_key_is_told_by_its_name_with_who_showed_it_when(olga: Browser, store: MemoryStore) -> None:
    with store.begin() as tx:
        tx.key_uses.used(fingerprint(PREVIOUS_KEY), "provider")
    store.advance(seconds=3600)
    with store.begin() as tx:
        tx.key_uses.used(fingerprint(KEY), "caller")
    part = words(section(page_of(olga), "api-keys"))
    assert f"{fingerprint(KEY)} current caller now" in part
    assert f"{fingerprint(PREVIOUS_KEY)} previous provider 1 h ago" in part


def test_no_key_is_on_the_page(olga: Browser) -> None:
    page = page_of(olga)
    for key in (KEY, PREVIOUS_KEY, OPERATOR_KEY, READER_KEY):
        assert key not in page


def test_webhooks_behind_the_current_key_are_counted_with_the_command_that_rewrites_them(
    olga: Browser, store: MemoryStore
) -> None:
    one = a_configuration(store, provisioned=Provisioned(server_id=1, webhook_id=2))
    with store.begin() as tx:
        tx.webhook_keys.set(one.e_id, fingerprint(PREVIOUS_KEY))
    part = words(section(page_of(olga), "api-keys"))
    assert "1 webhook does not show the current key" in part
    assert "emailctl webhooks rotate-bearer" in part
    assert "may not be dropped yet" in part
    assert f"1 still show key {fingerprint(PREVIOUS_KEY)} (previous)" in part


def test_a_previous_key_that_was_shown_lately_may_not_be_dropped(olga: Browser, store: MemoryStore) -> None:
    with store.begin() as tx:
        tx.key_uses.used(fingerprint(PREVIOUS_KEY), "caller")
    assert "The caller showed it 0 min ago: wait until it has not for 24 h." in words(page_of(olga))
    store.advance(seconds=24 * 3600 + 1)
    assert olga.try_key(OPERATOR_KEY).status_code == 303
    assert "The previous key may be dropped" in page_of(olga)


def test_without_a_previous_key_there_is_none_to_drop(opened: Settings, browse: Open) -> None:
    alone = opened.api_keys.model_copy(update={"previous": None})
    olga = browse(opened.model_copy(update={"api_keys": alone})).signed_in("Olga", OPERATOR_KEY)
    assert "There is no previous key here" in page_of(olga)


# Key versions.


def test_each_version_is_told_with_what_needs_it_and_since_when(olga: Browser, store: MemoryStore) -> None:
    sealed(store, "v1", "v1", "v2")
    part = words(section(page_of(olga), "versions"))
    assert "v1 mounted 2 301 d 1 h ago" in part
    assert "It has to stay until its tokens are sealed anew." in part
    assert "v2 current 1 301 d 1 h ago" in part
    assert "Sealed by the current version: 1 of 3" in part
    assert '<progress id="sealed" max="3" value="1">' in page_of(olga)


def test_a_version_that_is_needed_and_not_mounted_is_said_aloud(olga: Browser, store: MemoryStore) -> None:
    sealed(store, "v0", "v2")
    part = words(section(page_of(olga), "versions"))
    assert "Not mounted, and needed: v0." in part
    assert "v0 not mounted 1" in part


def test_an_envelope_without_a_version_is_named_as_such(olga: Browser, store: MemoryStore) -> None:
    (e_id,) = sealed(store, "v1")
    held = store._state.configurations[e_id]
    store._state.configurations[e_id] = replace(
        held, provisioned=replace(held.provisioned, server_token="<b>nonsense")
    )
    page = page_of(olga)
    assert "(no version: not an envelope of ours) not mounted 1" in words(page)
    assert "nonsense" not in page


def test_a_version_that_nothing_needs_may_be_taken_out(olga: Browser, store: MemoryStore) -> None:
    sealed(store, "v2")
    assert "v1 mounted 0 \u2013 No token needs it: it may be taken out of the file" in words(page_of(olga))


def test_a_file_that_cannot_be_used_is_said_and_what_was_read_is_shown(
    olga: Browser, cipher: FakeCipher
) -> None:
    cipher.usable = False
    part = words(section(page_of(olga), "versions"))
    assert "The mounted file cannot be used at present." in part
    assert "v2 current" in part


def test_without_any_key_nothing_is_sealed(olga: Browser, cipher: FakeCipher) -> None:
    cipher.versions.clear()
    cipher.current = None  # type: ignore[assignment]
    page = page_of(olga)
    assert "No key is mounted, and no token is sealed." in page
    assert why_disabled(page, "Seal all anew") == "No key material is mounted: nothing can be sealed."


def test_the_part_of_the_keys_stands_when_the_versions_cannot_be_read(
    browse: Open, store: MemoryStore
) -> None:
    over = Ailing(store, StoreUnavailable("hunter2"), "sealed_tokens")
    page = page_of(browse(over=over).signed_in("Olga", OPERATOR_KEY))
    assert "Key versions could not be read" in page
    assert fingerprint(KEY) in page


def test_when_nothing_can_be_read_the_page_is_unavailable(olga: Browser, store: MemoryStore) -> None:
    store.down = True
    assert olga.get("/console/keys").status_code == 503


# Sealing anew.


def test_every_token_of_another_version_is_rung_for_and_the_deed_is_kept(
    olga: Browser, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    first, second, _ = sealed(store, "v1", "v0", "v2")
    answer = olga.post(REWRAP, {"version": "v2", "reason": WHY})
    assert led_to(answer) == "/console/keys"
    assert doorbell.rung_again == [ResealToken(first), ResealToken(second)]
    assert told(store) == [("keys.rewrap", ENCRYPTION_KEY, "Olga", WHY)]
    page = page_of(olga)
    assert "Tokens being sealed anew by v2: 2." in page
    assert 'data-refresh="5"' in page


def test_progress_is_told_by_counts_until_it_has_come_to_its_end(olga: Browser, store: MemoryStore) -> None:
    first, second = sealed(store, "v1", "v1")
    seal_anew(store, first)
    assert "Sealed by the current version: 1 of 2" in words(page_of(olga))
    seal_anew(store, second)
    page = page_of(olga)
    assert "Sealed by the current version: 2 of 2" in words(page)
    assert "data-refresh" not in page
    assert why_disabled(page, "Seal all anew") == "The current version sealed every token."


def test_while_the_broker_is_away_it_is_said_that_they_wait(
    olga: Browser, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    sealed(store, "v1")
    doorbell.down = True
    olga.post(REWRAP, {"version": "v2", "reason": WHY})
    assert "Tokens that wait for v2: 1. The broker is away" in page_of(olga)


@pytest.mark.parametrize("version", ["v1", "", "v3"])
def test_nothing_is_sealed_by_another_version_than_the_one_that_was_looked_at(
    olga: Browser, store: MemoryStore, doorbell: RecordingDoorbell, version: str
) -> None:
    sealed(store, "v1")
    answer = olga.post(REWRAP, {"version": version, "reason": WHY})
    assert (answer.status_code, "It changed meanwhile" in text(answer)) == (409, True)
    assert (doorbell.rung_again, told(store)) == ([], [])


def test_no_deed_is_done_unless_it_is_meant(
    stranger: Browser, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    sealed(store, "v1")
    rita = Browser(stranger.app).signed_in("Rita", READER_KEY)
    refuse_unless_meant(store, stranger.signed_in("Olga", OPERATOR_KEY), rita, REWRAP, {"version": "v2"})
    assert doorbell.rung_again == []
    assert why_disabled(page_of(rita), "Seal all anew").startswith("Your role is reader")
