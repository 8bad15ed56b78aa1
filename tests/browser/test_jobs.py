"""Jobs: found, watched, and settled where only a person can."""

from playwright.sync_api import expect

from tests.browser.console import Console
from tests.browser.filling import Filled, contradict

_SOON_MS = 60_000


def test_a_send_is_watched_from_queued_to_delivered_without_loading_the_page_again(
    olga: Console, filled: Filled
) -> None:
    tenant, world = filled.spare(), filled.world
    now = olga.page.get_by_role("region", name="Now")
    with world.provider.saying({"kind": "pause_webhooks", "server_id": tenant.server_id}):
        with world.without("send"):
            job = tenant.send("watched@example.com")
            olga.open(f"/console/jobs/{job}")
            expect(now).to_contain_text("QUEUED")
            olga.mark()
        expect(now).to_contain_text("The provider took it.", timeout=_SOON_MS)
        expect(now).to_contain_text("SENT")
    expect(now).to_contain_text("DELIVERED", timeout=_SOON_MS)
    expect(olga.page.get_by_text("It has come to its end, and is not renewed any more.")).to_be_visible()
    assert olga.is_marked(), "the page was not loaded again"


def test_a_pause_holds_a_page_still_until_it_is_over(olga: Console, filled: Filled) -> None:
    """Of the overview, which renews itself every fifteen seconds; by a clock that tests may turn."""
    olga.page.clock.install()
    olga.open("/console")
    olga.page.get_by_role("button", name="Pause the renewal").click()
    before = olga.watch.requests
    olga.page.clock.fast_forward(120_000)
    assert olga.watch.requests == before
    with olga.page.expect_response(f"{filled.world.origin}/console") as renewed:
        olga.page.get_by_role("button", name="Renew this page by itself").click()
    assert renewed.value.request.header_value("X-Console-Refresh") == "1"


def test_a_recipient_is_searched_for_and_in_no_address_of_a_page(olga: Console, filled: Filled) -> None:
    olga.open("/console/jobs")
    search = olga.page.get_by_role("search", name="Jobs")
    search.get_by_label("Configuration").fill(filled.acme.eid)
    search.get_by_label("Recipient").fill("Anna.Berg@example.com")
    search.get_by_role("button").click()
    expect(olga.row("anna.berg@example.com")).to_have_count(1)
    assert "sought=" in olga.page.url
    assert "anna" not in olga.page.url.lower()
    expect(search.get_by_label("Recipient")).to_have_value("Anna.Berg@example.com")


def test_a_search_that_cannot_be_read_says_at_each_field_what_to_mend(olga: Console) -> None:
    olga.open("/console/jobs")
    search = olga.page.get_by_role("search", name="Jobs")
    search.get_by_label("Tenant").fill("acme")
    search.get_by_label("Accepted from").fill("yesterday")
    search.get_by_role("button").click()
    for label, advice in (("Tenant", "give an id"), ("Accepted from", "give a time in UTC")):
        field = search.get_by_label(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        assert advice in (field.evaluate(_DESCRIPTION) or "")


_DESCRIPTION = """field => (field.getAttribute("aria-describedby") || "").split(" ")
  .map(id => document.getElementById(id)?.textContent || "").join(" ")"""


def test_what_contradicts_itself_is_resolved_in_a_name_and_with_a_reason(
    olga: Console, filled: Filled
) -> None:
    tenant = filled.spare()
    job = tenant.send("bounce-hard.twice@example.com")
    tenant.wait_for_status(job, "BOUNCED")
    contradict(filled.world, tenant, job)
    olga.open("/console/jobs?status=INCONSISTENT")
    olga.row("bounce-hard.twice@example.com").get_by_role("link", name=job).click()
    expect(olga.unfold("Resolve it")).to_contain_text("It becomes BOUNCED, by all 3 events of it")
    olga.page.keyboard.press("Escape")
    olga.do("Resolve it", "The mailbox is full of holes.")
    expect(olga.messages).to_contain_text("It is BOUNCED now.")
    expect(olga.page.get_by_role("region", name="Now")).to_contain_text("BOUNCED")
    story = olga.page.get_by_role("list", name="From the request to the last callback")
    expect(story).to_contain_text("Resolved by all that the provider has told by Olga Petersen")
    expect(story).to_contain_text("The mailbox is full of holes.")
    assert tenant.status_of(job) == "BOUNCED"


def test_a_job_in_doubt_is_given_up_by_a_person(olga: Console, filled: Filled) -> None:
    job = filled.jobs["IN_DOUBT too"]
    olga.open(f"/console/jobs/{job}")
    expect(olga.unfold("Send it again")).to_contain_text("the recipient gets it twice")
    olga.page.keyboard.press("Escape")
    olga.do("Give it up", "The recipient has called: nothing came.")
    expect(olga.messages).to_contain_text("It is FAILED now.")
    assert filled.tenants["harbor"].status_of(job) == "FAILED"
