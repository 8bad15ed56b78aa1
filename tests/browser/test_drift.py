"""Drift: a round that is asked for, what it finds, and a finding that is put off."""

from playwright.sync_api import expect

from sandbox.client import wait_for
from tests.browser.console import Console
from tests.browser.filling import Filled


def test_a_round_is_asked_for_finds_something_and_the_finding_is_snoozed_and_woken(
    olga: Console, filled: Filled
) -> None:
    filled.world.provider.make_server("ardamails-dev-stray")
    olga.open("/console/drift")
    olga.do("Run now", "Somebody worked on the account.", within=olga.row("postmarkInventory"))
    expect(olga.messages).to_have_text("Asked for: postmarkInventory.")
    wait_for(lambda: _is_listed(olga), bool, seconds=60, what="the finding")
    olga.page.get_by_role("link", name="ardamails-dev-stray").click()
    main = olga.page.locator("main")
    expect(main).to_contain_text("nothing of ours accounts for it")
    olga.do("Snooze", "Ours, of the load test; gone by Monday.")
    expect(olga.messages).to_contain_text("Nobody is told of it until")
    expect(olga.fact("Snoozed until")).to_contain_text("by Olga Petersen")
    olga.open("/console/drift?state=snoozed")
    expect(olga.row("ardamails-dev-stray")).to_contain_text("Ours, of the load test; gone by Monday.")
    olga.page.get_by_role("link", name="ardamails-dev-stray").click()
    olga.do("Wake", "It is Monday.")
    expect(olga.messages).to_have_text("It is open again.")


def test_a_record_that_was_changed_a_moment_ago_is_called_young(olga: Console, filled: Filled) -> None:
    olga.open("/console/drift?tag=email.drift.dns_dkim_mismatch")
    name = filled.tenants["cedar"].payload["dns"][0]["name"]
    expect(olga.row(name)).to_contain_text("it is there, and another one than ours")


def _is_listed(olga: Console) -> bool:
    olga.page.get_by_role("search", name="Findings").get_by_role("button", name="Look").click()
    return bool(olga.row("ardamails-dev-stray").count())
