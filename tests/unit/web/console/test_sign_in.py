"""The way in: a key and a name, tried not too often, and back to where one wanted to go."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from shared.config.settings import Settings
from shared.domain.webhook import fingerprint
from tests.fakes.store import MemoryStore
from tests.unit.web.api import KEY, PREVIOUS_KEY
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from web.console.throttle import TRIES, WITHIN, Throttle


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as lines:
        yield lines


def told(logs: list[EventDict], name: str) -> list[EventDict]:
    return [line for line in logs if line["event"] == f"email.console.{name}"]


def count(browser: Browser, outcome: str) -> float:
    found = re.search(
        rf'^email_console_sign_in_total{{outcome="{outcome}"}} (\S+)$',
        text(browser.get("/metrics")),
        re.MULTILINE,
    )
    return float(found[1]) if found else 0.0


def test_a_stranger_is_led_to_the_sign_in_and_from_there_back(stranger: Browser) -> None:
    assert led_to(stranger.get("/console?window=week")) == "/console/sign-in?next=/console?window%3Dweek"
    assert led_to(stranger.try_key(OPERATOR_KEY, to="/console?window=week")) == "/console?window=week"
    assert stranger.is_signed_in()


@pytest.mark.parametrize(("key", "role"), [(OPERATOR_KEY, "operator"), (READER_KEY, "reader")])
def test_the_key_gives_the_role_and_the_page_says_who_is_there(
    stranger: Browser, key: str, role: str
) -> None:
    page = text(stranger.signed_in("Jörg <Ops>", key).get("/console"))
    assert f'Jörg &lt;Ops&gt; <span class="text-body-secondary">({role})</span>' in page


@pytest.mark.parametrize("key", ["", "wrong", KEY, PREVIOUS_KEY, OPERATOR_KEY[:-1], f"{OPERATOR_KEY} "])
def test_no_other_key_opens_the_console_and_none_of_the_api_does(stranger: Browser, key: str) -> None:
    refused = stranger.try_key(key)
    assert refused.status_code == 403
    assert key not in text(refused) or key in ("", "wrong")
    assert not stranger.is_signed_in()


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": f"Bearer {key}"} for key in (KEY, OPERATOR_KEY)]
    + [{"Authorization": "Basic b2xnYTphLWtleS10aGF0LWlzLXZhbGlkLW5vdw=="}],
)
def test_no_header_opens_the_console(stranger: Browser, headers: dict[str, str]) -> None:
    assert stranger.get("/console", headers=headers).status_code == 303


def test_a_key_of_the_console_does_not_open_the_api(stranger: Browser) -> None:
    path = "/v1/shop-access/email/job/query"
    for key in (OPERATOR_KEY, READER_KEY):
        assert (
            stranger.open(path, method="POST", headers={"Authorization": f"Bearer {key}"}).status_code == 401
        )


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\x00b", "two\nlines"])
def test_who_signs_in_has_a_name(stranger: Browser, name: str) -> None:
    assert stranger.try_key(OPERATOR_KEY, name=name).status_code == 400
    assert not stranger.is_signed_in()


def test_a_key_in_the_place_of_the_name_is_neither_taken_nor_shown(
    stranger: Browser, logs: list[EventDict]
) -> None:
    refused = stranger.try_key(OPERATOR_KEY, name=READER_KEY)
    assert refused.status_code == 400
    assert READER_KEY not in text(refused) + str(logs)
    # Without a key that opens, nothing is said of the name: it would be one more way to guess.
    assert stranger.try_key("wrong", name=READER_KEY).status_code == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/console",
        "/\\evil.example",
        "\\\\evil.example",
        "/console\\..\\..\\evil",
        "/console/../v1",
        "/console/%2e%2e/metrics",
        "/metrics",
        "/consoles",
        "javascript:alert(1)",
        "/console\t//evil.example",
        "console",
        "https:/console",
        "http:///console",
        "/consolé",
    ],
)
def test_nobody_is_led_elsewhere_by_next(stranger: Browser, target: str) -> None:
    assert 'name="next" value="/console"' in text(
        stranger.get("/console/sign-in", query_string={"next": target})
    )
    assert led_to(stranger.try_key(OPERATOR_KEY, to=target)) == "/console"


@pytest.mark.parametrize(
    "target", ["/console", "/console/jobs?text=a//b", "/console/jobs/1#events", "/console?x=1"]
)
def test_pages_of_the_console_are_gone_to(stranger: Browser, target: str) -> None:
    assert led_to(stranger.try_key(OPERATOR_KEY, to=target)) == target.partition("#")[0]


def test_who_is_signed_in_is_not_asked_again(olga: Browser) -> None:
    assert led_to(olga.get("/console/sign-in?next=/console?window=2h")) == "/console?window=2h"


def test_who_comes_by_a_link_from_elsewhere_goes_on_from_here_and_loses_no_session(olga: Browser) -> None:
    kept = olga.cookie()
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    stranger = Browser(olga.app)
    for path in ("/console?window=week", "/console/sign-in"):
        page = stranger.get(path, headers=elsewhere)
        assert page.status_code == 200
        assert f'content="0; url={path}"' in text(page)
        # The browser kept the cookie back: a new one would take its place.
        assert "Set-Cookie" not in page.headers
    assert olga.cookie() == kept
    assert olga.get("/console", headers=elsewhere).status_code == 200


def test_signing_out_ends_the_session_and_is_told(olga: Browser, logs: list[EventDict]) -> None:
    assert led_to(olga.post("/console/sign-out")) == "/console/sign-in"
    assert not olga.is_signed_in()
    assert [line["author"] for line in told(logs, "signed_out")] == ["Olga"]


def test_a_sign_in_is_told_and_counted_with_the_keys_fingerprint(
    stranger: Browser, logs: list[EventDict]
) -> None:
    before = count(stranger, "signed_in")
    stranger.try_key(READER_KEY, name="Rita")
    (line,) = told(logs, "signed_in")
    assert (line["author"], line["access"], line["key"]) == ("Rita", "reader", fingerprint(READER_KEY))
    assert READER_KEY not in str(logs)
    assert count(stranger, "signed_in") == before + 1


def test_a_refusal_is_told_and_counted_without_what_was_typed(
    stranger: Browser, logs: list[EventDict]
) -> None:
    before = count(stranger, "wrong_key")
    stranger.try_key("hunter2-hunter2-hunter2", name="Mallory")
    assert [line["reason"] for line in told(logs, "sign_in_refused")] == ["wrong_key"]
    assert not re.search("hunter2|Mallory", str(logs))
    assert count(stranger, "wrong_key") == before + 1


def test_guessing_is_stopped_for_the_rest_of_a_minute_even_with_the_right_key(
    stranger: Browser, store: MemoryStore, logs: list[EventDict]
) -> None:
    for _ in range(TRIES):
        assert stranger.try_key("wrong").status_code == 403
        store.advance(seconds=1)
    refused = stranger.try_key(OPERATOR_KEY)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, str(60 - TRIES))
    assert told(logs, "sign_in_refused")[-1]["reason"] == "throttled"
    store.advance(seconds=60 - TRIES)
    assert stranger.try_key(OPERATOR_KEY).status_code == 303


def test_wrong_keys_that_come_slowly_stop_nobody(stranger: Browser, store: MemoryStore) -> None:
    for _ in range(3 * TRIES):
        assert stranger.try_key("wrong").status_code == 403
        store.advance(WITHIN / TRIES)


def test_a_clock_that_was_set_back_keeps_nobody_out(store: MemoryStore) -> None:
    throttle = Throttle(store.clock)
    for _ in range(TRIES):
        throttle.refused()
    assert throttle.wait_seconds() == 60
    store.advance(timedelta(hours=-2))
    assert throttle.wait_seconds() == 0


def test_a_console_without_readers_has_no_key_for_them(browse: Open, opened: Settings) -> None:
    alone = opened.console.model_copy(update={"reader_key": None})
    browser = browse(opened.model_copy(update={"console": alone}))
    assert browser.try_key(READER_KEY).status_code == 403
    assert browser.try_key(OPERATOR_KEY).status_code == 303
