"""Jobs are searched for without naming anybody in a URL."""

import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared.config.settings import Settings
from shared.domain.configuration import EmailConfiguration
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, OTHER_TENANT, TENANT, UNKNOWN, a_configuration
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open, with_keys
from tests.unit.web.console.jobs import accepted, in_doubt, of_status
from tests.unit.web.console.parts import without_signs, words

ANOTHER = UUID("33333333-3333-4333-8333-333333333334")
SEARCH = "/console/jobs/search"
PERSON = "person@example.com"


@pytest.fixture(autouse=True)
def acme(store: MemoryStore) -> EmailConfiguration:
    return a_configuration(store)


def found(page: str) -> list[str]:
    """The ids in the table, from above."""
    return re.findall(r'<th scope="row"><a href="/console/jobs/([^"]+)">', page)


def search(browser: Browser, **fields: str) -> str:
    """Where a search leads, which is a page."""
    url = led_to(browser.post(SEARCH, fields))
    assert url.startswith("/console/jobs")
    return url


def faults(page: str) -> dict[str, str]:
    said = re.findall(r'<div class="invalid-feedback" id="field-(\w+)-fault">([^<]+)</div>', page)
    invalid = set(re.findall(r'id="field-(\w+)"[^>]* aria-invalid="true"', page))
    assert invalid == {name for name, _ in said}
    return dict(said)


def test_before_anything_is_said_nothing_is_searched_for(olga: Browser, store: MemoryStore) -> None:
    accepted(store)
    answer = olga.get("/console/jobs")
    page = text(answer)
    assert answer.status_code == 200
    assert "Say what to look for." in page
    assert "<table" not in page
    links = re.findall(r'href="(/console/jobs\?status=\w+)"', page)
    assert len(links) == 4
    for link in links:
        assert olga.get(link).status_code == 200


def test_jobs_of_a_status_are_found_whosever_they_are(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, e_id=ANOTHER, tenant_id=OTHER_TENANT, slug="other", routing_token_hash=b"o")
    mine = accepted(store)
    theirs = accepted(store, tenant_id=OTHER_TENANT, configuration_id=ANOTHER)
    of_status(store, JobStatus.SENT)
    assert set(found(text(olga.get("/console/jobs?status=QUEUED")))) == {str(mine), str(theirs)}
    for question in (f"tenant={OTHER_TENANT}", f"configuration={ANOTHER}"):
        assert found(text(olga.get(f"/console/jobs?{question}"))) == [str(theirs)]


def test_a_row_says_how_it_is_with_a_job_in_words_and_shapes(olga: Browser, store: MemoryStore) -> None:
    e_id = in_doubt(store, age=timedelta(seconds=90))
    page = text(olga.get("/console/jobs?status=IN_DOUBT"))
    row = next(row for row in page.partition("</table>")[0].split("<tr>") if str(e_id) in row)
    assert words(row) == f"Status: IN_DOUBT {e_id} {PERSON} acme 1 min 30 s ago 1 min 30 s ago 1 read_timeout"
    assert 'aria-hidden="true"' in row
    assert f'href="/console/configurations/{CONFIGURATION}">acme</a>' in row
    assert "<caption" in page
    assert 'id="jobs" data-refresh="10"' in page


def test_a_search_by_address_leads_to_a_url_that_names_nobody(olga: Browser, store: MemoryStore) -> None:
    e_id, other = accepted(store), accepted(store, recipient="other@example.com")
    url = search(olga, recipient=f" {PERSON.upper()} ", tenant=str(TENANT), status="QUEUED")
    assert "example" not in url.lower()
    assert parse_qs(urlsplit(url).query).keys() == {"tenant", "status", "sought"}
    for _ in range(2):
        page = text(olga.get(url))
        assert found(page) == [str(e_id)]
        assert str(other) not in page
    assert re.search(r'id="field-recipient"[^>]* value="PERSON@EXAMPLE.COM"', page)
    assert "<option selected>QUEUED" in page


def test_an_idempotency_key_and_a_message_id_are_sealed_too(olga: Browser, store: MemoryStore) -> None:
    e_id = accepted(store, idempotency_key="welcome-jane", provider_message_id="m-77")
    for fields in ({"text": "welcome-jane", "tenant": str(TENANT)}, {"text": "m-77"}, {"text": str(e_id)}):
        url = search(olga, **fields)
        assert fields["text"] not in url
        assert found(text(olga.get(url))) == [str(e_id)]


def test_a_search_that_names_nobody_can_be_read_in_its_url(olga: Browser, store: MemoryStore) -> None:
    e_id = accepted(store)
    url = search(olga, configuration=str(CONFIGURATION), until="2026-11-22T01:00")
    assert parse_qs(urlsplit(url).query) == {
        "configuration": [str(CONFIGURATION)],
        "until": ["2026-11-22T01:00"],
    }
    assert found(text(olga.get(url))) == [str(e_id)]
    assert found(text(olga.get(f"{url}&from=2026-11-22T00:00"))) == []


def test_an_address_that_somebody_writes_into_the_url_is_not_taken(olga: Browser, store: MemoryStore) -> None:
    accepted(store)
    for name in ("recipient", "text"):
        page = text(olga.get(f"/console/jobs?{name}={PERSON}"))
        assert "Say what to look for." in page
        assert PERSON not in page


