"""Whoever lets no page run anything can do all the same."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.console import Console
from tests.browser.filling import Filled


@pytest.fixture
def plain(open_console: Open, filled: Filled) -> Console:
    console = open_console(script=False)
    console.open("/console")
    console.sign_in("Nora Plain", filled.world.operator_key)
    return console


def test_one_signs_in_and_out(plain: Console) -> None:
    expect(plain.heading).to_have_text("Overview")
    expect(plain.page.get_by_role("button", name="Pause the renewal")).to_have_count(0)
    plain.page.get_by_role("button", name="Sign out").click()
    expect(plain.heading).to_have_text("Sign in")


def test_a_signal_unfolds_in_its_place(plain: Console, filled: Filled) -> None:
    tenant = filled.spare()
    plain.open(f"/console/configurations/{tenant.eid}")
    plain.do("Lock", "Without a script.")
    expect(plain.messages).to_contain_text("It is OK and LOCKED.")
    assert tenant.payload["administrative"] == "LOCKED"


def test_a_job_is_searched_for(plain: Console, filled: Filled) -> None:
    plain.open("/console/jobs")
    search = plain.page.get_by_role("search", name="Jobs")
    search.get_by_label("Id").fill(filled.jobs["DELIVERED"])
    search.get_by_role("button").click()
    plain.page.get_by_role("link", name=filled.jobs["DELIVERED"]).click()
    expect(plain.page.get_by_role("region", name="Now")).to_contain_text("DELIVERED")
