"""Words in URLs that nobody reads there."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.config.settings import Settings
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser
from tests.unit.web.console.conftest import Open, with_keys
from web.console.sealing import opened, sealed

WORDS = {"recipient": "person@example.com", "text": "Schlüssel-7"}


@contextmanager
def within(browser: Browser) -> Iterator[None]:
    with browser.app.test_request_context("/console"):
        yield


def test_what_is_sealed_is_opened_again_by_every_process_with_the_same_keys(browse: Open) -> None:
    with within(browse()):
        token = sealed(WORDS)
    with within(browse()):
        assert opened(token) == WORDS


def test_a_seal_shows_nothing_and_needs_no_escapes_in_a_url(stranger: Browser) -> None:
    with within(stranger):
        token = sealed(WORDS)
        assert sealed(WORDS) != token
    assert "person" not in token
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


@pytest.mark.parametrize("token", ["", "x", "gAAAAA==", "é", "\udcff", "a" * 5000])
def test_what_was_not_sealed_here_is_not_opened(stranger: Browser, token: str) -> None:
    with within(stranger):
        assert opened(token) is None


def test_a_seal_that_was_tampered_with_is_not_opened(stranger: Browser) -> None:
    with within(stranger):
        token = sealed(WORDS)
        swapped = token[:40] + ("A" if token[40] != "A" else "B") + token[41:]
        assert opened(swapped) is None


def test_a_seal_ends_with_the_keys_of_the_console(browse: Open, settings: Settings) -> None:
    with within(browse()):
        token = sealed(WORDS)
    with within(browse(with_keys(settings, operator=f"{OPERATOR_KEY}-new", reader=READER_KEY))):
        assert opened(token) is None