def test_no_log_line_of_a_search_has_what_was_looked_for(olga: Browser, store: MemoryStore) -> None:
    accepted(store, idempotency_key="welcome-jane")
    with capture_logs() as logs:
        olga.get(search(olga, recipient=PERSON, text="welcome-jane", tenant=str(TENANT)))
    told = json.dumps(logs, default=str)
    assert "email.http.request" in told
    assert "person" not in told
    assert "jane" not in told


def test_a_reader_searches_as_well(rita: Browser, store: MemoryStore) -> None:
    e_id = accepted(store)
    assert found(text(rita.get(search(rita, recipient=PERSON, tenant=str(TENANT))))) == [str(e_id)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tenant": "acme"}, {"tenant": "give an id, such as 019b0000-0000-7000-8000-000000000001"}),
        ({"status": "LOST"}, {"status": f"choose one of {', '.join(JobStatus)}"}),
        ({"from": "noon"}, {"from": "give a time in UTC, such as 2026-11-22T01:00"}),
        ({"text": "a\x00"}, {"text": "give at most 1000 characters, without control characters"}),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field_and_kept(
    olga: Browser, fields: dict[str, str], said: dict[str, str]
) -> None:
    answer = olga.post(SEARCH, {"recipient": PERSON, **fields})
    page = text(answer)
    assert answer.status_code == 400
    assert faults(page) == said
    assert f'value="{PERSON}"' in page
    assert "Nothing was searched for" in page
    assert "data-refresh" not in page


@pytest.mark.parametrize(
    ("fields", "field", "advice"),
    [
        ({"recipient": PERSON}, "recipient", "name a tenant or a configuration too"),
        ({"status": "DELIVERED"}, "tenant", "name a tenant, a configuration, an id of a job or message"),
        ({"from": "2026-11-22T01:00"}, "tenant", "name a tenant"),
    ],
)
def test_what_no_index_answers_is_refused_at_its_field(
    olga: Browser, fields: dict[str, str], field: str, advice: str
) -> None:
    answer = olga.get(search(olga, **fields))
    assert answer.status_code == 400
    assert list(faults(text(answer))) == [field]
    assert advice in faults(text(answer))[field]
    assert f'<a href="#field-{field}">' in text(answer)


@pytest.mark.parametrize("sought", ["gAAAA", "x" * 3000])
def test_a_seal_that_cannot_be_opened_says_so(olga: Browser, store: MemoryStore, sought: str) -> None:
    accepted(store)
    answer = olga.get(f"/console/jobs?status=QUEUED&sought={sought}")
    assert answer.status_code == 400
    assert "sealed with other keys" in faults(text(answer))["text"]
    assert found(text(answer)) == []


def test_after_a_change_of_keys_a_search_has_to_be_said_again(
    browse: Open, olga: Browser, settings: Settings
) -> None:
    url = search(olga, text="m-1")
    changed = with_keys(settings, operator=f"{OPERATOR_KEY}-2", reader=READER_KEY)
    answer = browse(changed).signed_in("Olga", f"{OPERATOR_KEY}-2").get(url)
    assert answer.status_code == 400


def test_pages_go_on_where_the_one_before_ended_and_keep_what_was_looked_for(
    olga: Browser, store: MemoryStore
) -> None:
    made = []
    for _ in range(51):
        store.advance(seconds=1)
        made.append(str(accepted(store)))
    first = text(olga.get(search(olga, recipient=PERSON, tenant=str(TENANT))))
    assert found(first) == made[:0:-1]
    assert ">Newest<" not in first
    older = re.search(r'href="([^"]+)" rel="next">Older', first)
    assert older
    assert "example" not in older[1]
    second = text(olga.get(older[1].replace("&amp;", "&")))
    assert found(second) == made[:1]
    assert 'rel="next"' not in second
    newest = re.search(r'href="([^"]+)">Newest', second)
    assert newest
    assert found(text(olga.get(newest[1].replace("&amp;", "&")))) == found(first)


def test_where_nothing_is_found_it_is_said(olga: Browser) -> None:
    for status in JobStatus:
        page = text(olga.get(f"/console/jobs?status={status.value}&tenant={UNKNOWN}"))
        assert "No such job." in page


@pytest.mark.parametrize("status", JobStatus)
def test_every_status_can_be_looked_for(olga: Browser, store: MemoryStore, status: JobStatus) -> None:
    e_id = of_status(store, status)
    of_status(store, JobStatus.SENT if status is not JobStatus.SENT else JobStatus.FAILED)
    page = text(olga.get(f"/console/jobs?status={status.value}&tenant={TENANT}"))
    assert found(page) == [str(e_id)]
    assert f"</span>{status.value}</span>" in without_signs(page)


def test_what_people_wrote_is_escaped(olga: Browser, store: MemoryStore) -> None:
    a_configuration(
        store,
        e_id=ANOTHER,
        slug="<script>1</script>",
        routing_token_hash=b"o",
        administrative=Administrative.LOCKED,
    )
    recipient = '"><img src=x>@example.com'
    e_id = accepted(store, configuration_id=ANOTHER, recipient=recipient, error_code="<i>")
    page = text(olga.get(search(olga, text=str(e_id), recipient=recipient)))
    assert found(page) == [str(e_id)]
    assert not re.search(r"<script>1|<img|<i>", page)
    assert "&lt;script&gt;1&lt;/script&gt;" in page


def test_while_the_database_is_away_it_is_a_503(olga: Browser, store: MemoryStore) -> None:
    url = search(olga, text="m-1")
    store.down = True
    assert olga.get(url).status_code == 503
    assert olga.get("/console/jobs").status_code == 503
