"""Dead letters on the console: filtered, looked at, put back one by one, laid to rest."""

import re
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from jinja2 import BytecodeCache

from shared.config.settings import Settings
from shared.domain.dead_letter import Rest
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from shared.messaging.messages import ProvisionConfiguration, SendJobs
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.replaying.dead_letter_world import World
from tests.unit.web.api import UNKNOWN, container_of
from tests.unit.web.console.browser import OPERATOR_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.deeds import WHY, WHY_ESCAPED, told
from tests.unit.web.console.letters import (
    HOSTILE,
    LETTERS,
    QUEUES,
    console_of,
    letters,
    path_of,
    the_letter,
)
from tests.unit.web.console.parts import actions_of, form_of, section, why_disabled, words
from web.console.dead_letters import DISCARD_SECONDS


@pytest.fixture
def world(store: MemoryStore, doorbell: RecordingDoorbell) -> World:
    return World(store=store, doorbell=doorbell)


@pytest.fixture
def olga(browse: Open, doorbell: RecordingDoorbell) -> Browser:
    return browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", {"300", "expired", "KeyError"}),
        ("subject=message", {"KeyError"}),
        ("class=expired", {"expired"}),
        ("subject=job&class=300", {"300"}),
        ("actor=ProvisionConfiguration", {"KeyError"}),
        ("tenant={tenant}", {"300", "expired", "KeyError"}),
        ("tenant={tenant}&subject=job", {"300", "expired"}),
        ("configuration={configuration}&subject=job", {"300", "expired"}),
        (f"tenant={UNKNOWN}", set()),
        ("since=2026-11-02T09:00:01Z", {"expired", "KeyError"}),
        ("until=2026-11-02T09:00:01", {"300"}),
        ("rest=discarded", set()),
    ],
)
def test_dead_letters_are_filtered(olga: Browser, world: World, query: str, seen: set[str]) -> None:
    world.fails(code="300")
    world.fails(code="expired")
    world.buries_a_message()
    about = world.configuration
    page = text(olga.get(f"{LETTERS}?{query.format(tenant=about.tenant_id, configuration=about.e_id)}"))
    found = set(re.findall(r'<td class="value">(\w+)</td><td class="value">', section(page, "list")))
    assert found == seen
    assert ("There is no such dead letter." in page) is (not seen)


@pytest.mark.parametrize(
    "query",
    ["subject=letter", "tenant=acme", "configuration=1", "since=soon", "rest=x", "after=1", "class=%00"],
)
def test_a_filter_that_cannot_be_read_is_said_at_its_field_and_offers_nothing(
    olga: Browser, world: World, query: str
) -> None:
    world.fails()
    answer = olga.get(f"{LETTERS}?{query}")
    assert (answer.status_code, "Nothing was looked for." in text(answer)) == (400, True)
    assert actions_of(text(answer)) == {LETTERS}


def test_a_group_narrows_the_list_to_it_and_keeps_the_filter(olga: Browser, world: World) -> None:
    world.fails(code="300")
    world.fails(code="expired")
    tenant = world.configuration.tenant_id
    part = section(text(olga.get(f"{LETTERS}?tenant={tenant}")), "groups")
    urls = re.findall(r'href="([^"]+class=[^"]+)"', part)
    assert len(urls) == 2
    assert all(f"tenant={tenant}" in url for url in urls)
    page = text(olga.get(urls[0].replace("&amp;", "&")))
    assert page.count(f'<a href="{LETTERS}/') == 1


def test_dead_letters_are_paged_by_key(olga: Browser, world: World) -> None:
    world.fails(51)
    first = text(olga.get(LETTERS))
    following = re.search(r'href="([^"]+)" rel="next">Next', first)
    assert following
    second = text(olga.get(following[1].replace("&amp;", "&")))
    ids = [re.findall(rf'href="{LETTERS}/([0-9a-f-]+)"', page) for page in (first, second)]
    assert [len(some) for some in ids] == [50, 1]
    assert len({*ids[0], *ids[1]}) == 51
    assert ">First</a>" in second


