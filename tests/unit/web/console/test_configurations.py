"""Configurations of all tenants: searched for, and made by hand."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.domain.lifecycle import Administrative, Operational
from shared.domain.verification import Check
from shared.persistence.ids import new_id
from tests import factories
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, OTHER_TENANT, TENANT, UNKNOWN, a_configuration
from tests.unit.web.console.browser import Browser, led_to, text
from tests.unit.web.console.jobs import accepted
from tests.unit.web.console.parts import words

ANOTHER = UUID("33333333-3333-4333-8333-333333333334")
NEW = "/console/configurations/new"


def another(store: MemoryStore, **given: Any) -> None:
    values = {"e_id": ANOTHER, "tenant_id": OTHER_TENANT, "slug": "other", "routing_token_hash": b"other"}
    a_configuration(store, **{**values, **given})


def found(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/console/configurations/([^"]+)">', page)


def row(page: str, e_id: UUID) -> str:
    rows = page.partition("</table>")[0].split("<tr>")
    return words(next(one for one in rows if str(e_id) in one))


def faults(page: str) -> dict[str, str]:
    return dict(re.findall(r'<div class="invalid-feedback" id="field-(\w+)-fault">([^<]+)</div>', page))


# The list.


def test_configurations_of_all_tenants_are_shown_with_both_badges_and_since_when(
    olga: Browser, store: MemoryStore
) -> None:
    now = store.clock.now()
    a_configuration(
        store,
        operational_since=now - timedelta(hours=3, minutes=5),
        administrative_since=now - timedelta(days=2),
    )
    another(store, operational=Operational.MISSING, administrative=Administrative.LOCKED)
    page = text(olga.get("/console/configurations"))
    assert found(page) == [str(ANOTHER), str(CONFIGURATION)]
    acme = row(page, CONFIGURATION)
    assert acme.startswith("acme Operational: OK 3 h 5 min ago Administrative: UNLOCKED 2 d ago ")
    assert acme.endswith(f" {TENANT}")
    assert "Provisioning has failed: see failure of the configuration" in row(page, ANOTHER)
    assert "<caption" in page
    assert 'id="configurations" data-refresh="15"' in page


def test_nothing_yet_is_said_to_be_nothing_yet(olga: Browser, store: MemoryStore) -> None:
    page = text(olga.get("/console/configurations"))
    assert "There is no configuration yet." in page
    assert f'href="{NEW}"' in page
    a_configuration(store)
    assert "No such configuration." in text(olga.get("/console/configurations?text=none"))


@pytest.mark.parametrize(
    ("question", "ids"),
    [
        ("", [ANOTHER, CONFIGURATION]),
        ("?operational=OK", [CONFIGURATION]),
        ("?administrative=LOCKED", [ANOTHER]),
        ("?operational=OK&administrative=LOCKED", []),
        ("?operational=MISSING&administrative=LOCKED", [ANOTHER]),
        ("?text=ac", [CONFIGURATION]),
        (f"?text={OTHER_TENANT}", [ANOTHER]),
        (f"?text={CONFIGURATION}", [CONFIGURATION]),
        ("?text=4711", [ANOTHER]),
        ("?removed=only", []),
    ],
)
def test_they_are_found_by_their_states_and_by_what_they_are_called(
    olga: Browser, store: MemoryStore, question: str, ids: list[UUID]
) -> None:
    a_configuration(store)
    another(
        store,
        operational=Operational.MISSING,
        administrative=Administrative.LOCKED,
        provisioned=factories.provisioned(server_id=4711),
    )
    answer = olga.get(f"/console/configurations{question}")
    assert answer.status_code == 200
    assert found(text(answer)) == [str(e_id) for e_id in ids]


def test_removed_ones_are_shown_when_they_are_asked_for(olga: Browser, store: MemoryStore) -> None:
    a_configuration(
        store,
        retired_at=store.clock.now(),
        administrative=Administrative.LOCKED,
        provisioned=factories.provisioned(signature_id=None),
    )
    assert found(text(olga.get("/console/configurations"))) == []
    gone = row(text(olga.get("/console/configurations?removed=only")), CONFIGURATION)
    assert gone.startswith("acme removed Operational: OK")
    assert "taken down; there still: server 11, domain 13, webhook 14 and two DNS records." in gone


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ("operational=LOST", "operational"),
        ("administrative=ok", "administrative"),
        ("removed=yes", "removed"),
        ("text=a%00", "text"),
        ("before=7", "before"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field(
    olga: Browser, store: MemoryStore, question: str, field: str
) -> None:
    a_configuration(store)
    answer = olga.get(f"/console/configurations?{question}")
    page = text(answer)
    assert answer.status_code == 400
    assert found(page) == []
    assert f'<a href="#field-{field}">' in page
    if field != "before":
        assert list(faults(page)) == [field]


def test_pages_go_on_where_the_one_before_ended(olga: Browser, store: MemoryStore) -> None:
    ids = [new_id() for _ in range(51)]
    for number, e_id in enumerate(ids):
        locked = Administrative.LOCKED
        a_configuration(
            store, e_id=e_id, slug=f"acme-{number}", routing_token_hash=e_id.bytes, administrative=locked
        )
    first = text(olga.get("/console/configurations?operational=OK"))
    assert found(first) == [str(e_id) for e_id in ids[:0:-1]]
    older = re.search(r'href="([^"]+)" rel="next">Older', first)
    assert older
    second = text(olga.get(older[1].replace("&amp;", "&")))
    assert found(second) == [str(ids[0])]
    assert 'rel="next"' not in second
    newest = re.search(r'href="([^"]+)">Newest', second)
    assert newest
    assert newest[1] == "/console/configurations?operational=OK"


def test_each_says_what_it_waits_for(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, administrative=Administrative.LOCKING)
    accepted(store)
    accepted(store)
    now = store.clock.now()
    another(
        store,
        operational=Operational.AWAITING_VERIFICATION,
        administrative=Administrative.LOCKED,
        dns=factories.mail_dns(),
        verification_started_at=now,
        verification_due_at=now,
    )
    with store.begin() as tx:
        tx.checks.record(ANOTHER, Check(dkim_verified=True, return_path_verified=False, return_path_seen=""))
    page = text(olga.get("/console/configurations"))
    assert "It is LOCKED when 2 jobs in flight are done." in row(page, CONFIGURATION)
    waits = row(page, ANOTHER)
    assert "Postmark has not found the Return-Path record yet." in waits
    assert "The zone does not hold the Return-Path record" in waits


def test_a_drain_that_cannot_end_says_so(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, operational=Operational.FAILURE, administrative=Administrative.LOCKING)
    accepted(store)
    told = row(text(olga.get("/console/configurations")), CONFIGURATION)
    assert "It is LOCKED when 1 job in flight is done." in told
    assert "While it is FAILURE nothing that is queued goes out: mend it, or force-lock." in told


def test_a_drain_that_is_over_waits_for_the_scheduler(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, administrative=Administrative.LOCKING)
    told = row(text(olga.get("/console/configurations")), CONFIGURATION)
    assert "Nothing is in flight any more: it is LOCKED with the next look of the scheduler." in told


def test_what_people_wrote_is_escaped(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, slug="<script>alert(1)</script>")
    page = text(olga.get("/console/configurations?text=%22%3E%3Cimg%3E"))
    assert "<img" not in page
    page = text(olga.get("/console/configurations"))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_while_the_database_is_away_it_is_a_503(olga: Browser, store: MemoryStore) -> None:
    store.down = True
    assert olga.get("/console/configurations").status_code == 503


def test_the_matrix_of_the_overview_leads_here(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    link = re.search(r'href="(/console/configurations\?[^"]+)"', text(olga.get("/console")))
    assert link
    assert found(text(olga.get(link[1].replace("&amp;", "&")))) == [str(CONFIGURATION)]


# Making one.

GIVEN = {
    "tenant": str(TENANT),
    "slug": "acme",
    "from_name": "Acme Orders",
    "local_part": "orders",
    "reply_to": "help@acme.example",
    "reason": "the customer asked",
}


def made(store: MemoryStore) -> list[Any]:
    return list(store._state.configurations.values())


def test_one_is_made_in_the_name_of_who_made_it_and_with_the_reason(
    olga: Browser, store: MemoryStore
) -> None:
    to = led_to(olga.post(NEW, GIVEN))
    (one,) = made(store)
    assert to == f"/console/configurations/{one.e_id}"
    assert (one.tenant_id, one.slug, one.from_name, one.from_local_part, one.reply_to_email) == (
        TENANT,
        "acme",
        "Acme Orders",
        "orders",
        "help@acme.example",
    )
    assert (one.operational, one.administrative) == (Operational.PENDING, Administrative.LOCKED)
    with store.begin() as tx:
        record = tx.configurations.current_record(one.e_id)
    assert (record.author, record.cause, record.reason) == ("Olga", "create", "the customer asked")
    assert "acme is made. The next step is to provision it." in text(olga.get(to))


def test_what_may_be_left_out_is_as_the_api_has_it(olga: Browser, store: MemoryStore) -> None:
    led_to(olga.post(NEW, {**GIVEN, "local_part": "", "reply_to": " "}))
    (one,) = made(store)
    assert (one.from_local_part, one.reply_to_email) == ("noreply", None)


def test_sent_twice_it_is_made_once_and_the_second_says_why(olga: Browser, store: MemoryStore) -> None:
    olga.post(NEW, GIVEN)
    again = olga.post(NEW, {**GIVEN, "tenant": str(OTHER_TENANT)})
    assert again.status_code == 409
    assert faults(text(again)) == {"slug": "choose another: this one belongs to a configuration"}
    assert len(made(store)) == 1


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("tenant", "", "give the tenant&#39;s id"),
        ("tenant", "acme", "give an id, such as"),
        ("slug", "", "use 1 to 63 of a-z"),
        ("slug", "Acme!", "use 1 to 63 of a-z"),
        ("from_name", " ", "send at least 1 characters"),
        ("from_name", "a\nb", "leave out line breaks"),
        ("local_part", "No Reply", "use a lower-case address part"),
        ("reply_to", "nobody", "give one bare address"),
        ("reason", " ", "say why, in 1 to 1000 characters"),
    ],
)
def test_each_fault_is_said_at_its_field_and_what_was_typed_is_kept(
    olga: Browser, store: MemoryStore, field: str, value: str, advice: str
) -> None:
    answer = olga.post(NEW, {**GIVEN, field: value})
    page = text(answer)
    assert answer.status_code == 400
    assert list(faults(page)) == [field]
    assert advice in faults(page)[field]
    assert f'<a href="#field-{field}">' in page
    assert field == "from_name" or 'value="Acme Orders"' in page
    assert made(store) == []


def test_all_faults_are_said_at_once(olga: Browser, store: MemoryStore) -> None:
    page = text(olga.post(NEW, {}))
    assert set(faults(page)) == {"tenant", "slug", "from_name", "reason"}


def test_the_form_is_empty_but_for_what_is_usual_and_every_field_has_its_label(olga: Browser) -> None:
    page = text(olga.get(f"{NEW}?tenant={TENANT}"))
    assert "invalid" not in page
    assert f'value="{TENANT}"' in page
    assert 'value="noreply"' in page
    assert "slug.dev.ardamails.com" in page
    ids = re.findall(r'<(?:input|textarea)[^>]* id="([^"]+)"', page)
    assert len(ids) == 6
    assert set(re.findall(r'<label[^>]* for="([^"]+)"', page)) == set(ids)


def test_what_was_typed_is_escaped(olga: Browser) -> None:
    page = text(olga.post(NEW, {**GIVEN, "slug": '"><script>1</script>', "reason": "</textarea><b>"}))
    assert "<script>1" not in page
    assert "</textarea><b>" not in page


def test_a_reader_makes_none_and_is_told_why(rita: Browser, store: MemoryStore) -> None:
    assert "Your role is reader" in text(rita.get("/console/configurations"))
    page = text(rita.get(NEW))
    assert "Your role is reader" in page
    assert 'name="slug"' not in page
    assert rita.post(NEW, GIVEN).status_code == 403
    assert made(store) == []


def test_without_the_token_of_the_session_none_is_made(olga: Browser, store: MemoryStore) -> None:
    assert olga.post(NEW, GIVEN, token="wrong").status_code == 400
    assert made(store) == []


def test_a_configuration_that_is_not_there_is_a_404(olga: Browser) -> None:
    assert olga.get(f"/console/configurations/{UNKNOWN}").status_code == 404
