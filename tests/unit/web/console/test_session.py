"""What a session is, and when it is over."""

from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from flask import session
from itsdangerous import URLSafeTimedSerializer

from shared.config.settings import Settings
from shared.domain.webhook import fingerprint
from tests.fakes.store import MemoryStore
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, text
from tests.unit.web.console.conftest import Open, with_keys
from web import BASE
from web.console.session import REFRESH, secret_of

ANOTHER_KEY = "another-key-of-the-operators"
HOUR = timedelta(hours=1)


def cookie_of(browser: Browser) -> SimpleCookie:
    answer = browser.try_key(OPERATOR_KEY)
    return SimpleCookie(answer.headers["Set-Cookie"])


def content_of(browser: Browser, path: str = "/console") -> dict[str, object]:
    """What is in the cookie, as anybody who has it can read it."""
    with browser.app.test_request_context(path, headers={"Cookie": f"email_console={browser.cookie()}"}):
        return dict(session)


def test_the_cookie_is_for_the_console_alone_and_no_script_reads_it(stranger: Browser) -> None:
    cookie = cookie_of(stranger)["email_console"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/console", True, "Strict")
    assert cookie["secure"] is True
    assert (cookie["max-age"], cookie["expires"], cookie["domain"]) == ("", "", "")


def test_there_is_no_session_outside_of_the_console(olga: Browser) -> None:
    assert content_of(olga, "/console/jobs")
    assert not content_of(olga, f"{BASE}/job")


def test_without_tls_the_cookie_does_without(browse: Open, opened: Settings) -> None:
    plain = opened.model_copy(update={"public_base_url": "http://127.0.0.1:8080"})
    assert not cookie_of(browse(plain))["email_console"]["secure"]


def test_the_cookie_holds_no_key(olga: Browser) -> None:
    kept = content_of(olga)["operator"]
    assert isinstance(kept, dict)
    assert {name: kept[name] for name in ("name", "role", "key")} == {
        "name": "Olga",
        "role": "operator",
        "key": fingerprint(OPERATOR_KEY),
    }
    assert OPERATOR_KEY not in str(content_of(olga))


def test_a_session_ends_after_idling_and_not_while_it_is_used(olga: Browser, store: MemoryStore) -> None:
    for _ in range(2):
        store.advance(8 * HOUR - timedelta(seconds=1))
        assert olga.is_signed_in()
    store.advance(8 * HOUR)
    assert not olga.is_signed_in()


def test_a_page_that_renews_itself_keeps_no_session_alive(olga: Browser, store: MemoryStore) -> None:
    for _ in range(7):
        store.advance(HOUR)
        assert olga.get("/console", headers={REFRESH: "1"}).status_code == 200
    store.advance(HOUR)
    assert olga.get("/console", headers={REFRESH: "1"}).status_code == 303


def test_a_session_ends_after_a_day_whatever_is_done_with_it(olga: Browser, store: MemoryStore) -> None:
    for _ in range(23):
        store.advance(HOUR)
        assert olga.is_signed_in()
    store.advance(HOUR)
    assert not olga.is_signed_in()


def test_every_replica_knows_the_session(olga: Browser, browse: Open) -> None:
    replica = browse()
    replica.put_cookie(olga.cookie() or "")
    assert replica.is_signed_in()


@pytest.mark.parametrize(("operator", "reader"), [(ANOTHER_KEY, READER_KEY), (OPERATOR_KEY, ANOTHER_KEY)])
def test_a_changed_key_ends_every_session(
    olga: Browser, browse: Open, settings: Settings, operator: str, reader: str
) -> None:
    changed = browse(with_keys(settings, operator=operator, reader=reader))
    changed.put_cookie(olga.cookie() or "")
    assert not changed.is_signed_in()


def test_a_session_of_a_key_that_is_not_valid_is_over_even_if_its_signature_is_right(
    olga: Browser, browse: Open
) -> None:
    forger = browse()
    forger.put_cookie(forged(olga, key=fingerprint(ANOTHER_KEY)))
    assert not forger.is_signed_in()


def test_a_role_is_that_of_its_key(rita: Browser, browse: Open) -> None:
    forger = browse()
    forger.put_cookie(forged(rita, role="operator"))
    assert not forger.is_signed_in()


def forged(browser: Browser, **changes: object) -> str:
    """A session signed as ours are, that says something else."""
    content = content_of(browser)
    kept = content["operator"]
    assert isinstance(kept, dict)
    app = browser.app
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    assert isinstance(serializer, URLSafeTimedSerializer)
    signed = serializer.dumps({**content, "operator": {**kept, **changes}})
    return signed if isinstance(signed, str) else signed.decode()


def test_a_forgery_that_changes_nothing_is_good(olga: Browser, browse: Open) -> None:
    """Else the tests above could not fail."""
    forger = browse()
    forger.put_cookie(forged(olga))
    assert forger.is_signed_in()


def test_a_cookie_that_was_touched_is_no_session(olga: Browser, browse: Open) -> None:
    cookie = olga.cookie() or ""
    other = browse()
    # Not the last one, which has bits that mean nothing.
    other.put_cookie(cookie[:-2] + ("A" if cookie[-2] != "A" else "B") + cookie[-1])
    assert not other.is_signed_in()


def test_signing_in_begins_anew_so_that_nobody_can_plant_a_session(stranger: Browser) -> None:
    planted, token = stranger.cookie(), stranger.token()
    stranger.try_key(OPERATOR_KEY)
    assert stranger.cookie() != planted
    assert stranger.post("/console/sign-out", token=token).status_code == 400
    assert stranger.is_signed_in()


def test_the_secret_depends_on_each_key_and_on_which_is_which(settings: Settings) -> None:
    pairs = [("a" * 16, "b" * 16), ("b" * 16, "a" * 16), ("a" * 16, None), ("a" * 17, "b" * 15)]
    secrets = [secret_of(with_keys(settings, operator=one, reader=other).console) for one, other in pairs]
    assert len(set(secrets)) == len(pairs)
    assert {len(secret) for secret in secrets} == {32}


def test_the_session_of_nobody_is_not_on_the_page(stranger: Browser) -> None:
    page = text(stranger.get("/console/sign-in"))
    assert "Sign out" not in page
    assert "<nav" not in page
