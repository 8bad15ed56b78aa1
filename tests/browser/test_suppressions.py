"""A tenant's list: taken in from a file, added to, lifted, and taken out again."""

from pathlib import Path

from playwright.sync_api import FilePayload, expect

from tests.browser.console import Console
from tests.browser.filling import Filled

_FILE = b"""\
address,reason,note
one@example.org,IMPORTED,from the old system
no address at all,IMPORTED,
two@example.org,MANUAL,
"""


def test_a_list_is_looked_at_before_it_is_taken_in_and_its_wrong_line_is_left_out(
    olga: Console, filled: Filled
) -> None:
    tenant = filled.spare()
    olga.open(f"/console/suppressions?tenant={tenant.id}")
    expect(olga.page.locator("main")).to_contain_text("There is no such entry")
    olga.page.get_by_role("link", name="Take a list in").click()
    olga.page.get_by_label("File").set_input_files(
        FilePayload(name="old.csv", mimeType="text/csv", buffer=_FILE)
    )
    olga.page.get_by_role("button", name="See what it would do").click()
    wrong = olga.page.get_by_role("region", name="Lines with a fault").locator("tbody tr")
    expect(wrong).to_have_count(1)
    expect(wrong.locator("th")).to_have_text("3")
    expect(wrong).to_contain_text("address")
    assert tenant.client.suppressions() == []
    olga.do("Take the good lines in", "They moved here from another provider.")
    expect(olga.messages).to_contain_text("2 added, 0 on the list already")
    expect(olga.row("one@example.org")).to_contain_text("IMPORTED")
    expect(olga.row("two@example.org")).to_contain_text("MANUAL")

    with olga.page.expect_download() as coming:
        olga.page.get_by_role("link", name="on the list").click()
    assert coming.value.suggested_filename == f"suppressions-{tenant.id}.csv"
    lines = Path(coming.value.path()).read_text(encoding="utf-8").splitlines()
    assert [line.partition(",")[0] for line in lines] == ["address", "one@example.org", "two@example.org"]


def test_an_address_is_put_on_the_list_found_and_lifted(olga: Console, filled: Filled) -> None:
    acme, address = filled.acme, "opted.out@example.org"
    olga.open("/console/suppressions")
    olga.do("Add an address", "They wrote us.", fields={"Tenant": acme.id, "Address": address})
    expect(olga.messages).to_have_text("It is on the list now.")
    olga.open("/console/suppressions")
    search = olga.page.get_by_role("search", name="Suppressed addresses")
    search.get_by_label("Address").fill(address.upper())
    search.get_by_role("button").click()
    assert "opted" not in olga.page.url.lower()
    olga.page.get_by_role("link", name=address).click()
    expect(olga.page.locator("main")).to_contain_text("on the list")
    olga.take_the_clock()
    olga.do("Lift", "They want mail after all.")
    # Once the provider has answered, by itself.
    olga.renew_until(olga.fact("At the provider"), "it has let go of it")
    expect(olga.page.locator("main")).to_contain_text("lifted")


def test_a_complaint_cannot_be_lifted_and_the_page_says_why(olga: Console, filled: Filled) -> None:
    olga.open(f"/console/suppressions?tenant={filled.acme.id}&reason=SPAM_COMPLAINT")
    olga.page.get_by_role("link", name="complaint.angry@example.com").click()
    lift = olga.page.get_by_role("button", name="Lift")
    expect(lift).to_be_disabled()
    assert "complained of spam" in olga.page.locator("main").inner_text()
