"""Signals to a configuration, each with what comes of it."""

from playwright.sync_api import expect

from tests.browser.console import Console
from tests.browser.filling import Filled, people


def test_a_lock_waits_for_sends_in_flight_and_the_page_tells_when_it_is_done(
    olga: Console, filled: Filled
) -> None:
    tenant = filled.spare()
    with filled.world.without("send"):
        tenant.send_many(people("example.com", 3))
        olga.take_the_clock()
        olga.open(f"/console/configurations/{tenant.eid}")
        form = olga.unfold("Lock")
        expect(form).to_contain_text("3 sends are in flight: it locks when they are done.")
        form.get_by_label("Reason").fill("Their contract ends today.")
        form.get_by_role("button", name="Lock", exact=True).click()
        expect(olga.messages).to_contain_text("It is OK and LOCKING.")
        expect(olga.fact("Administrative")).to_contain_text("LOCKING")
        olga.mark()
    olga.renew_until(olga.fact("Administrative"), "LOCKED")
    assert olga.is_marked(), "the page was not loaded again"
    story = olga.page.get_by_role("list", name="Who did what and why")
    expect(story).to_contain_text("Signal lock by Olga Petersen")
    expect(story).to_contain_text("Their contract ends today.")


def test_a_force_lock_wants_the_slug_typed_and_cancels_what_is_queued(olga: Console, filled: Filled) -> None:
    tenant = filled.spare()
    with filled.world.without("send"):
        jobs = tenant.send_many(people("example.com", 2))
        olga.open(f"/console/configurations/{tenant.eid}")
        form = olga.unfold("Force-lock")
        expect(form).to_contain_text("Cancels 2 queued jobs at once: nobody gets them.")
        form.get_by_label("Reason").fill("They send what nobody asked for.")
        form.get_by_role("button", name="Force-lock", exact=True).click()
        # The browser itself sends nothing without it.
        expect(form.get_by_label("Type")).to_be_focused()
        form.get_by_label("Type").fill("acme")
        form.get_by_role("button", name="Force-lock", exact=True).click()
        expect(olga.page.locator("main")).to_contain_text("type the slug of what you mean to force-lock")
        olga.open(f"/console/configurations/{tenant.eid}")
        expect(olga.fact("Administrative")).to_contain_text("UNLOCKED")
        olga.do("Force-lock", "They send what nobody asked for.", fields={"Type": tenant.slug})
        expect(olga.fact("Administrative")).to_contain_text("LOCKED")
    for job in jobs:
        assert tenant.status_of(job) == "CANCELLED"


def test_a_deed_that_is_not_confirmed_is_not_done(olga: Console, filled: Filled) -> None:
    tenant = filled.spare()
    olga.open(f"/console/configurations/{tenant.eid}")
    before = tenant.payload
    dialog = olga.page.get_by_role("dialog", name="Lock", exact=True)
    for key in ("Escape", "Enter"):
        olga.unfold("Lock").get_by_label("Reason").fill("By mistake.")
        dialog.get_by_role("button", name="Cancel").focus()
        olga.page.keyboard.press(key)
        expect(dialog).to_have_count(0)
        expect(olga.page.locator("summary", has_text="Lock…").first).to_be_focused()
    assert tenant.payload == before
