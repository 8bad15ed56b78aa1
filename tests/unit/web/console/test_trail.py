"""From page to page and back, by links alone."""

import re
from html import unescape
from urllib.parse import urlencode

from tests.factories import suppression
from tests.fakes.store import MemoryStore
from tests.unit.web.api import TENANT, a_configuration
from tests.unit.web.console.browser import Browser, led_to, text
from tests.unit.web.console.jobs import accepted
from tests.unit.web.console.test_audit import did
from web.console.asked import Asked
from web.console.trail import STEPS_MAX, Trail, Where, trail_of


def url(where: Where) -> str:
    asked = urlencode({name: value for name, value in where.items() if value is not None}, safe=",")
    return f"/jobs?{asked}" if asked else "/jobs"


def trail(query: dict[str, str], following: str | None = None) -> Trail:
    return trail_of(Asked(query), "after", following, url)


def test_the_first_page_leads_nowhere_but_on() -> None:
    assert trail({}) == Trail()
    assert trail({}, "9") == Trail(following="/jobs?after=9&back=first")


def test_the_second_page_leads_back_to_the_first() -> None:
    here = {"after": "9", "back": "first"}
    assert trail(here) == Trail(first="/jobs", previous="/jobs")
    assert trail(here, "8").following == "/jobs?after=8&back=first,9"


def test_a_page_in_the_middle_leads_to_both_its_neighbours() -> None:
    assert trail({"after": "7", "back": "first,9,8"}, "6") == Trail(
        "/jobs", "/jobs?after=8&back=first,9", "/jobs?after=6&back=first,9,8,7"
    )


def test_whoever_came_by_a_link_without_its_way_is_led_to_the_first_page() -> None:
    assert trail({"after": "7"}) == Trail(first="/jobs")
    assert trail({"after": "7"}, "6").following == "/jobs?after=6&back=7"


def test_of_a_long_way_the_last_steps_are_kept() -> None:
    came = [str(number) for number in range(STEPS_MAX)]
    told = trail({"after": "99", "back": ",".join(came)}, "100")
    assert told.following == f"/jobs?after=100&back={','.join([*came[1:], '99'])}"


def test_a_way_that_nobody_can_have_come_is_none_and_no_fault() -> None:
    asked = Asked({"after": "7", "back": "x" * 2000})
    assert trail_of(asked, "after", None, url) == Trail(first="/jobs")
    assert asked.faults == {}


def test_a_page_that_cannot_be_read_is_the_first() -> None:
    asked = Asked({"after": "nobody", "back": "first"})
    asked.id("after")
    assert trail_of(asked, "after", None, url) == Trail()


# --- on pages ----------------------------------------------------------------


def follow(browser: Browser, page: str, word: str) -> str:
    link = re.search(rf'href="([^"]+)"(?: rel="\w+")?>{word}</a>', page)
    assert link, word
    return text(browser.get(unescape(link[1]).partition("#")[0]))


def ways(page: str) -> list[str]:
    nav = re.search(r'<nav [^>]*class="pager">.*?</nav>', page, re.DOTALL)
    return re.findall(r">(\w+)</a>", nav[0]) if nav else []


def jobs_of(page: str) -> list[str]:
    return re.findall(r'href="/console/jobs/([0-9a-f-]{36})"', page)


def test_jobs_are_walked_to_the_last_page_and_back_by_what_each_page_offers(
    olga: Browser, store: MemoryStore
) -> None:
    a_configuration(store)
    for _ in range(151):
        accepted(store)
    asked = {"recipient": "person@example.com", "tenant": str(TENANT)}
    pages = [text(olga.get(led_to(olga.post("/console/jobs/search", asked))))]
    for _ in range(3):
        pages.append(follow(olga, pages[-1], "Older"))
    assert [len(jobs_of(page)) for page in pages] == [50, 50, 50, 1]
    assert [ways(page) for page in pages] == [
        ["Older"],
        ["Newest", "Newer", "Older"],
        ["Newest", "Newer", "Older"],
        ["Newest", "Newer"],
    ]
    back = pages[-1]
    for there in reversed(pages[:-1]):
        back = follow(olga, back, "Newer")
        assert jobs_of(back) == jobs_of(there)
        assert ways(back) == ways(there)
    assert jobs_of(follow(olga, pages[-1], "Newest")) == jobs_of(pages[0])


def test_deeds_which_go_by_time_are_walked_both_ways(olga: Browser, store: MemoryStore) -> None:
    for number in range(120):
        did(store, author="Olga", reason=f"deed-{number:03}")
    first = text(olga.get("/console/audit?author=Olga"))
    second = follow(olga, first, "Older")
    third = follow(olga, second, "Older")
    assert re.findall(r"deed-\d{3}", follow(olga, third, "Newer")) == re.findall(r"deed-\d{3}", second)
    assert follow(olga, follow(olga, third, "Newer"), "Newer").count("deed-") == first.count("deed-")


def test_a_list_of_the_oldest_first_is_walked_both_ways(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    with store.begin() as tx:
        for number in range(120):
            tx.suppressions.add(suppression(tenant_id=TENANT, address=f"{number:03}@example.com"))
    first = text(olga.get(f"/console/suppressions?tenant={TENANT}"))
    third = follow(olga, follow(olga, first, "Next"), "Next")
    assert ways(third) == ["First", "Previous"]
    back = follow(olga, follow(olga, third, "Previous"), "Previous")
    assert re.findall(r"\d{3}@example.com", back) == re.findall(r"\d{3}@example.com", first)
