"""Callbacks of a configuration: found by what they are, shown masked, and each with a way to its job."""

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

import pytest

from shared.domain.event import EmailEvent, EventKind
from shared.ports.events import EventHeaders
from tests import factories
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, OTHER_TENANT, UNKNOWN, a_configuration
from tests.unit.web.console.browser import Browser, text
from tests.unit.web.console.jobs import held, sent, told
from tests.unit.web.console.parts import words

PAGE = f"/console/configurations/{CONFIGURATION}/events"


@pytest.fixture(autouse=True)
def configured(store: MemoryStore) -> None:
    a_configuration(store)


def keep(store: MemoryStore, kind: EventKind = EventKind.DELIVERY, **given: Any) -> EmailEvent:
    """Told a second after what was told before, of what had happened three seconds earlier."""
    store.advance(seconds=1)
    now = store.clock.now()
    facts = factories.facts(kind, occurred_at=now - timedelta(seconds=3))
    event = factories.event(held(store), facts, **{"received_at": now, **given})
    with store.begin() as tx:
        assert tx.events.add(event, EventHeaders())
    return event


def park(store: MemoryStore, event: EmailEvent) -> None:
    with store.begin() as tx:
        tx.events.park([event.e_id])


def shown(page: str) -> list[str]:
    """The ids of the events, from above."""
    return [str(UUID(found)) for found in re.findall(r'<details id="raw-([0-9a-f]{32})"', page)]


def look(browser: Browser, query: str = "") -> list[str]:
    answer = browser.get(f"{PAGE}?{query}")
    assert answer.status_code == 200
    return shown(text(answer))


def test_events_are_shown_newest_first_with_what_became_of_each(olga: Browser, store: MemoryStore) -> None:
    waits, given_up = keep(store), keep(store, EventKind.BOUNCE)
    park(store, given_up)
    job = sent(store)
    joined = told(store, job, EventKind.SPAM_COMPLAINT)
    page = text(olga.get(PAGE))
    assert shown(page) == [str(one.e_id) for one in (joined, given_up, waits)]
    rows = [
        words(row)
        for row in re.findall(r"<li[^>]*>(?:(?!<li).)*?<details id=\"raw-.*?</li>", page, re.DOTALL)
    ]
    assert "Spam complaint" in rows[0]
    assert f"told 2.0 s later. joined to its job {job}" in rows[0]
    assert f'href="/console/jobs/{job}"' in page
    assert "Soft bounce, or another notice" in rows[1]
    assert "told 3.0 s later. Not folded into the status yet. given up" in rows[1]
    assert "Not folded into the status yet. waits to be folded" in rows[2]


def test_what_the_provider_sent_is_masked(olga: Browser, store: MemoryStore) -> None:
    keep(
        store,
        raw='{"RecordType": "Delivery", "Recipient": "person@example.com", "Details": "to person@example.com"}',
    )
    page = unescape(text(olga.get(PAGE)))
    assert '"RecordType": "Delivery"' in page
    assert "•••@example.com" in page
    assert "person@" not in page


def test_events_are_narrowed_by_kind_by_outcome_and_by_job(olga: Browser, store: MemoryStore) -> None:
    bounce, delivery = keep(store, EventKind.BOUNCE), keep(store)
    park(store, delivery)
    job = sent(store)
    joined = told(store, job, EventKind.DELIVERY)
    assert look(olga, "kind=Bounce") == [str(bounce.e_id)]
    assert look(olga, "outcome=parked") == [str(delivery.e_id)]
    assert look(olga, f"job={job}") == [str(joined.e_id)]
    assert look(olga, f"job={job}&kind=Bounce") == []
    assert "There is no such event." in text(olga.get(f"{PAGE}?kind=Click"))


def test_events_of_another_configuration_are_on_another_page(olga: Browser, store: MemoryStore) -> None:
    keep(store)
    a_configuration(store, e_id=UNKNOWN, slug="other", tenant_id=OTHER_TENANT, routing_token_hash=b"another")
    page = text(olga.get(f"/console/configurations/{UNKNOWN}/events"))
    assert "The provider has told nothing yet." in page


def test_a_configuration_that_is_not_there_has_no_page(olga: Browser) -> None:
    assert olga.get(f"/console/configurations/{UNKNOWN}/events").status_code == 404


@pytest.mark.parametrize("query", ["kind=delivery", "outcome=lost", "job=mine", "before=yesterday"])
def test_a_question_that_cannot_be_read_is_said(olga: Browser, store: MemoryStore, query: str) -> None:
    keep(store)
    answer = olga.get(f"{PAGE}?{query}")
    assert answer.status_code == 400
    assert "Nothing was looked for" in text(answer)
    assert shown(text(answer)) == []


def test_events_are_walked_both_ways_and_keep_what_was_looked_for(olga: Browser, store: MemoryStore) -> None:
    kept = [str(keep(store).e_id) for _ in range(51)]
    keep(store, EventKind.BOUNCE)
    first = text(olga.get(f"{PAGE}?kind=Delivery"))
    assert shown(first) == kept[:0:-1]
    older = re.search(r'href="([^"]+)" rel="next">Older', first)
    assert older
    second = text(olga.get(unescape(older[1])))
    assert shown(second) == kept[:1]
    newer = re.search(r'href="([^"]+)" rel="prev">Newer', second)
    assert newer
    assert shown(text(olga.get(unescape(newer[1])))) == shown(first)


def test_the_configuration_s_page_leads_to_its_events(olga: Browser, store: MemoryStore) -> None:
    page = text(olga.get(f"/console/configurations/{CONFIGURATION}"))
    assert f'href="{PAGE}">Its events</a>' in page
