"""One configuration's page: everything about it, and every signal with what comes of it or why it may not be sent."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, product
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import Step, StepFailure, advance
from shared.domain.drift import Discrepancy, Drift, Problem
from shared.domain.errors import StoreUnavailable
from shared.domain.event import EventKind
from shared.domain.job import JobStatus
from shared.domain.lifecycle import SIGNALS, Administrative, Operational, Trigger
from shared.domain.verification import Check
from shared.domain.webhook import WebhookHealth, WebhookState
from shared.messaging.messages import ProvisionConfiguration
from shared.ports.configurations import Change
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.fakes.store.state import State
from tests.unit.web.api import CONFIGURATION, OTHER_TENANT, TENANT, UNKNOWN, a_configuration
from tests.unit.web.console.browser import OPERATOR_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.jobs import accepted, held, in_doubt, job_of, of_status, sent, told
from tests.unit.web.console.parts import Ailing, actions_of, form_of, section, why_disabled, words
from web.console import signals as in_words

ANOTHER = UUID("33333333-3333-4333-8333-333333333334")
PAGE = f"/console/configurations/{CONFIGURATION}"
REASON = "the customer asked"


def page_of(browser: Browser) -> str:
    answer = browser.get(PAGE)
    assert answer.status_code == 200
    return text(answer)


def part(browser: Browser, name: str) -> str:
    return words(section(page_of(browser), name))


def action_of(signal: str) -> str:
    return f"{PAGE}/signal/{signal}"


def enabled(page: str) -> set[str]:
    return {action.rpartition("/")[2] for action in actions_of(page)}


def send(browser: Browser, signal: str, **fields: str) -> Any:
    """By hand, whatever the page offers."""
    sent_fields = {"version": "0", "reason": REASON, "slug": "acme", **fields}
    return browser.post(action_of(signal), sent_fields)


def use(browser: Browser, signal: str, **fields: str) -> Any:
    """By the form as the page shows it."""
    shown = form_of(page_of(browser), action_of(signal))
    slug = {"slug": "acme"} if signal in ("force-lock", "remove") else {}
    return browser.post(action_of(signal), {**shown, **slug, "reason": REASON, **fields})


def consequence(page: str, signal: str) -> str:
    form = re.search(rf'<form[^>]* action="{action_of(signal)}"[^>]*>.*?<p>(.*?)</p>', page, re.DOTALL)
    assert form, signal
    return words(form[1])


# Signals.


def legal(operational: Operational, administrative: Administrative) -> set[str]:
    """As docs/lifecycle.md has it, said once more by hand."""
    working = operational in (Operational.OK, Operational.DEGRADED)
    to_verify = (Operational.UNVERIFIED, Operational.AWAITING_VERIFICATION, Operational.FAILURE)
    locked, unlocked = administrative is Administrative.LOCKED, administrative is Administrative.UNLOCKED
    rules = {
        "provision": operational is Operational.PENDING,
        "re-provision": operational is Operational.MISSING,
        "re-verify": operational in to_verify,
        "lock": unlocked,
        "force-lock": not locked,
        "unlock": locked and working,
        "remove": locked and operational is not Operational.PROVISIONING,
    }
    return {signal for signal, allowed in rules.items() if allowed}


@pytest.mark.parametrize("administrative", Administrative)
def test_all_signals_are_shown_and_the_legal_ones_can_be_sent(
    olga: Browser, store: MemoryStore, administrative: Administrative
) -> None:
    for operational in Operational:
        store._state = State()
        a_configuration(store, operational=operational, administrative=administrative)
        page = page_of(olga)
        allowed = legal(operational, administrative)
        assert enabled(page) == allowed
        for signal in SIGNALS:
            if signal.value in allowed:
                assert len(consequence(page, signal.value)) > 20
            else:
                assert len(why_disabled(page, signal.value.capitalize())) > 10


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_is_carried_out_where_it_is_legal_and_nowhere_else(
    olga: Browser, store: MemoryStore, signal: Trigger
) -> None:
    for operational, administrative in product(Operational, Administrative):
        store._state = State()
        before = a_configuration(store, operational=operational, administrative=administrative)
        expected = advance(before, signal, now=store.clock.now()).configuration
        answer = send(olga, signal.value)
        after = held(store)
        if signal.value in legal(operational, administrative):
            assert led_to(answer) == PAGE
            assert after == replace(expected, version=before.version + 1)
            continue
        assert after == before
        page = text(olga.get(PAGE)) if answer.status_code == 303 else text(answer)
        assert "Nothing was changed." in page or (answer.status_code == 409 and "Nothing was done." in page)


def test_of_a_removed_one_nothing_can_be_done(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, retired_at=store.clock.now(), administrative=Administrative.LOCKED)
    page = page_of(olga)
    assert enabled(page) == set()
    assert why_disabled(page, "Remove") == "It was removed already."
    assert why_disabled(page, "Unlock") == "It was removed."
    for signal in SIGNALS:
        assert send(olga, signal.value).status_code == (303 if signal is Trigger.REMOVE else 409)


def test_one_of_a_tenant_that_has_another_unlocked_may_not_be_unlocked(
    olga: Browser, store: MemoryStore
) -> None:
    a_configuration(store, administrative=Administrative.LOCKED)
    a_configuration(store, e_id=ANOTHER, slug="other", routing_token_hash=b"o")
    assert "Another configuration of the tenant" in why_disabled(page_of(olga), "Unlock")
    answer = send(olga, "unlock")
    assert answer.status_code == 409
    assert "Another configuration of the tenant is UNLOCKED or LOCKING" in text(answer)
    assert held(store).administrative is Administrative.LOCKED


def test_every_reason_of_the_table_has_its_words() -> None:
    for operational, administrative, signal in product(Operational, Administrative, SIGNALS):
        given = {"operational": operational, "administrative": administrative}
        for retired_at in (None, factories.LONG_AGO):
            one = factories.configuration(**given, retired_at=retired_at)
            decision = advance(one, signal, now=factories.LONG_AGO)
            if decision.reason != signal:
                assert in_words.why_not(decision.reason).endswith(".")


def test_a_signal_is_done_once_in_the_name_of_who_sent_it_with_the_reason(
    olga: Browser, store: MemoryStore
) -> None:
    a_configuration(store)
    shown = form_of(page_of(olga), action_of("lock"))
    assert led_to(send(olga, "lock", **shown)) == PAGE
    assert "acme: lock is done. It is OK and LOCKED." in page_of(olga)
    again = send(olga, "lock", **shown)
    assert again.status_code == 409
    with store.begin() as tx:
        history = tx.configurations.history(CONFIGURATION)
    assert [(one.author, one.cause, one.reason) for one in history[1:]] == [("Olga", "signal:lock", REASON)]


def test_a_signal_that_work_follows_rings_and_says_so(
    browse: Open, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store, operational=Operational.PENDING, administrative=Administrative.LOCKED)
    olga = browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)
    use(olga, "provision")
    assert doorbell.rung == [ProvisionConfiguration(CONFIGURATION)]
    assert "It is PROVISIONING and LOCKED. Work follows." in page_of(olga)


def test_a_changed_row_is_a_409_that_shows_what_holds_now(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    stale = form_of(page_of(olga), action_of("force-lock"))
    with store.begin() as tx:
        before = tx.configurations.get(CONFIGURATION)
        assert before is not None
        moved = replace(before, operational=Operational.FAILURE)
        tx.configurations.save(moved, Change("send", "send-faults", "5 in a row"))
    answer = send(olga, "force-lock", **stale)
    page = text(answer)
    assert answer.status_code == 409
    assert "It is not as you looked at it any more. Nothing was done." in page
    assert "Operational: FAILURE" in words(section(page, "now"))
    assert "Sends failed too often in a row by send" in words(section(page, "story"))
    assert "data-refresh" not in page
    assert held(store).administrative is Administrative.UNLOCKED
    fresh = form_of(page, action_of("force-lock"))
    assert fresh != stale
    assert led_to(send(olga, "force-lock", **fresh)) == PAGE


@pytest.mark.parametrize("signal", ["force-lock", "remove"])
@pytest.mark.parametrize("slug", ["", "acm", "ACME", "acme2"])
def test_what_destroys_wants_the_slug_typed(
    olga: Browser, store: MemoryStore, signal: str, slug: str
) -> None:
    administrative = Administrative.LOCKED if signal == "remove" else Administrative.UNLOCKED
    before = a_configuration(store, administrative=administrative)
    form = re.search(rf'<form[^>]* action="{action_of(signal)}"[^>]*>(.*?)</form>', page_of(olga), re.DOTALL)
    assert form
    assert re.search(r'<input[^>]* name="slug"[^>]* required>', form[1])
    assert "btn-danger" in form[1]
    answer = use(olga, signal, slug=slug)
    assert answer.status_code == 400
    assert "type the slug" in text(answer)
    assert held(store) == before
    assert led_to(use(olga, signal, slug=" acme ")) == PAGE


def test_other_signals_want_no_slug(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    form = re.search(rf'<form[^>]* action="{action_of("lock")}"[^>]*>(.*?)</form>', page_of(olga), re.DOTALL)
    assert form
    assert 'name="slug"' not in form[1]
    assert led_to(use(olga, "lock")) == PAGE


@pytest.mark.parametrize(
    "fields",
    [{"reason": ""}, {"reason": " "}, {"reason": "x" * 1001}, {"version": ""}, {"version": "x"}],
)
def test_a_signal_without_a_reason_or_a_version_is_none(
    olga: Browser, store: MemoryStore, fields: dict[str, str]
) -> None:
    before = a_configuration(store)
    assert use(olga, "lock", **fields).status_code == 400
    assert held(store) == before


def test_a_reader_sees_every_signal_and_sends_none(rita: Browser, store: MemoryStore) -> None:
    before = a_configuration(store)
    page = page_of(rita)
    assert enabled(page) == set()
    for signal in SIGNALS:
        assert why_disabled(page, signal.value.capitalize())
        assert send(rita, signal.value).status_code == 403
    assert why_disabled(page, "Lock").startswith("Your role is reader")
    assert held(store) == before


def test_no_signal_is_sent_without_the_token_of_the_session(olga: Browser, store: MemoryStore) -> None:
    before = a_configuration(store)
    fields = {"version": "0", "reason": REASON}
    assert olga.post(action_of("lock"), fields, token="wrong").status_code == 400
    assert held(store) == before


def test_what_is_no_signal_or_no_configuration_is_a_404(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    for signal in ("verified", "drained", "explode"):
        assert send(olga, signal).status_code == 404
    fields = {"version": "0", "reason": REASON}
    assert olga.post(f"/console/configurations/{UNKNOWN}/signal/lock", fields).status_code == 404


def test_the_tenant_of_a_signal_is_the_rows(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, tenant_id=OTHER_TENANT)
    assert led_to(use(olga, "lock")) == PAGE
    assert held(store).tenant_id == OTHER_TENANT


# What each would do.


def test_lock_says_whether_it_is_at_once(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    refused = "New sends are refused from now on."
    assert consequence(page_of(olga), "lock") == f"Nothing is in flight: it is LOCKED at once. {refused}"
    accepted(store)
    said = f"1 send is in flight: it locks when it is done. {refused}"
    assert consequence(page_of(olga), "lock") == said
    accepted(store)
    of_status(store, JobStatus.IN_DOUBT)
    said = f"3 sends are in flight: it locks when they are done. {refused}"
    assert consequence(page_of(olga), "lock") == said


def test_lock_warns_of_a_drain_that_cannot_end(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, operational=Operational.FAILURE)
    accepted(store)
    assert "While it is FAILURE nothing that is queued goes out" in consequence(page_of(olga), "lock")


def test_force_lock_counts_what_it_cancels_and_what_it_cannot_call_back(
    olga: Browser, store: MemoryStore
) -> None:
    a_configuration(store)
    assert "Nothing is queued, so nothing is cancelled." in consequence(page_of(olga), "force-lock")
    for _ in range(12):
        accepted(store)
    e_id = of_status(store, JobStatus.SENDING)
    said = consequence(page_of(olga), "force-lock")
    assert said.startswith("Cancels 12 queued jobs at once: nobody gets them.")
    assert "The provider may have 1 job already: nobody can call it back." in said
    use(olga, "force-lock")
    with store.begin() as tx:
        assert tx.views.in_flight(CONFIGURATION)[JobStatus.QUEUED] == 0
    assert job_of(store, e_id).status is JobStatus.SENDING


def test_remove_names_what_it_takes_down(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, administrative=Administrative.LOCKED, provisioned=factories.provisioned())
    said = consequence(page_of(olga), "remove")
    assert "takes down server 11, signature 12, domain 13, webhook 14 and two DNS records" in said
    assert "the slug acme is free afterwards" in said
    assert "in flight" not in said
    of_status(store, JobStatus.IN_DOUBT)
    assert "What becomes of 1 job in flight cannot be asked" in consequence(page_of(olga), "remove")


def test_remove_of_what_was_never_made_says_so(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, operational=Operational.PENDING, administrative=Administrative.LOCKED)
    assert "Nothing was made outside" in consequence(page_of(olga), "remove")


def test_provision_names_what_it_makes(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, operational=Operational.PENDING, administrative=Administrative.LOCKED)
    said = consequence(page_of(olga), "provision")
    assert "the server ardamails-dev-acme, the signature noreply@acme.dev.ardamails.com" in said


def test_re_provision_names_what_is_left(olga: Browser, store: MemoryStore) -> None:
    left = factories.provisioned(webhook_id=None, records_written=False, domain_id=None)
    a_configuration(
        store, operational=Operational.MISSING, administrative=Administrative.LOCKED, provisioned=left
    )
    said = consequence(page_of(olga), "re-provision")
    assert said.startswith("First what is left of the failed attempt is deleted: server 11 and signature 12.")


def test_re_verify_says_for_how_long_and_where_it_comes_back_to(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, operational=Operational.UNVERIFIED, administrative=Administrative.LOCKED)
    said = consequence(page_of(olga), "re-verify")
    assert said.startswith("A window of 1 d begins now. The records are checked at once, and every 30 s from")
    assert "DEGRADED" not in said


def test_re_verify_out_of_failure_comes_back_as_degraded(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, operational=Operational.FAILURE)
    assert "It comes back as DEGRADED" in consequence(page_of(olga), "re-verify")


# What it shows.


def test_both_badges_say_since_when(olga: Browser, store: MemoryStore) -> None:
    now = store.clock.now()
    a_configuration(
        store,
        operational_since=now - timedelta(hours=3),
        administrative_since=now - timedelta(days=2),
    )
    said = part(olga, "now")
    assert "Operational Operational: OK entered 3 h ago" in said
    assert "Administrative Administrative: UNLOCKED entered 2 d ago" in said
    assert "Sends accepted Waits for nothing" in said


def test_a_failure_says_its_step_code_and_message(olga: Browser, store: MemoryStore) -> None:
    failure = StepFailure(Step.CREATE_SERVER, "postmark_orphan_server", "a server of <this> name is there")
    a_configuration(
        store, operational=Operational.MISSING, administrative=Administrative.LOCKED, failure=failure
    )
    said = part(olga, "now")
    assert "Failed at createServer with postmark_orphan_server: a server of <this> name is there" in said
    assert "refused: not_provisioned" in said
    assert "Provisioning has failed" in said


def test_what_is_in_flight_leads_to_its_jobs(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    in_doubt(store)
    queued = accepted(store)
    page = page_of(olga)
    assert "Status: QUEUED 1 , Status: SENDING 0 , Status: IN_DOUBT 1" in words(section(page, "now"))
    link = re.search(r'href="(/console/jobs\?configuration=[^"]*QUEUED)"', page)
    assert link
    assert str(queued) in text(olga.get(link[1].replace("&amp;", "&")))


def test_records_are_side_by_side_with_what_the_zone_holds(olga: Browser, store: MemoryStore) -> None:
    now = store.clock.now()
    dns = factories.mail_dns()
    a_configuration(
        store,
        operational=Operational.AWAITING_VERIFICATION,
        administrative=Administrative.LOCKED,
        dns=dns,
        verification_started_at=now - timedelta(hours=1),
        verification_due_at=now + timedelta(seconds=30),
    )
    with store.begin() as tx:
        check = Check(
            dkim_verified=False, return_path_verified=True, dkim_seen="k=rsa;p=<old>", return_path_seen=None
        )
        tx.checks.record(CONFIGURATION, check)
    page = page_of(olga)
    dkim, return_path = [words(row) for row in section(page, "records").split("<tr>")[2:4]]
    assert dkim.startswith(f"{dns.dkim_host} TXT {dns.dkim_value} k=rsa;p=<old> differs not found")
    assert f"{dns.return_path_host} CNAME {dns.return_path_target}" in return_path
    assert "unknown found" in return_path
    said = words(section(page, "records"))
    assert "Next check: in 30 s" in said
    assert "The window ends in 23 h" in said
    assert "Postmark has not found the DKIM record yet." in words(section(page, "now"))


def test_before_it_is_provisioned_there_are_no_records_to_show(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, operational=Operational.PENDING, administrative=Administrative.LOCKED)
    assert "Which records it needs is known once it is provisioned." in part(olga, "records")


def test_facts_have_names_ids_and_the_key_version_but_no_token(olga: Browser, store: MemoryStore) -> None:
    made = factories.provisioned(server_token="a1.kv7:c2VjcmV0LW9mLXRoZS1zZXJ2ZXI")
    a_configuration(store, provisioned=made, reply_to_email="help@acme.example")
    said = part(olga, "facts")
    for fact in (
        f"Configuration {CONFIGURATION}",
        f"Tenant {TENANT}",
        "Sending domain acme.dev.ardamails.com",
        "From Acme, noreply@acme.dev.ardamails.com",
        "Answers go to help@acme.example",
        "Server ardamails-dev-acme Server's id 11 Signature's id 12 Domain's id 13 Webhook's id 14",
        "Token sealed by key version v7",
        "Version 0",
    ):
        assert fact in said, fact
    assert "c2VjcmV0" not in page_of(olga)


def test_a_token_that_is_no_envelope_is_not_shown(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, provisioned=factories.provisioned(server_token="plain-token"))
    page = page_of(olga)
    assert "plain-token" not in page
    assert "what is kept is no envelope of ours" in page


def test_callbacks_show_their_health_key_and_open_gaps(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, provisioned=factories.provisioned())
    now = store.clock.now()
    paused = WebhookHealth(
        state=WebhookState.PAUSED, webhooks=1, paused=("Bounce",), requests=1204, failures=3
    )
    with store.begin() as tx:
        tx.webhook_looks.record(CONFIGURATION, paused)
        tx.gaps.open(
            now - timedelta(hours=2),
            now,
            cause="<maintenance>",
            author="olga",
            configuration_id=CONFIGURATION,
        )
    said = part(olga, "callbacks")
    assert said.startswith("Callbacks paused , begun now")
    assert "Given up by the provider Bounce" in said
    assert "Posts in 24 hours 1,204, failed 3" in said
    assert "Shows our key unknown" in said
    assert "2026-11-02 07:00:00 UTC 2026-11-02 09:00:00 UTC <maintenance>" in said


def test_a_look_at_callbacks_that_is_old_is_stale(olga: Browser, store: MemoryStore, opened: Any) -> None:
    a_configuration(store, provisioned=factories.provisioned())
    with store.begin() as tx:
        tx.webhook_looks.record(CONFIGURATION, WebhookHealth(state=WebhookState.OK, webhooks=1))
    store.advance(timedelta(minutes=2 * opened.callbacks.check_minutes))
    assert "stale" not in part(olga, "callbacks")
    store.advance(seconds=1)
    assert "The look is stale" in part(olga, "callbacks")


def test_what_was_never_looked_at_says_so(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    assert "Its webhook was never looked at." in part(olga, "callbacks")
    assert "No gap is open." in part(olga, "callbacks")


def test_findings_about_it_are_shown_with_their_state(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    mine = Discrepancy(
        tag=Drift.DKIM_MISMATCH,
        problem=Problem.ABSENT,
        configuration_id=CONFIGURATION,
        grace_seconds=300.0,
    )
    other = replace(mine, configuration_id=uuid4(), tag=Drift.RETURN_PATH_MISMATCH)
    key = Discrepancy(tag=Drift.MISSING_KEY, problem=Problem.ABSENT, configuration_id=CONFIGURATION)
    with store.begin() as tx:
        tx.findings.observe([mine, other, key])
    page = section(page_of(olga), "drift")
    assert "email.drift.dns_dkim_mismatch absent young now" in words(page)
    assert "email.drift.registry_missing_key absent open now" in words(page)
    assert "return_path" not in page
    assert 'href="/console/drift/findings/' in page


def test_what_slows_its_sends_is_said(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    assert "slowed down" not in part(olga, "now")
    with store.begin() as tx:
        tx.pressure.throttled(CONFIGURATION, wait_seconds=30)
        tx.account.pause(seconds=300, longest_seconds=3600, reason="405")
    said = part(olga, "now")
    assert "Pace slowed down by the provider's answers" in said
    assert "Account paused until in 5 min" in said


def test_it_leads_to_its_jobs_events_suppressions_and_dead_letters(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    with store.begin() as tx:
        fault = factories.handler_fault(CONFIGURATION)
        tx.dead_letters.count_fault(fault, dead_after=1, forget_after_seconds=60)
    page = section(page_of(olga), "links")
    assert "Its dead letters : 1 open" in words(page)
    assert re.findall(r'href="([^"]+)"', page) == [
        f"/console/jobs?configuration={CONFIGURATION}",
        f"{PAGE}/events",
        f"/console/queues/dead-letters?configuration={CONFIGURATION}",
        f"/console/suppressions?tenant={TENANT}",
        f"/console/configurations?text={TENANT}",
        f"/console/audit?subject={CONFIGURATION}",
    ]


# What happened.


def story(page: str) -> list[str]:
    entries = section(page, "story").split("<li")[1:]
    return [words(f"<li{entry}") for entry in entries]


def test_the_story_says_who_did_what_and_why_the_newest_first(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    store.advance(seconds=10)
    use(olga, "lock")
    store.advance(seconds=10)
    with store.begin() as tx:
        done = factories.action(CONFIGURATION, tenant_id=TENANT, action="webhook.reinstall", at=tx.now())
        tx.audit.keep(done)
    reinstalled, locked, made = story(page_of(olga))
    assert reinstalled.startswith("webhook.reinstall by operator@example.com now")
    assert reinstalled.endswith("the customer asked")
    assert locked.startswith("Signal lock by Olga 10 s ago")
    assert locked.endswith(f"{REASON} Administrative UNLOCKED → LOCKED")
    assert made.startswith("Made by setup 20 s ago")
    assert made.endswith("Operational OK Administrative UNLOCKED")


def test_a_failure_is_in_the_story_with_its_step(olga: Browser, store: MemoryStore) -> None:
    before = a_configuration(store, operational=Operational.PROVISIONING)
    store.advance(seconds=1)
    failure = StepFailure(Step.WRITE_RECORDS, "AccessDenied", "not allowed")
    with store.begin() as tx:
        moved = replace(before, operational=Operational.MISSING, failure=failure)
        tx.configurations.save(moved, Change("provisioning", "provisioning-failed"))
    failed, _ = story(page_of(olga))
    assert failed.startswith("Provisioning has failed by provisioning now")
    assert failed.endswith("PROVISIONING → MISSING Failed at writeRecords, AccessDenied: not allowed")


def test_the_newest_callbacks_are_in_the_story_and_lead_to_their_jobs(
    olga: Browser, store: MemoryStore
) -> None:
    a_configuration(store)
    e_id = sent(store)
    for _ in range(11):
        store.advance(seconds=1)
        told(store, e_id, EventKind.DELIVERY)
    page = page_of(olga)
    entries = story(page)
    assert len(entries) == 11
    assert entries[0].startswith("Callback: Delivery now")
    assert entries[10].startswith("Made by setup")
    assert section(page, "story").count(f'href="/console/jobs/{e_id}"') == 10


def test_the_story_is_paged_and_has_each_deed_once(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    e_id = sent(store)
    told(store, e_id, EventKind.DELIVERY)
    for number in range(25):
        store.advance(seconds=1)
        with store.begin() as tx:
            one = factories.action(CONFIGURATION, tenant_id=TENANT, reason=f"<n{number}>", at=tx.now())
            tx.audit.keep(one)
    first = page_of(olga)
    assert 'id="configuration" data-refresh="10"' in first
    older = re.search(r'href="([^"]+)" rel="next">Older', first)
    assert older
    assert older[1].endswith("#story-title")
    second = text(olga.get(older[1].replace("&amp;", "&").partition("#")[0]))
    assert "callbacks are left out" in second
    assert "data-refresh" not in second
    assert f'href="{PAGE}#story-title">Newest' in second
    both = [entry for page in (first, second) for entry in story(page) if "Callback" not in entry]
    assert [int(number) for entry in both for number in re.findall(r"<n(\d+)>", entry)] == list(
        reversed(range(25))
    )
    assert len(both) == 26
    assert 'rel="next"' not in second


def test_a_time_that_cannot_be_read_shows_the_newest(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    answer = olga.get(f"{PAGE}?before=yesterday")
    assert answer.status_code == 200
    assert len(story(text(answer))) == 1


def test_a_removal_that_is_done_renews_no_more(olga: Browser, store: MemoryStore) -> None:
    now = store.clock.now()
    a_configuration(
        store, retired_at=now, cleaned_up_at=now, administrative=Administrative.LOCKED, failure=None
    )
    page = page_of(olga)
    assert "data-refresh" not in page
    assert "Removed now" in words(section(page, "now"))


# When something is wrong.


@pytest.mark.parametrize(
    ("port", "says"),
    [
        ("configurations.current_record", "What may be done could not be read"),
        ("views.in_flight", "What is in flight could not be read"),
        ("checks", "Checks of its records could not be read"),
        ("webhook_looks", "Callbacks could not be read"),
        ("gaps", "Callbacks could not be read"),
        ("webhook_keys", "Callbacks could not be read"),
        ("findings", "Drift could not be read"),
        ("pressure", "What slows its sends could not be read"),
        ("dead_letters", "Dead letters could not be read"),
        ("views.deeds", "What happened could not be read"),
        ("views.events_of", "What happened could not be read"),
    ],
)
@pytest.mark.parametrize("error", [StoreUnavailable("away"), KeyError("inside")])
def test_a_part_that_cannot_be_read_says_so_and_the_rest_stands(
    browse: Open, store: MemoryStore, port: str, says: str, error: Exception
) -> None:
    a_configuration(store, provisioned=factories.provisioned(), administrative=Administrative.LOCKING)
    accepted(store)
    olga = browse(over=cast("Any", Ailing(store, error, port))).signed_in("Olga", OPERATOR_KEY)
    page = page_of(olga)
    assert page.count("could not be read") == 1
    assert says in page
    assert "Operational: " in page
    assert "Server&#39;s id" in page
    assert "inside" not in page


def test_without_the_counts_nothing_is_said_to_be_done(browse: Open, store: MemoryStore) -> None:
    a_configuration(store, administrative=Administrative.LOCKING)
    accepted(store)
    ailing = cast("Any", Ailing(store, KeyError("x"), "views.in_flight"))
    page = page_of(browse(over=ailing).signed_in("Olga", OPERATOR_KEY))
    assert "It is LOCKED when what is in flight is done." in page
    assert consequence(page, "force-lock").startswith("Whatever is queued of 1 job in flight is cancelled")


def test_while_the_database_is_away_it_is_a_503(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store)
    store.down = True
    assert olga.get(PAGE).status_code == 503
    assert send(olga, "lock").status_code == 503


def test_what_the_world_wrote_is_escaped(olga: Browser, store: MemoryStore) -> None:
    hostile = "<script>alert(1)</script>"
    a_configuration(
        store,
        slug=hostile,
        from_name=hostile,
        reply_to_email=hostile,
        operational=Operational.MISSING,
        administrative=Administrative.LOCKED,
        failure=StepFailure(Step.CREATE_SERVER, hostile, hostile),
        dns=factories.mail_dns(dkim_value=hostile),
        provisioned=factories.provisioned(),
    )
    with store.begin() as tx:
        tx.checks.record(CONFIGURATION, Check(dkim_seen=hostile, provider_fault=hostile, zone_fault=hostile))
        tx.webhook_looks.record(CONFIGURATION, WebhookHealth(state=WebhookState.UNKNOWN, fault=hostile))
        one = factories.action(CONFIGURATION, action=hostile, author=hostile, reason=hostile, at=tx.now())
        tx.audit.keep(one)
    page = page_of(olga)
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 14


def test_headings_go_down_one_step_at_a_time_and_no_id_is_there_twice(
    olga: Browser, store: MemoryStore
) -> None:
    a_configuration(store, provisioned=factories.provisioned())
    page = page_of(olga)
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for label in re.findall(r'<label[^>]* for="([^"]+)"', page):
        assert label in ids
