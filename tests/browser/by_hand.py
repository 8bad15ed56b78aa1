"""What people did before anybody looks: so that there is a replay, a snooze, and deeds with their reasons."""

import re

from playwright.sync_api import expect

from tests.browser.console import Console
from tests.browser.filling import Filled


def act(console: Console, filled: Filled) -> None:
    """As an operator who is signed in."""
    _suppress(console, filled)
    _snooze(console)
    _ask_and_undo(console, filled)


def _suppress(console: Console, filled: Filled) -> None:
    console.open(f"/console/suppressions?tenant={filled.acme.id}")
    address = "left.the.company@example.org"
    console.do("Add an address", "They wrote that they have left.", fields={"Address": address})
    expect(console.heading).to_have_text(address)


def _snooze(console: Console) -> None:
    console.open("/console/drift?tag=email.drift.postmark_orphan_server")
    console.page.get_by_role("link", name="ardamails-dev-elmwood").click()
    console.do("Snooze", "Elmwood moves here from their own account next week.")
    expect(console.messages).to_contain_text("Nobody is told of it until")


def _ask_and_undo(console: Console, filled: Filled) -> None:
    console.open(f"/console/queues/replays/new?configuration={filled.acme.eid}")
    console.do("Replay", "The address was mended.", button=re.compile("^Replay in"))
    console.page.get_by_role("button", name="Undo").click()
    expect(console.messages).to_have_text("Undone: nothing was put back.")
