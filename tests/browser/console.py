"""The console as a person has it before them."""

import re
from collections.abc import Mapping
from typing import Literal

from playwright.sync_api import Browser, Locator, Page, Response, ViewportSize

from sandbox.client import wait_for
from tests.browser.watch import Watch

Scheme = Literal["light", "dark"]
SCREEN = ViewportSize(width=1280, height=800)
# A browser that waits for longer than that waits for nothing.
_PATIENCE_SECONDS = 15
# Of every page that renews itself.
_RENEWAL_SECONDS_MAX = 15


def opened(browser: Browser, origin: str, *, scheme: Scheme = "light", script: bool = True) -> "Console":
    """A browser of its own: with cookies that nobody else has."""
    context = browser.new_context(
        base_url=origin,
        viewport=SCREEN,
        color_scheme=scheme,
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    context.set_default_timeout(_PATIENCE_SECONDS * 1000)
    watch = Watch(origin)
    watch.keep(context)
    return Console(context.new_page(), watch)


class Console:
    def __init__(self, page: Page, watch: Watch) -> None:
        self.page = page
        self.watch = watch

    def close(self) -> None:
        self.page.context.close()

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    @property
    def messages(self) -> Locator:
        """What a deed has to say."""
        return self.page.locator("#messages .alert")

    def open(self, path: str) -> Response:
        response = self.page.goto(path)
        assert response is not None, "another page than before"
        return response

    def sign_in(self, name: str, key: str) -> None:
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_label("Key", exact=True).fill(key)
        self.page.get_by_role("button", name="Sign in").click()

    def unfold(self, title: str, *, within: Locator | None = None) -> Locator:
        """The form of the deed that is called so: in a dialog with script, in its place without."""
        around = within or self.page.locator("main")
        around.locator("summary", has_text=re.compile(rf"^{re.escape(title)}…$")).click()
        return self.page.locator("form", has=self.page.get_by_role("heading", name=title, exact=True))

    def do(
        self,
        title: str,
        reason: str,
        *,
        fields: Mapping[str, str] | None = None,
        button: str | re.Pattern[str] = "",
        within: Locator | None = None,
    ) -> None:
        """A deed with its confirmation. `fields` by their labels' beginnings."""
        form = self.unfold(title, within=within)
        for label, value in (fields or {}).items():
            form.get_by_label(re.compile(f"^{re.escape(label)}")).fill(value)
        form.get_by_label(re.compile("^Reason")).fill(reason)
        form.get_by_role("button", name=button or title, exact=True).click()
        self.page.wait_for_load_state()

    def take_the_clock(self) -> None:
        """From here on a page's timers wait for `renew_until`, so that no test has to wait for them."""
        self.page.clock.install()

    def renew_until(self, region: Locator, words: str) -> None:
        """The page renews itself again and again until `region` says so."""

        def look() -> str:
            self.page.clock.fast_forward(_RENEWAL_SECONDS_MAX * 1000)
            return str(region.inner_text())

        wait_for(look, lambda said: words in said, seconds=60, what=words)

    def mark(self) -> None:
        """This very document, and none that is loaded after it."""
        self.page.evaluate("window.marked = true")

    def is_marked(self) -> bool:
        return bool(self.page.evaluate("window.marked === true"))

    def row(self, text: str) -> Locator:
        return self.page.locator("tbody tr", has_text=text)

    def fact(self, name: str) -> Locator:
        """The value beside a name; of several, the first one on the page."""
        named = self.page.locator("dt", has_text=re.compile(rf"^{re.escape(name)}$")).first
        return named.locator("xpath=following-sibling::dd[1]")
