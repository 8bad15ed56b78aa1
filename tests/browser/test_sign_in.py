"""The way in, and what each role finds behind it."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.console import Console
from tests.browser.filling import Filled


def test_a_wrong_key_opens_nothing_and_says_so(stranger: Console, filled: Filled) -> None:
    stranger.sign_in("Olga Petersen", f"not {filled.world.operator_key}")
    expect(stranger.page.get_by_role("alert")).to_have_text("This key does not open the console.")
    expect(stranger.page.get_by_label("Key", exact=True)).to_have_value("")
    stranger.open("/console/jobs")
    expect(stranger.heading).to_have_text("Sign in")


def test_whoever_signs_in_comes_to_the_page_that_was_asked_for(open_console: Open, filled: Filled) -> None:
    console = open_console()
    console.open("/console/queues/dead-letters?subject=job")
    expect(console.heading).to_have_text("Sign in")
    console.sign_in("Olga Petersen", filled.world.operator_key)
    expect(console.heading).to_have_text("Dead letters")
    expect(console.page.get_by_label("Of", exact=True)).to_have_value("job")
    expect(console.page.locator("header")).to_contain_text("Olga Petersen (operator)")


def test_a_reader_looks_at_everything_and_no_deed_can_be_unfolded(rita: Console, filled: Filled) -> None:
    expect(rita.page.locator("header")).to_contain_text("Rita Moreau (reader)")
    for path in (f"/console/configurations/{filled.acme.eid}", f"/console/jobs/{filled.jobs['IN_DOUBT']}"):
        rita.open(path)
        deeds = rita.page.locator("main .confirm button")
        assert deeds.count() >= 3
        for deed in deeds.all():
            expect(deed).to_be_disabled()
            expect(deed).to_have_accessible_description(re.compile(r"\w"))
        expect(rita.page.locator("summary.btn")).to_have_count(0)
        expect(rita.page.get_by_text("Your role is reader: it may look, and not act.").first).to_be_visible()


def test_a_link_from_elsewhere_leads_to_its_page_without_another_sign_in(
    olga: Console, filled: Filled
) -> None:
    olga.page.goto("about:blank")
    olga.page.set_content(f'<a href="{filled.world.origin}/console/queues">From a chat</a>')
    olga.page.get_by_role("link").click()
    expect(olga.heading).to_have_text("Queues")


def test_after_the_sign_out_the_way_back_shows_nothing(olga: Console) -> None:
    olga.open("/console/keys")
    olga.page.get_by_role("button", name="Sign out").click()
    expect(olga.heading).to_have_text("Sign in")
    olga.page.go_back()
    expect(olga.heading).to_have_text("Sign in")
