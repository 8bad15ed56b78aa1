"""One job's page: its whole story, how it is, and what a person may do to it."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import StoreUnavailable
from shared.domain.event import EventKind
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.messaging.messages import SendJobs
from shared.ports.configurations import Change
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, TENANT, UNKNOWN, a_configuration
from tests.unit.web.console.browser import OPERATOR_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.jobs import (
    CLAIM,
    LIMIT,
    accepted,
    become,
    claimed,
    doubted,
    in_doubt,
    inconsistent,
    job_of,
    of_status,
    sent,
    settled,
    told,
)
from tests.unit.web.console.parts import Ailing, actions_of, form_of, section, why_disabled, words
from web.console.job_words import ENDED, advice_on

SECOND_CLAIM = UUID(int=0xC1A2)
REASON = "seen at the provider"


@pytest.fixture(autouse=True)
def acme(store: MemoryStore) -> EmailConfiguration:
    return a_configuration(store)


def page_of(browser: Browser, e_id: UUID) -> str:
    answer = browser.get(f"/console/jobs/{e_id}")
    assert answer.status_code == 200
    return text(answer)


def now_of(browser: Browser, e_id: UUID) -> str:
    return words(section(page_of(browser, e_id), "now"))


def story_of(browser: Browser, e_id: UUID) -> list[str]:
    entries = section(page_of(browser, e_id), "story").split("<li")[1:]
    return [words(f"<li{entry}") for entry in entries]


def lock(store: MemoryStore, **changes: Any) -> None:
    with store.begin() as tx:
        configuration = tx.configurations.get(CONFIGURATION)
        assert configuration is not None
        moved = replace(configuration, **changes)
        tx.configurations.save(moved, Change("setup", "change"))


# What it shows.


def test_one_timeline_goes_from_the_request_to_the_last_callback(olga: Browser, store: MemoryStore) -> None:
    e_id = claimed(
        store, idempotency_key="order-7", trace="0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"
    )
    store.advance(seconds=1.5)
    settled(store, e_id, JobStatus.QUEUED, error_code="429", error_text="too fast", due_at=store.clock.now())
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=SECOND_CLAIM, limit=10, lease_seconds=60)
    store.advance(seconds=0.25)
    settled(store, e_id, JobStatus.SENT, SECOND_CLAIM, provider_message_id="m-1")
    store.advance(seconds=30)
    event = told(store, e_id, EventKind.DELIVERY)
    become(store, e_id, JobStatus.DELIVERED)
    accepted_, first, second, delivered = story_of(olga, e_id)
    assert accepted_.startswith("Accepted by orders-service 31 s ago 2026-11-02 09:00:00 UTC")
    assert accepted_.endswith("Idempotency key order-7 Trace 0af7651916cd43dd8448eb211c80319c")
    assert first.startswith("Attempt 1: QUEUED")
    assert first.endswith(f"too fast Claim {CLAIM} Took 1.5 s Code 429")
    assert second.startswith("Attempt 2: SENT")
    assert second.endswith(f"Claim {SECOND_CLAIM} Took 250 ms Provider's message id m-1")
    assert delivered.startswith("Delivery now 2026-11-02 09:00:31 UTC Happened at 2026-11-02 09:00:29 UTC")
    assert f"told 2.0 s later. Event {event.e_id} What the provider sent, masked" in delivered


def test_what_people_did_is_in_the_timeline_with_their_names_and_reasons(
    olga: Browser, store: MemoryStore
) -> None:
    e_id = in_doubt(store)
    decide(olga, e_id, "resend", reason="the customer\nasked")
    decided = story_of(olga, e_id)[-1]
    assert decided.startswith("Decided to send it again by Olga now")
    assert decided.endswith("the customer asked")


@pytest.mark.parametrize(
    ("action", "title"),
    [
        ("job.decide.sent", "Decided that it was sent"),
        ("job.decide.fail", "Decided to give it up"),
        ("job.resolve", "Resolved by all that the provider has told"),
        ("dead_letter.replay", "Put back to the queue"),
        ("dead_letter.discard", "Its dead letter laid to rest"),
        ("something.new", "something.new"),
    ],
)
def test_every_deed_has_its_words(olga: Browser, store: MemoryStore, action: str, title: str) -> None:
    e_id = sent(store)
    with store.begin() as tx:
        tx.audit.keep(factories.action(e_id, tenant_id=TENANT, action=action, at=store.clock.now()))
    assert story_of(olga, e_id)[-1].startswith(f"{title} by operator@example.com")


def test_a_result_that_came_too_late_is_evidence_and_said_to_be_no_more(
    olga: Browser, store: MemoryStore
) -> None:
    e_id = claimed(store)
    store.advance(seconds=61)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=15, limit=10)
    settled(store, e_id, JobStatus.SENT, provider_message_id="m-late")
    late = story_of(olga, e_id)[1]
    assert late.startswith("Attempt 1: SENT, too late")
    assert "kept as evidence, without effect" in late
    assert "m-late" in late


def test_an_attempt_without_a_result_is_under_way_or_ended_with_its_worker(
    olga: Browser, store: MemoryStore
) -> None:
    e_id = claimed(store)
    assert story_of(olga, e_id)[1].startswith("Attempt 1: under way")
    store.advance(seconds=61)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=15, limit=10)
    assert "no result" in story_of(olga, e_id)[1]
    assert "Its worker ended without one." in story_of(olga, e_id)[1]


@pytest.mark.parametrize(
    ("kind", "facts", "title"),
    [
        (EventKind.BOUNCE, {"hard_bounce": True}, "Hard bounce"),
        (EventKind.BOUNCE, {}, "Soft bounce, or another notice"),
        (EventKind.SPAM_COMPLAINT, {}, "Spam complaint"),
        (EventKind.SUBSCRIPTION_CHANGE, {"suppresses": True}, "Subscription change"),
        (EventKind.OPEN, {}, "Open"),
        (EventKind.OTHER, {}, "Something of an unknown kind"),
    ],
)
def test_every_callback_has_its_words(
    olga: Browser, store: MemoryStore, kind: EventKind, facts: dict[str, Any], title: str
) -> None:
    e_id = sent(store)
    told(store, e_id, kind, **facts)
    assert story_of(olga, e_id)[-1].startswith(f"{title} now")


def test_a_callback_without_a_time_says_so(olga: Browser, store: MemoryStore) -> None:
    e_id = sent(store)
    told(store, e_id, EventKind.DELIVERY, occurred_at=None)
    assert "It tells no time." in story_of(olga, e_id)[-1]


def test_a_raw_callback_is_folded_and_masked(olga: Browser, store: MemoryStore) -> None:
    e_id = sent(store, recipient="someone@else.example")
    raw = '{"RecordType": "Bounce", "Email": "jane@example.com", "Subject": "Roses", "Details": "<jane@example.com>"}'
    event = told(store, e_id, EventKind.BOUNCE, raw=raw)
    page = page_of(olga, e_id)
    part = re.search(rf'<details id="raw-{event.e_id.hex}">(.*?)</details>', page, re.DOTALL)
    assert part
    assert "<summary>" in part[1]
    assert "&#34;RecordType&#34;: &#34;Bounce&#34;" in part[1]
    assert "•••@example.com" in part[1]
    assert not re.search("jane|Roses", page)


def test_subject_and_body_are_on_no_page(olga: Browser, store: MemoryStore) -> None:
    e_id = sent(store)
    page = page_of(olga, e_id)
    assert "Subject, body and attachments are shown to nobody." in page
    assert factories.content().subject not in page
    assert str(factories.content().text_body) not in page


def test_the_envelope_says_who_to_whom_by_what(olga: Browser, store: MemoryStore) -> None:
    e_id = sent(store, tag="order", idempotency_key="order-7")
    page = page_of(olga, e_id)
    part = words(section(page, "facts"))
    for said in (
        "Recipient person@example.com",
        "From Acme, noreply@acme.dev.ardamails.com",
        "Configuration acme Operational: OK Administrative: UNLOCKED",
        f"Tenant {TENANT}",
        "Tag order",
        "from orders-service",
        "Idempotency key order-7",
        "Provider's message id m-1",
        "Attempts 1",
    ):
        assert said in part, said
    assert f'href="/console/configurations/{CONFIGURATION}"' in page


def test_an_address_that_is_suppressed_by_now_says_so(olga: Browser, store: MemoryStore) -> None:
    e_id = sent(store)
    with store.begin() as tx:
        tx.suppressions.add(factories.suppression(tenant_id=TENANT))
    assert "person@example.com suppressed MANUAL since" in words(section(page_of(olga, e_id), "facts"))


def test_a_send_is_watched_from_queued_to_delivered(olga: Browser, store: MemoryStore) -> None:
    seen = []

    def look(e_id: UUID) -> None:
        page = text(olga.get(f"/console/jobs/{e_id}", headers={"X-Console-Refresh": "1"}))
        status = re.search(r"Status: </span>(\w+)<", page)
        assert status
        assert '<div id="job"' in page
        seen.append((status[1], 'id="job" data-refresh="5"' in page))

    e_id = accepted(store)
    look(e_id)
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=CLAIM, limit=10, lease_seconds=60)
    look(e_id)
    settled(store, e_id, JobStatus.SENT, provider_message_id="m-1")
    look(e_id)
    become(store, e_id, JobStatus.DELIVERED)
    look(e_id)
    assert seen == [("QUEUED", True), ("SENDING", True), ("SENT", True), ("DELIVERED", False)]


@pytest.mark.parametrize("status", JobStatus)
def test_every_status_is_explained_and_those_that_end_renew_no_more(
    olga: Browser, store: MemoryStore, status: JobStatus
) -> None:
    e_id = of_status(store, status)
    page = page_of(olga, e_id)
    explained = words(section(page, "now")).partition("UTC")[2]
    assert len(explained) > 20
    assert ("data-refresh" in page) == (status not in ENDED)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("300", "sends again with a new key"),
        ("406", "lift it on its suppression"),
        ("expired", "put it back from the dead letters"),
        ("poison", "Give its id to the developers"),
        ("decided", "what happened says who and why"),
        ("9999", "in the words beside its code"),
    ],
)
def test_an_error_says_what_to_do(olga: Browser, store: MemoryStore, code: str, says: str) -> None:
    e_id = claimed(store)
    settled(store, e_id, JobStatus.FAILED, error_code=code, error_text="the provider's <words>")
    told_ = now_of(olga, e_id)
    assert says in told_
    assert f"Last error {code} In the words of who said so the provider's <words>" in told_


def test_what_is_tried_again_is_not_called_refused(store: MemoryStore) -> None:
    waits = of_status(store, JobStatus.QUEUED, error_code="connect_failed")
    assert advice_on(job_of(store, waits)) == ""
    failed = of_status(store, JobStatus.FAILED, error_code="connect_failed")
    assert "refused it for good" in advice_on(job_of(store, failed))


def test_a_job_that_waits_says_for_what(olga: Browser, store: MemoryStore) -> None:
    e_id = accepted(store)
    assert "It is due, and waits for a worker." in now_of(olga, e_id)
    with store.begin() as tx:
        tx.account.pause(seconds=300, longest_seconds=3600, reason="405")
    assert "which is paused until 2026-11-02 09:05:00 UTC" in now_of(olga, e_id)
    lock(store, operational=Operational.FAILURE)
    assert "which is FAILURE and UNLOCKED: nothing goes out so." in now_of(olga, e_id)


def test_a_retry_says_when_and_after_what(olga: Browser, store: MemoryStore) -> None:
    e_id = accepted(store, due_at=store.clock.now() + timedelta(minutes=5), error_code="429")
    said = "The next try is due at 2026-11-02 09:05:00 UTC, as the last try ended with 429."
    assert said in now_of(olga, e_id)


def test_a_worker_that_is_overdue_is_said_to_be(olga: Browser, store: MemoryStore) -> None:
    e_id = claimed(store)
    assert "A worker has it until 2026-11-02 09:01:00 UTC at the latest." in now_of(olga, e_id)
    store.advance(seconds=61)
    assert "the next sweep puts it in doubt" in now_of(olga, e_id)


def test_an_open_dead_letter_leads_to_where_it_is_put_back(olga: Browser, store: MemoryStore) -> None:
    e_id = claimed(store)
    settled(store, e_id, JobStatus.FAILED, error_code="expired")
    part = section(page_of(olga, e_id), "now")
    assert "It is among the dead letters, now" in words(part)
    assert 'href="/console/queues/dead-letters/' in part
    assert "dead letters" not in now_of(olga, sent(store))


def test_what_the_world_wrote_is_escaped(olga: Browser, store: MemoryStore) -> None:
    hostile = "<script>alert(1)</script>"
    e_id = claimed(
        store, author=hostile, idempotency_key=hostile, tag=hostile, recipient=f"{hostile}@example.com"
    )
    settled(store, e_id, JobStatus.SENT, provider_message_id=hostile, error_text=hostile, error_code=hostile)
    raw = f'{{"Tag": "{hostile}", "{hostile}": 1, "Metadata": {{"{hostile}": "x"}}}}'
    told(store, e_id, EventKind.OPEN, raw=raw)
    lock(store, from_name=hostile, slug=hostile)
    page = page_of(olga, e_id)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 9


@pytest.mark.parametrize(
    ("port", "says"),
    [
        ("jobs.attempts", "What happened could not be read"),
        ("events.for_job", "What happened could not be read"),
        ("configurations", "What is around it could not be read"),
        ("suppressions", "What is around it could not be read"),
        ("account", "What is around it could not be read"),
        ("views.letter_of_job", "Its dead letter could not be read"),
    ],
)
@pytest.mark.parametrize("error", [StoreUnavailable("away"), KeyError("inside")])
def test_a_part_that_cannot_be_read_says_so_and_the_rest_stands(
    browse: Open, store: MemoryStore, port: str, says: str, error: Exception
) -> None:
    e_id = inconsistent(store)
    olga = browse(over=cast("Any", Ailing(store, error, port))).signed_in("Olga", OPERATOR_KEY)
    page = page_of(olga, e_id)
    assert page.count("could not be read") == 1
    assert says in page
    assert "person@example.com" in page
    assert actions_of(page) == {f"/console/jobs/{e_id}/resolve"}
    assert "inside" not in page


def test_a_job_that_is_not_there_is_a_404(olga: Browser) -> None:
    assert olga.get(f"/console/jobs/{UNKNOWN}").status_code == 404
    assert olga.get("/console/jobs/acme").status_code == 404
    assert decide_form(olga, UNKNOWN, "sent").status_code == 404
    assert resolve_form(olga, UNKNOWN).status_code == 404


def test_while_the_database_is_away_it_is_a_503(olga: Browser, store: MemoryStore) -> None:
    e_id = sent(store)
    store.down = True
    assert olga.get(f"/console/jobs/{e_id}").status_code == 503


# A job in doubt is decided.


def decide_form(browser: Browser, e_id: UUID, verdict: str, **fields: str) -> Any:
    sent_fields = {"claim": str(CLAIM), "reason": REASON, **fields}
    return browser.post(f"/console/jobs/{e_id}/decide/{verdict}", sent_fields)


def decide(browser: Browser, e_id: UUID, verdict: str, **fields: str) -> str:
    """By the form as the page shows it; what is said then."""
    action = f"/console/jobs/{e_id}/decide/{verdict}"
    shown = form_of(page_of(browser, e_id), action)
    answer = browser.post(action, {**shown, "reason": REASON, **fields})
    assert led_to(answer) == f"/console/jobs/{e_id}"
    return text(browser.get(f"/console/jobs/{e_id}"))


BECOMES = {"sent": JobStatus.SENT, "resend": JobStatus.QUEUED, "fail": JobStatus.FAILED}


@pytest.mark.parametrize("verdict", BECOMES)
def test_a_decision_is_done_once_with_its_author_and_reason(
    olga: Browser, store: MemoryStore, verdict: str
) -> None:
    e_id = in_doubt(store)
    with capture_logs() as logs:
        page = decide(olga, e_id, verdict)
    assert f"It is {BECOMES[verdict].value} now." in page
    assert job_of(store, e_id).status is BECOMES[verdict]
    assert [line["resolution"] for line in logs if line["event"] == "email.send.doubt"] == [
        f"decided_{verdict}"
    ]
    again = decide_form(olga, e_id, verdict)
    assert again.status_code == 409
    assert "It is not in doubt any more. Nothing was done." in text(again)
    assert job_of(store, e_id).status is BECOMES[verdict]
    with store.begin() as tx:
        actions = tx.jobs.actions(TENANT, e_id)
    assert [(one.action, one.author, one.reason) for one in actions] == [
        (f"job.decide.{verdict}", "Olga", REASON)
    ]


@pytest.mark.parametrize("verdict", BECOMES)
def test_each_verdict_says_what_comes_of_it(olga: Browser, store: MemoryStore, verdict: str) -> None:
    page = section(page_of(olga, in_doubt(store)), "now")
    consequence = {
        "sent": "It becomes SENT, and is never sent again.",
        "resend": "the recipient gets it twice, and nothing calls the second one back",
        "fail": "It becomes FAILED, and is never sent",
    }
    form = re.search(rf'<form[^>]* action="[^"]*/decide/{verdict}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form
    assert consequence[verdict] in form[1]
    assert ('name="message_id"' in form[1]) == (verdict == "sent")
    assert re.search(r'<textarea[^>]* name="reason"[^>]* required>', form[1])


def test_a_message_id_that_was_found_at_the_provider_is_kept(olga: Browser, store: MemoryStore) -> None:
    e_id = in_doubt(store)
    decide(olga, e_id, "sent", message_id="  m-found ")
    assert job_of(store, e_id).provider_message_id == "m-found"


@pytest.mark.parametrize("message_id", ["x" * 101, "a\x07b"])
def test_a_message_id_that_is_none_is_refused(olga: Browser, store: MemoryStore, message_id: str) -> None:
    e_id = in_doubt(store)
    assert decide_form(olga, e_id, "sent", message_id=message_id).status_code == 400
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT


def test_a_job_that_is_sent_again_is_rung_for(
    browse: Open, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    olga = browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)
    decide(olga, in_doubt(store), "resend")
    assert doorbell.rung == [SendJobs(CONFIGURATION)]


@pytest.mark.parametrize("verdict", BECOMES)
def test_while_workers_still_look_nobody_decides(olga: Browser, store: MemoryStore, verdict: str) -> None:
    e_id = in_doubt(store, age=LIMIT - timedelta(seconds=1))
    page = page_of(olga, e_id)
    assert actions_of(page) == set()
    title = {"sent": "It was sent", "resend": "Send it again", "fail": "Give it up"}[verdict]
    assert "from 2026-11-02 13:00:00 UTC on" in why_disabled(page, title)
    answer = decide_form(olga, e_id, verdict)
    assert answer.status_code == 409
    assert "decide from 2026-11-02 13:00:00 UTC on" in text(answer)
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"administrative": Administrative.LOCKED}, "locked"), ({"retired_at": factories.LONG_AGO}, "retired")],
)
def test_behind_a_lock_nothing_is_sent_again(
    olga: Browser, store: MemoryStore, changes: dict[str, Any], word: str
) -> None:
    e_id = in_doubt(store)
    lock(store, **changes)
    page = page_of(olga, e_id)
    assert "Nothing may wait behind its configuration" in why_disabled(page, "Send it again")
    assert actions_of(page) == {f"/console/jobs/{e_id}/decide/{verdict}" for verdict in ("sent", "fail")}
    answer = decide_form(olga, e_id, "resend")
    assert answer.status_code == 409
    assert f"({word})" in text(answer)


def test_a_decision_about_another_claim_is_a_409_with_what_holds_now(
    olga: Browser, store: MemoryStore
) -> None:
    e_id = in_doubt(store)
    stale = form_of(page_of(olga, e_id), f"/console/jobs/{e_id}/decide/fail")
    decide(olga, e_id, "resend")
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=SECOND_CLAIM, limit=10, lease_seconds=60)
    doubted(store, e_id, SECOND_CLAIM)
    store.advance(LIMIT)
    answer = decide_form(olga, e_id, "fail", **stale)
    page = text(answer)
    assert answer.status_code == 409
    assert "It changed meanwhile. Nothing was done." in page
    assert "data-refresh" not in page
    assert form_of(page, f"/console/jobs/{e_id}/decide/fail") == {"claim": str(SECOND_CLAIM)}
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT


@pytest.mark.parametrize(
    "fields", [{"reason": ""}, {"reason": "  "}, {"reason": "x" * 1001}, {"claim": ""}, {"claim": "x"}]
)
def test_a_decision_without_a_reason_or_a_claim_is_none(
    olga: Browser, store: MemoryStore, fields: dict[str, str]
) -> None:
    e_id = in_doubt(store)
    assert decide_form(olga, e_id, "fail", **fields).status_code == 400
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT


def test_there_is_no_other_verdict(olga: Browser, store: MemoryStore) -> None:
    assert decide_form(olga, in_doubt(store), "lose").status_code == 404


@pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.IN_DOUBT])
def test_what_is_not_in_doubt_is_not_decided(olga: Browser, store: MemoryStore, status: JobStatus) -> None:
    e_id = of_status(store, status)
    assert not {action for action in actions_of(page_of(olga, e_id)) if "decide" in action}
    before = job_of(store, e_id)
    assert decide_form(olga, e_id, "fail").status_code == 409
    assert job_of(store, e_id) == before


# One whose events contradict one another is resolved.


def resolve_form(browser: Browser, e_id: UUID, **fields: str) -> Any:
    return browser.post(f"/console/jobs/{e_id}/resolve", {"version": "0", "reason": REASON, **fields})


def test_it_is_resolved_once_by_what_the_page_says(olga: Browser, store: MemoryStore) -> None:
    e_id = inconsistent(store)
    page = page_of(olga, e_id)
    assert "It becomes BOUNCED, by all 2 events of it, whatever their order." in page
    shown = form_of(page, f"/console/jobs/{e_id}/resolve")
    assert led_to(resolve_form(olga, e_id, **shown)) == f"/console/jobs/{e_id}"
    assert "It is BOUNCED now." in page_of(olga, e_id)
    again = resolve_form(olga, e_id, **shown)
    assert again.status_code == 409
    assert job_of(store, e_id).status is JobStatus.BOUNCED
    with store.begin() as tx:
        (action,) = tx.jobs.actions(TENANT, e_id)
    assert (action.action, action.author, action.reason) == ("job.resolve", "Olga", REASON)


def test_one_event_is_called_one(olga: Browser, store: MemoryStore) -> None:
    e_id = sent(store)
    told(store, e_id, EventKind.DELIVERY)
    become(store, e_id, JobStatus.INCONSISTENT)
    assert "It becomes DELIVERED, by the one event of it" in page_of(olga, e_id)


def test_without_an_event_there_is_nothing_to_resolve_it_by(olga: Browser, store: MemoryStore) -> None:
    e_id = sent(store)
    become(store, e_id, JobStatus.INCONSISTENT)
    page = page_of(olga, e_id)
    assert "there is nothing to resolve it by" in why_disabled(page, "Resolve it")
    answer = resolve_form(olga, e_id, version=str(job_of(store, e_id).version))
    assert answer.status_code == 409
    assert job_of(store, e_id).status is JobStatus.INCONSISTENT


def test_a_resolution_by_another_version_is_a_409_with_what_holds_now(
    olga: Browser, store: MemoryStore
) -> None:
    e_id = inconsistent(store)
    stale = form_of(page_of(olga, e_id), f"/console/jobs/{e_id}/resolve")
    become(store, e_id, JobStatus.BOUNCED)
    become(store, e_id, JobStatus.INCONSISTENT)
    answer = resolve_form(olga, e_id, **stale)
    assert answer.status_code == 409
    assert "It changed meanwhile" in text(answer)
    assert form_of(text(answer), f"/console/jobs/{e_id}/resolve") != stale
    assert job_of(store, e_id).status is JobStatus.INCONSISTENT


@pytest.mark.parametrize(
    "fields",
    [{"reason": " "}, {"version": ""}, {"version": "-1"}, {"version": "1" * 10}, {"version": "²"}],
)
def test_a_resolution_without_a_reason_or_a_version_is_none(
    olga: Browser, store: MemoryStore, fields: dict[str, str]
) -> None:
    e_id = inconsistent(store)
    version = str(job_of(store, e_id).version)
    assert resolve_form(olga, e_id, **{"version": version, **fields}).status_code == 400
    assert job_of(store, e_id).status is JobStatus.INCONSISTENT


@pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.INCONSISTENT])
def test_what_is_consistent_is_not_resolved(olga: Browser, store: MemoryStore, status: JobStatus) -> None:
    e_id = of_status(store, status)
    before = job_of(store, e_id)
    assert f"/console/jobs/{e_id}/resolve" not in actions_of(page_of(olga, e_id))
    assert resolve_form(olga, e_id, version=str(before.version)).status_code == 409
    assert job_of(store, e_id) == before


# Who may not.


def test_a_reader_sees_all_of_it_and_does_nothing(rita: Browser, store: MemoryStore) -> None:
    doubtful, torn = in_doubt(store), inconsistent(store)
    for e_id, title in ((doubtful, "Give it up"), (torn, "Resolve it")):
        page = page_of(rita, e_id)
        assert "person@example.com" in page
        assert actions_of(page) == set()
        assert why_disabled(page, title).startswith("Your role is reader")
    before = job_of(store, doubtful), job_of(store, torn)
    assert decide_form(rita, doubtful, "fail").status_code == 403
    assert resolve_form(rita, torn, version=str(before[1].version)).status_code == 403
    assert (job_of(store, doubtful), job_of(store, torn)) == before


@pytest.mark.parametrize("deed", ["decide/fail", "resolve"])
def test_no_deed_is_done_without_the_token_of_the_session(
    olga: Browser, store: MemoryStore, deed: str
) -> None:
    e_id = in_doubt(store)
    fields = {"claim": str(CLAIM), "version": "0", "reason": REASON}
    assert olga.post(f"/console/jobs/{e_id}/{deed}", fields, token="wrong").status_code == 400
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT


def test_headings_go_down_one_step_at_a_time(olga: Browser, store: MemoryStore) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", page_of(olga, inconsistent(store)))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
