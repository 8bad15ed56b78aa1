"""Takes the pictures of docs/console.md anew: `make screenshots`."""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, expect

from tests.browser import by_hand, chromium, world
from tests.browser.console import SCREEN, Console, Scheme, opened
from tests.browser.filling import Filled, fill
from tests.browser.pages import PAGES
from tests.browser.pictures import small

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "console"
BYTES_MAX = 150_000
_HEIGHT_MAX = 1500
# Of what is on the page, in pixels from its beginning.
_END = "Math.ceil(document.querySelector('footer').getBoundingClientRect().bottom + scrollY)"
# A day and a half as of a shop: few at night, many in the evening. `often`: jobs in five minutes, on the average.
_TRAFFIC = """
INSERT INTO traffic (minute, counted, label, count)
SELECT minute, counted, label, round(often * (1 + 0.8 * sin(extract(hour FROM minute) / 24 * 6.28 - 2.6)
       + 0.25 * sin(n * 1.7) + 0.15 * sin(n * 0.31)))::bigint
  FROM generate_series(0, 430) AS n,
       LATERAL (SELECT date_trunc('minute', now()) - n * interval '5 minutes' AS minute) AS moments,
       (VALUES ('accepted', '', 60), ('refused', 'suppressed', 4), ('refused', 'cannot_send', 2),
               ('outcome', 'SENT', 58), ('outcome', 'FAILED', 3), ('outcome', 'SUPPRESSED', 2),
               ('status', 'DELIVERED', 52), ('status', 'BOUNCED', 4), ('status', 'COMPLAINED', 1)
       ) AS kinds (counted, label, often)
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Shot:
    """`prepare` brings the console to where the picture is taken."""

    name: str
    prepare: Callable[[Console, Filled], None]
    scheme: Scheme = "light"
    height_max: int = _HEIGHT_MAX


def _page(name: str) -> Callable[[Console, Filled], None]:
    def show(console: Console, filled: Filled) -> None:
        console.open(PAGES[name](filled))

    return show


def _sign_out(console: Console, filled: Filled) -> None:
    console.open("/console")
    console.page.get_by_role("button", name="Sign out").click()
    console.page.get_by_label("Your name").fill("Olga Petersen")


def _force_lock(console: Console, filled: Filled) -> None:
    console.open(f"/console/configurations/{filled.tenants['fjord'].eid}")
    form = console.unfold("Force-lock")
    form.get_by_label("Type").fill("fjord")
    form.get_by_label("Reason").fill("Their server was given away: nothing of this may go out.")


def _told(console: Console, filled: Filled) -> None:
    console.open(PAGES["events"](filled))
    console.page.get_by_role("combobox", name="Kind").select_option("Bounce")
    console.page.get_by_role("button", name="Look").click()
    console.page.locator("summary", has_text="What the provider sent").first.click()


def _events(console: Console, filled: Filled) -> None:
    console.open(PAGES["job that was complained of"](filled))
    console.page.locator("summary", has_text="What the provider sent").last.click()


def _replay(console: Console, filled: Filled) -> None:
    console.open("/console/queues/replays")
    console.page.get_by_role("region", name="Replays").get_by_role("link").first.click()


def _file(console: Console, filled: Filled) -> None:
    lines = b"address,reason,note\nanna.berg@example.org,IMPORTED,left in 2024\nnot an address,IMPORTED,\n"
    console.open(PAGES["import"](filled))
    console.page.get_by_label("File").set_input_files(
        FilePayload(name="list.csv", mimeType="text/csv", buffer=lines)
    )
    console.page.get_by_role("button", name="See what it would do").click()


SHOTS = (
    Shot("overview", _page("overview"), height_max=2000),
    Shot("overview-dark", _page("overview"), scheme="dark"),
    Shot("configurations", _page("configurations")),
    Shot("configuration", _page("configuration that locks"), height_max=1150),
    Shot("signal", _force_lock, height_max=SCREEN["height"]),
    Shot("events", _told, height_max=1000),
    Shot("jobs", _page("jobs of a configuration"), height_max=1000),
    Shot("job", _events),
    Shot("doubt", _page("job in doubt")),
    Shot("queues", _page("queues")),
    Shot("dead-letters", _page("dead letters")),
    Shot("replay", _replay),
    Shot("suppressions", _page("suppressions of a tenant")),
    Shot("import", _file),
    Shot("drift", _page("drift")),
    Shot("finding", _page("finding")),
    Shot("keys", _page("keys")),
    Shot("audit", _page("audit"), height_max=1000),
    # The last: nobody is signed in afterwards.
    Shot("sign-in", _sign_out),
)


def main() -> None:
    try:
        with chromium.running() as browser, tempfile.TemporaryDirectory() as folder:
            _take_all(browser, Path(folder))
    except chromium.NoChromium as missing:
        sys.exit(str(missing))


def _take_all(browser: Browser, folder: Path) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with world.running(folder) as running:
        filled = fill(running)
        running.run(_TRAFFIC)
        for name, picture in _taken(browser, filled):
            assert len(picture) <= BYTES_MAX, f"{name} takes too long to load: {len(picture)} bytes"
            (FOLDER / f"{name}.png").write_bytes(picture)
            sys.stdout.write(f"{name}.png: {len(picture) // 1000} kB\n")


def _taken(browser: Browser, filled: Filled) -> Iterator[tuple[str, bytes]]:
    schemes: tuple[Scheme, ...] = ("light", "dark")
    consoles = {scheme: _signed_in(browser, filled, scheme) for scheme in schemes}
    by_hand.act(consoles["light"], filled)
    _put_back(consoles["light"], filled)
    empty = browser.new_page()
    for shot in SHOTS:
        console = consoles[shot.scheme]
        console.page.set_viewport_size(SCREEN)
        shot.prepare(console, filled)
        yield shot.name, small(_take(console, shot), empty)


def _signed_in(browser: Browser, filled: Filled, scheme: Scheme) -> Console:
    console = opened(browser, filled.world.origin, scheme=scheme)
    console.open("/console")
    console.sign_in("Olga Petersen", filled.world.operator_key)
    return console


def _put_back(console: Console, filled: Filled) -> None:
    """A replay that has come to its end."""
    console.open(f"/console/queues/replays/new?configuration={filled.tenants['borealis'].eid}&subject=job")
    console.do("Replay", "Their form refuses such addresses now.", button=re.compile("^Replay in"))
    expect(console.page.locator("main")).to_contain_text("Ended", timeout=90_000)


def _take(console: Console, shot: Shot) -> bytes:
    page = console.page
    height = min(int(page.evaluate(_END)), shot.height_max)
    # As high as the picture, so that nothing is left to be loaded when one comes to see it.
    page.set_viewport_size({**SCREEN, "height": height})
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_load_state("networkidle")
    page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
    return bytes(page.screenshot(animations="disabled", caret="hide"))


if __name__ == "__main__":
    main()