def test_one_letter_is_shown_with_its_places_its_reason_and_what_it_is_about(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.buries_a_message()
    page = text(olga.get(path_of(the_letter(store))))
    assert "steps.py:7" in page
    assert "Message ProvisionConfiguration" in words(page)
    about = world.configuration
    url = f"/console/audit/{about.e_id}?tenant={about.tenant_id}"
    assert f'<a href="{url}">{about.e_id}</a>' in page
    assert led_to(olga.get(url)) == f"/console/configurations/{about.e_id}"


def test_a_job_s_letter_leads_to_the_job_and_its_configuration(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    (job,) = world.fails()
    page = text(olga.get(path_of(the_letter(store))))
    assert f'href="/console/jobs/{job}"' in page
    assert f'href="/console/configurations/{world.configuration.e_id}"' in page


def test_what_a_handler_or_the_provider_said_is_escaped(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.buries_a_message()
    letter = the_letter(store)
    hostile = replace(
        letter, reason=f"{HOSTILE}\nline two", error_class=HOSTILE, actor=HOSTILE, traceback=HOSTILE
    )
    store._state.letters[letter.e_id] = hostile
    for path in (QUEUES, LETTERS, path_of(letter)):
        page = text(olga.get(path))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "line two" in page


def test_a_letter_that_is_not_there_is_a_page_that_says_so(olga: Browser) -> None:
    for deed in ("", "/replay", "/discard"):
        answer = (
            olga.post(f"{LETTERS}/{UNKNOWN}{deed}", {"reason": WHY})
            if deed
            else olga.get(f"{LETTERS}/{UNKNOWN}")
        )
        assert answer.status_code == 404


def test_one_letter_is_put_back_rung_for_and_kept(olga: Browser, world: World, store: MemoryStore) -> None:
    (job,) = world.fails()
    letter = the_letter(store)
    assert led_to(olga.post(path_of(letter, "replay"), {"reason": WHY})) == path_of(letter)
    assert world.statuses([job]) == [JobStatus.QUEUED]
    assert world.doorbell.rung == [SendJobs(world.configuration.e_id)]
    assert told(store) == [("dead_letter.replay", job, "Olga", WHY)]
    page = text(olga.get(path_of(letter)))
    assert "It is put back to work." in page
    assert WHY_ESCAPED in page
    assert why_disabled(page, "Put it back") == "It is replayed already."
    assert path_of(letter) in text(olga.get(f"{LETTERS}?rest=replayed"))


def test_a_message_is_rung_for_again(olga: Browser, world: World, store: MemoryStore) -> None:
    world.buries_a_message()
    olga.post(path_of(the_letter(store), "replay"), {"reason": WHY})
    assert world.doorbell.rung == [ProvisionConfiguration(world.configuration.e_id)]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"administrative": Administrative.LOCKED}, "Its configuration is locked. It stays open: unlock"),
        (
            {"retired_at": factories.LONG_AGO},
            "Its configuration is retired. It stays open: its configuration",
        ),
    ],
)
def test_nothing_is_put_back_behind_what_sends_nothing(
    olga: Browser, world: World, store: MemoryStore, state: dict[str, Any], says: str
) -> None:
    (job,) = world.fails()
    world.change(**state)
    answer = olga.post(path_of(the_letter(store), "replay"), {"reason": WHY})
    assert (answer.status_code, says in text(answer)) == (409, True)
    assert world.statuses([job]) == [JobStatus.FAILED]
    assert (told(store), world.doorbell.rung) == ([], [])


def test_one_letter_is_laid_to_rest_once(olga: Browser, world: World, store: MemoryStore) -> None:
    (job,) = world.fails()
    letter = the_letter(store)
    assert led_to(olga.post(path_of(letter, "discard"), {"reason": WHY})) == path_of(letter)
    assert letters(store, rest=Rest.DISCARDED)[0].e_id == letter.e_id
    assert told(store) == [("dead_letter.discard", job, "Olga", WHY)]
    for deed in ("replay", "discard"):
        answer = olga.post(path_of(letter, deed), {"reason": WHY})
        assert (answer.status_code, "It is not open any more." in text(answer)) == (409, True)
    assert world.statuses([job]) == [JobStatus.FAILED]


# Laying many to rest.


def discard_all(browser: Browser, query: str = "") -> Any:
    page = text(browser.get(f"{LETTERS}?{query}"))
    return browser.post(f"{LETTERS}/discard", {**form_of(page, f"{LETTERS}/discard"), "reason": WHY})


def test_those_that_were_looked_at_are_laid_to_rest(olga: Browser, world: World, store: MemoryStore) -> None:
    world.fails(3, code="300")
    world.fails(code="expired")
    answer = discard_all(olga, "class=300")
    assert [one.error_class for one in letters(store)] == ["expired"]
    assert [one[0] for one in told(store)] == ["dead_letter.discard"] * 3
    assert "Laid to rest: 3." in text(olga.get(led_to(answer)))


def test_what_dies_while_somebody_thinks_about_it_is_not_laid_to_rest(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails(2)
    page = text(olga.get(LETTERS))
    store.advance(seconds=60)
    world.fails(1)
    olga.post(f"{LETTERS}/discard", {**form_of(page, f"{LETTERS}/discard"), "reason": WHY})
    assert len(letters(store)) == 1
    assert len(letters(store, rest=Rest.DISCARDED)) == 2


def test_what_a_request_has_no_time_for_is_said_to_be_left(
    opened: Settings, compiled: BytecodeCache, world: World, store: MemoryStore
) -> None:
    world.fails(10)
    ticks = count(0.0, DISCARD_SECONDS / 4)
    container = container_of(opened, store, world.doorbell, clock=store.clock)
    browser = console_of(container, compiled, elapsed=lambda: next(ticks))
    answer = discard_all(browser)
    assert len(letters(store)) == 6
    assert "Laid to rest: 4. Left, as it took too long: 6. Send it again." in text(
        browser.get(led_to(answer))
    )


def test_a_filter_that_cannot_be_read_lays_nothing_to_rest(
    olga: Browser, world: World, store: MemoryStore
) -> None:
    world.fails()
    answer = olga.post(f"{LETTERS}/discard", {"tenant": "acme", "reason": WHY})
    assert (answer.status_code, "tenant: give an id" in text(answer)) == (400, True)
    assert len(letters(store)) == 1
