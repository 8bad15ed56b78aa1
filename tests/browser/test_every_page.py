"""What has to hold on every page: for everybody's eyes, in the light and in the dark, and on a small screen."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, ViewportSize, expect

from sandbox.client import wait_for
from tests.browser.axe import violations
from tests.browser.console import SCREEN, Console, Scheme, opened
from tests.browser.filling import Filled
from tests.browser.pages import PAGES
from tests.browser.routes import Endpoints

# As WCAG 1.4.10 has it: 1280 wide at four times the size.
_SMALL = ViewportSize(width=320, height=640)
# Pixels of the page that are beyond the screen.
_WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Pictures and files, ways that lead on, and the way in, which is looked at below.
_ELSEWHERE = {
    *(
        "bootstrap.static",
        "console.static",
        "console.dark_theme",
        "console.chart",
        "console.export_suppressions",
    ),
    *("console.home", "console.subject", "console.sign_in"),
}
EVERY_PAGE = pytest.mark.parametrize("name", PAGES)
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@pytest.fixture(scope="module")
def console(browser: Browser, filled: Filled) -> Iterator[Console]:
    """Signed in once for all pages."""
    opened_once = opened(browser, filled.world.origin)
    opened_once.open("/console")
    opened_once.sign_in("Olga Petersen", filled.world.operator_key)
    yield opened_once
    opened_once.close()


@pytest.fixture(scope="module")
def console_endpoints() -> Endpoints:
    return Endpoints.read()


@EVERY_PAGE
def test_a_page_can_be_used_by_everybody_and_asks_nobody_else(
    console: Console, filled: Filled, name: str
) -> None:
    page = console.page
    page.set_viewport_size(SCREEN)
    console.open(PAGES[name](filled))
    expect(console.heading).to_have_count(1)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == [], scheme
    assert page.evaluate(_WIDER) == 0
    page.set_viewport_size(_SMALL)
    assert page.evaluate(_WIDER) == 0
    assert console.watch.take() == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_way_in_can_be_used_by_everybody(browser: Browser, filled: Filled, scheme: Scheme) -> None:
    stranger = opened(browser, filled.world.origin, scheme=scheme)
    stranger.open("/console")
    assert violations(stranger.page) == []
    stranger.sign_in("Olga Petersen", "wrong")
    expect(stranger.page.get_by_role("alert")).to_be_visible()
    assert violations(stranger.page) == []
    assert stranger.watch.take() == []
    stranger.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_dialog_can_be_used_by_everybody(console: Console, filled: Filled, scheme: Scheme) -> None:
    console.page.emulate_media(color_scheme=scheme)
    console.open(f"/console/configurations/{filled.acme.eid}")
    for screen in (SCREEN, _SMALL):
        console.page.set_viewport_size(screen)
        console.unfold("Force-lock")
        assert violations(console.page) == []
        console.page.keyboard.press("Escape")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_look_at_a_file_can_be_used_by_everybody(console: Console, filled: Filled, scheme: Scheme) -> None:
    console.page.emulate_media(color_scheme=scheme)
    console.page.set_viewport_size(SCREEN)
    console.open(PAGES["import"](filled))
    file = FilePayload(name="list.csv", mimeType="text/csv", buffer=b"address\none@example.org\nnot one\n")
    console.page.get_by_label("File").set_input_files(file)
    console.page.get_by_role("button", name="See what it would do").click()
    expect(console.heading).to_have_text("What the file would do")
    assert violations(console.page) == []
    assert console.watch.take() == []


def test_every_page_that_there_is_was_looked_at(filled: Filled, console_endpoints: Endpoints) -> None:
    seen = {console_endpoints.of(PAGES[name](filled).partition("?")[0]) for name in PAGES}
    assert console_endpoints.all - seen == _ELSEWHERE


def test_what_no_page_may_do_would_be_noticed(browser: Browser, filled: Filled) -> None:
    console = opened(browser, filled.world.origin, scheme="light")
    console.open("/console")
    for element in ('<p style="color: red">red</p>', '<img src="/nowhere.png" alt="">'):
        console.page.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", element)
    console.page.evaluate("fetch('http://elsewhere.example/').catch(() => null)")
    console.page.evaluate("setTimeout(() => { throw new Error('broken') })")
    console.page.evaluate("document.querySelector('label').style.color = '#eee'")
    wait_for(lambda: "\n".join(console.watch.faults), _tells_all, seconds=10, what="what was noticed")
    assert [line for line in violations(console.page) if line.startswith("color-contrast")]
    console.close()


def _tells_all(noticed: str) -> bool:
    return all(word in noticed for word in ("style-src", "connect-src", "404 for", "broken"))
