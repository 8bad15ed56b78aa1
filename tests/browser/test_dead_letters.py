"""Dead letters: narrowed, looked at, put back; and a replay undone, and watched to its end."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.console import Console
from tests.browser.filling import Filled, people, refusing
from tests.browser.tenants import Tenant

# A replay begins after fifteen seconds, and its page renews itself every five.
_SOON_MS = 90_000
_FAILED = 3


@pytest.fixture
def failed(filled: Filled) -> Tenant:
    """A tenant of whose jobs some failed, and would not fail again."""
    tenant = filled.spare()
    with filled.world.provider.saying(refusing(tenant, 300)):
        for job in tenant.send_many(people("example.com", _FAILED)):
            tenant.wait_for_status(job, "FAILED")
    return tenant


def test_letters_are_narrowed_foreseen_undone_and_then_replayed_to_the_end(
    olga: Console, failed: Tenant
) -> None:
    _narrow(olga, failed)
    expect(olga.row("a job that failed")).to_contain_text(str(_FAILED))
    olga.page.get_by_role("link", name="See what a replay of these 3 would do").click()
    expect(olga.page.locator("main")).to_contain_text("Nothing was changed: this is a dry run.")
    expect(olga.row("put_back")).to_contain_text(str(_FAILED))
    assert {job["status"] for job in failed.client.jobs_of(failed.eid)} == {"FAILED"}

    _replay(olga, "The form takes such addresses now.")
    expect(olga.page.locator("main")).to_contain_text("It begins in")
    olga.page.get_by_role("button", name="Undo").click()
    expect(olga.messages).to_have_text("Undone: nothing was put back.")
    assert {job["status"] for job in failed.client.jobs_of(failed.eid)} == {"FAILED"}

    olga.page.get_by_role("link", name="What is left of them").click()
    olga.page.get_by_role("link", name="See what a replay of these 3 would do").click()
    _replay(olga, "Once more, and now in earnest.")
    olga.mark()
    expect(olga.page.get_by_label("3 of 3 were looked at")).to_have_js_property("value", 3, timeout=_SOON_MS)
    expect(olga.page.locator("main")).to_contain_text("done")
    assert olga.is_marked(), "the page was not loaded again"
    for job in failed.client.jobs_of(failed.eid):
        failed.wait_for_status(str(job["eId"]), "DELIVERED")


def test_a_single_letter_is_laid_to_rest(olga: Console, failed: Tenant) -> None:
    _narrow(olga, failed)
    olga.page.get_by_role("region", name="Dead letters, the oldest first").get_by_role("link").first.click()
    expect(olga.heading).to_have_text("300")
    olga.do("Lay it to rest", "The customer has ordered anew.")
    expect(olga.messages).to_have_text("It is laid to rest.")
    expect(olga.page.locator("main")).to_contain_text("discarded")
    for deed in ("Put it back", "Lay it to rest"):
        expect(olga.page.get_by_role("button", name=deed)).to_be_disabled()


def _narrow(olga: Console, tenant: Tenant) -> None:
    olga.open("/console/queues/dead-letters")
    search = olga.page.get_by_role("search", name="Dead letters")
    search.get_by_label("Of", exact=True).select_option("job")
    search.get_by_label("Class").fill("300")
    search.get_by_label("Configuration").fill(tenant.eid)
    search.get_by_role("button", name="Look").click()


def _replay(olga: Console, why: str) -> None:
    olga.do("Replay", why, button=re.compile("^Replay in 15 seconds$"))
    expect(olga.messages).to_have_text("Asked for: it begins in 15 seconds.")
