"""The machine's own Chromium, driven by Playwright: nothing is downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser")
MISSING = (
    "No chromium is on PATH: `apt-get install chromium` brings it. One elsewhere is named by EMAIL_CHROMIUM."
)
# What it would do of its own accord is left out: the pages alone ask for something.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    # Letters in shades of grey: the same on every screen, and small as a picture.
    "--disable-lcd-text",
    "--force-color-profile=srgb",
)


class NoChromium(RuntimeError):
    """There is none on this machine; the text says how it gets there."""


def find() -> str:
    """Its path. Raises `NoChromium`."""
    named = os.environ.get("EMAIL_CHROMIUM")
    found = [path for name in (named,) if name and (path := shutil.which(name))]
    if not named:
        found = [path for name in NAMES if (path := shutil.which(name))]
    if not found:
        raise NoChromium(MISSING)
    return found[0]


@contextmanager
def running() -> Iterator[Browser]:
    """Headless. Raises `NoChromium`."""
    path = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
