from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import by_hand, chromium, world
from tests.browser.console import Console, Scheme, opened
from tests.browser.filling import Filled, fill

Open = Callable[..., Console]
_SPARE = 10


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Fails, and never skips, where there is none."""
    missing = _why_not()
    if missing:
        pytest.fail(missing, pytrace=False)
    with chromium.running() as started:
        yield started


def _why_not() -> str:
    try:
        chromium.find()
    except chromium.NoChromium as missing:
        return str(missing)
    return ""


@pytest.fixture(scope="session")
def filled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with world.running(tmp_path_factory.mktemp("console")) as running:
        made = fill(running, spare=_SPARE)
        console = opened(browser, running.origin)
        console.open("/console")
        console.sign_in("Olga Petersen", running.operator_key)
        by_hand.act(console, made)
        console.close()
        yield made


@pytest.fixture
def open_console(browser: Browser, filled: Filled) -> Iterator[Open]:
    """Browsers that nobody has used yet. At the end none of them has noticed what no page may do."""
    started: list[Console] = []

    def open_one(*, scheme: Scheme = "light", script: bool = True) -> Console:
        console = opened(browser, filled.world.origin, scheme=scheme, script=script)
        started.append(console)
        return console

    yield open_one
    for console in started:
        console.close()
    assert [fault for console in started for fault in console.watch.faults] == []


@pytest.fixture
def stranger(open_console: Open) -> Console:
    """Before the way in."""
    console = open_console()
    console.open("/console")
    return console


@pytest.fixture
def olga(stranger: Console, filled: Filled) -> Console:
    """An operator, on the first page."""
    stranger.sign_in("Olga Petersen", filled.world.operator_key)
    return stranger


@pytest.fixture
def rita(stranger: Console, filled: Filled) -> Console:
    """A reader, on the first page."""
    stranger.sign_in("Rita Moreau", filled.world.reader_key)
    return stranger
