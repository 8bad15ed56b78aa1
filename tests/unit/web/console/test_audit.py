"""The audit page: who did what, when and why, and what it was done to."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.drift import Assertion, Discrepancy, Drift, Problem
from shared.domain.lifecycle import Administrative
from shared.domain.replay import Replay
from shared.persistence.ids import new_id
from shared.ports.configurations import Change
from shared.rotating import ENCRYPTION_KEY
from tests import factories
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, TENANT, UNKNOWN, a_configuration
from tests.unit.web.console.browser import Browser, led_to, text
from tests.unit.web.console.parts import words

HOSTILE = "<img src=x onerror=alert(1)>"


def did(store: MemoryStore, subject_id: UUID = UNKNOWN, **given: Any) -> None:
    """A second after what was done before."""
    store.advance(seconds=1)
    action = factories.action(subject_id, **{"at": store.clock.now(), "tenant_id": TENANT, **given})
    with store.begin() as tx:
        tx.audit.keep(action)


def rows(page: str) -> list[str]:
    """Without their header."""
    return [words(row) for row in page.split("<tr>")[2:]]


def test_an_audit_of_nothing_says_so(olga: Browser) -> None:
    page = text(olga.get("/console/audit"))
    assert "Nothing was done yet." in page
    assert "<table" not in page


def test_deeds_by_hand_and_changes_of_configurations_are_one_list_newest_first(
    olga: Browser, store: MemoryStore
) -> None:
    configuration = a_configuration(store)
    store.advance(seconds=60)
    with store.begin() as tx:
        locked = replace(configuration, administrative=Administrative.LOCKED)
        tx.configurations.save(locked, Change("Rudi", "signal lock", reason="asked by the tenant"))
    did(store, author="Olga", reason="the customer asked", action="job.decide.resend")
    first, second, third = rows(text(olga.get("/console/audit")))
    assert re.match(rf"now .* Olga job.decide.resend the customer asked {UNKNOWN} history", first)
    assert re.match(r"1 s ago .* Rudi configuration: signal lock asked by the tenant acme history", second)
    assert "setup configuration: create" in third


def test_each_deed_leads_to_what_it_was_done_to_and_to_the_rest_of_its_history(
    olga: Browser, store: MemoryStore
) -> None:
    a_configuration(store)
    did(store, UNKNOWN)
    page = text(olga.get("/console/audit"))
    assert f'href="/console/configurations/{CONFIGURATION}">acme</a>' in page
    assert f'href="/console/audit/{UNKNOWN}?tenant={TENANT}">' in page
    assert f'href="/console/audit?subject={UNKNOWN}"' in page


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("author=Olga", ["two", "one"]),
        ("author=olga", []),
        (f"subject={UNKNOWN}", ["three", "one"]),
        (f"subject={UNKNOWN}&author=Olga", ["one"]),
        ("before=2026-11-02T09:00:02", ["one"]),
        ("before=2026-11-02T10:00:03%2B01:00", ["two", "one"]),
    ],
)
def test_deeds_are_found_by_author_by_subject_and_by_time(
    olga: Browser, store: MemoryStore, query: str, seen: list[str]
) -> None:
    did(store, UNKNOWN, author="Olga", reason="one")
    did(store, CONFIGURATION, author="Olga", reason="two")
    did(store, UNKNOWN, author="Rudi", reason="three")
    page = text(olga.get(f"/console/audit?{query}"))
    assert re.findall(r'<td class="said value">(\w+)</td>', page) == seen
    assert ("Nothing that this holds for was done." in page) is (not seen)


@pytest.mark.parametrize("query", ["subject=me", "before=soon", "author=%00", "before=9999-99-99"])
def test_a_question_that_cannot_be_read_is_said_at_its_field(
    olga: Browser, store: MemoryStore, query: str
) -> None:
    did(store)
    answer = olga.get(f"/console/audit?{query}")
    assert answer.status_code == 400
    assert text(answer).count('class="invalid-feedback"') == 1
    assert "Nothing was looked for." in text(answer)
    assert "<table" not in text(answer)


def test_deeds_are_paged_by_time_and_none_is_left_out(olga: Browser, store: MemoryStore) -> None:
    for number in range(120):
        did(store, author="Olga & Co", reason=f"deed-{number:03}")
    path, seen, pages = "/console/audit?author=Olga+%26+Co", [], 0
    while path:
        page = text(olga.get(path))
        seen += re.findall(r"deed-\d{3}", page)
        older = re.search(r'href="([^"]+)" rel="next">Older', page)
        path, pages = older[1].replace("&amp;", "&") if older else "", pages + 1
    assert seen == [f"deed-{number:03}" for number in reversed(range(120))]
    assert pages == 3
    assert 'href="/console/audit?author=Olga+%26+Co">Newest' in page


def test_a_last_page_that_is_full_leads_to_no_empty_one(olga: Browser, store: MemoryStore) -> None:
    for _ in range(50):
        did(store)
    assert "Older" not in text(olga.get("/console/audit"))


def test_what_people_wrote_is_escaped(olga: Browser, store: MemoryStore) -> None:
    did(store, author=HOSTILE, reason=f"{HOSTILE}\nsecond line", action=f"job.{HOSTILE}")
    page = text(olga.get("/console/audit"))
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 3
    assert "second line" in page


def test_a_reader_sees_it_too(rita: Browser, store: MemoryStore) -> None:
    did(store, reason="because")
    assert "because" in text(rita.get("/console/audit"))


def test_without_the_database_it_is_unavailable(olga: Browser, store: MemoryStore) -> None:
    store.down = True
    assert olga.get("/console/audit").status_code == 503


# From an id to a page.


def a_job(store: MemoryStore) -> UUID:
    new = factories.new_job(a_configuration(store))
    with store.begin() as tx:
        tx.jobs.accept([new])
    return new.job.e_id


def a_finding(store: MemoryStore) -> UUID:
    with store.begin() as tx:
        tx.findings.observe([Discrepancy(tag=Drift.ORPHAN_SERVER, problem=Problem.UNACCOUNTED, server_id=7)])
    return max(store._state.findings)


def an_entry(store: MemoryStore) -> UUID:
    entry = factories.suppression(tenant_id=TENANT)
    with store.begin() as tx:
        tx.suppressions.add(entry)
    return entry.e_id


def a_replay(store: MemoryStore) -> UUID:
    with store.begin() as tx:
        replay = Replay(
            e_id=new_id(),
            wanted=DeadLetterFilter(raised_until=tx.now()),
            per_second=1.0,
            author="Olga",
            reason="because",
            created_at=tx.now(),
            begins_at=tx.now() + timedelta(seconds=15),
            found=1,
        )
        tx.replays.add(replay)
    return replay.e_id


@pytest.mark.parametrize(
    ("make", "leads_to"),
    [
        (a_job, "/console/jobs/{}"),
        (lambda store: a_configuration(store).e_id, "/console/configurations/{}"),
        (a_finding, "/console/drift/findings/{}"),
        (an_entry, f"/console/suppressions/{TENANT}/{{}}"),
        (a_replay, "/console/queues/replays/{}"),
        (lambda _: ENCRYPTION_KEY, "/console/keys"),
        (lambda _: Assertion.DNS.e_id, "/console/drift"),
        (lambda _: TENANT, "/console/suppressions?tenant={}"),
        (lambda _: UNKNOWN, "/console/audit?subject={}"),
    ],
)
def test_what_something_was_done_to_is_found_by_its_id(
    olga: Browser, store: MemoryStore, make: Callable[[MemoryStore], UUID], leads_to: str
) -> None:
    e_id = make(store)
    assert led_to(olga.get(f"/console/audit/{e_id}?tenant={TENANT}")) == leads_to.format(e_id)


def test_an_entry_is_not_found_under_another_tenant(olga: Browser, store: MemoryStore) -> None:
    e_id = an_entry(store)
    for query in ("", f"?tenant={UNKNOWN}", "?tenant=nonsense"):
        assert led_to(olga.get(f"/console/audit/{e_id}{query}")) == f"/console/audit?subject={e_id}"
