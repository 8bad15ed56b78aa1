"""Drift on the console: how fresh the checks are, what they found, and who knows of it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.config.settings import Settings
from shared.domain.drift import FINDINGS, Assertion, Discrepancy, Drift, Problem, Verdict
from shared.domain.errors import StoreUnavailable
from shared.messaging.messages import CheckDrift
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, TENANT, UNKNOWN
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser, led_to, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.deeds import WHY, WHY_ESCAPED, refuse_unless_meant, told
from tests.unit.web.console.parts import Ailing, section, why_disabled, words
from web.console import drift_words

RECORD = "pm._domainkey.acme.dev.ardamails.com"
RUN = "/console/drift/run"


def switched_on(settings: Settings, *names: str) -> Settings:
    on = {name: getattr(settings.drift, name).model_copy(update={"enabled": True}) for name in names}
    return settings.model_copy(update={"drift": settings.drift.model_copy(update=on)})


def check(store: MemoryStore, assertion: Assertion, verdict: Verdict) -> None:
    """As a worker makes one round, in a second."""
    with store.begin() as tx:
        tx.rounds.ask(assertion)
        round = tx.rounds.begin(assertion.e_id, lease_seconds=60)
        assert round is not None
    store.advance(seconds=1)
    with store.begin() as tx:
        if verdict is Verdict.COULD_NOT_TELL:
            tx.rounds.give_up(round, fault="http_500 <i>", again_in_seconds=120)
        else:
            tx.rounds.finish(round, verdict=verdict, checked=1234, calls=5)


def found(store: MemoryStore, tag: Drift = Drift.DKIM_MISMATCH, **given: Any) -> UUID:
    fields: dict[str, Any] = {
        "problem": Problem.ABSENT,
        "configuration_id": CONFIGURATION,
        "tenant_id": TENANT,
        "record_name": RECORD,
    }
    with store.begin() as tx:
        tx.findings.observe([Discrepancy(tag=tag, **{**fields, **given})])
    return max(store._state.findings)


def path_of(finding_id: UUID, deed: str = "") -> str:
    return f"/console/drift/findings/{finding_id}{deed and f'/{deed}'}"


def ahead(store: MemoryStore, **length: float) -> str:
    return (store.clock.now() + timedelta(**length)).strftime("%Y-%m-%dT%H:%M")


# The checks.


def row(page: str, name: str) -> str:
    return next(words(each) for each in section(page, "checks").split("</tr>") if f'row">{name}' in each)


def test_a_check_that_never_ran_says_so_and_whether_it_is_on(browse: Open, opened: Settings) -> None:
    page = text(browse(switched_on(opened, "dns")).signed_in("Olga", OPERATOR_KEY).get("/console/drift"))
    assert "Check was never told" in row(page, "dns")
    assert " off " not in row(page, "dns")
    assert row(page, "registry").startswith("registry off none yet never")


def test_a_round_is_told_with_its_verdict_its_age_and_its_cost(olga: Browser, store: MemoryStore) -> None:
    check(store, Assertion.DNS, Verdict.DRIFTED)
    store.advance(seconds=300)
    page = row(text(olga.get("/console/drift")), "dns")
    assert "drifted" in page
    assert "5 min ago 2026-11-02 09:00:01 UTC" in page
    assert "1.0 s 1,234 5" in page


def test_a_check_that_could_not_tell_keeps_its_last_whole_round_beside_the_fault(
    olga: Browser, store: MemoryStore
) -> None:
    check(store, Assertion.DNS, Verdict.CLEAN)
    check(store, Assertion.DNS, Verdict.COULD_NOT_TELL)
    page = text(olga.get("/console/drift"))
    assert "could_not_tell It could not tell: http_500 <i>" in row(page, "dns")
    assert "http_500 &lt;i&gt;" in page
    assert "1 s ago" in row(page, "dns")


@pytest.mark.parametrize(("minutes", "stale"), [(30, False), (31, True)])
def test_a_checker_that_has_stopped_is_stale_and_says_so(
    browse: Open, opened: Settings, store: MemoryStore, minutes: int, stale: bool
) -> None:
    check(store, Assertion.DNS, Verdict.CLEAN)
    store.advance(seconds=minutes * 60)
    olga = browse(switched_on(opened, "dns")).signed_in("Olga", OPERATOR_KEY)
    assert ("Check is stale" in row(text(olga.get("/console/drift")), "dns")) is stale


def test_what_is_running_is_said_to_run(olga: Browser, store: MemoryStore) -> None:
    with store.begin() as tx:
        tx.rounds.ask(Assertion.REGISTRY)
        assert tx.rounds.begin(Assertion.REGISTRY.e_id, lease_seconds=60)
    assert row(text(olga.get("/console/drift")), "registry").startswith("registry off running")


def test_findings_are_counted_at_their_check(olga: Browser, store: MemoryStore) -> None:
    first = found(store)
    found(store, Drift.RETURN_PATH_MISMATCH)
    found(store, Drift.MISSING_KEY, key_version="v0")
    with store.begin() as tx:
        tx.findings.snooze(first, until=tx.now() + timedelta(days=1), author="olga", reason="known")
    page = text(olga.get("/console/drift"))
    assert " 1 1 when it is asked for" in row(page, "dns")
    assert " 1 0 when it is asked for" in row(page, "registry")


def test_a_page_of_which_a_part_cannot_be_read_shows_the_others(browse: Open, store: MemoryStore) -> None:
    found(store)
    over = Ailing(store, StoreUnavailable("hunter2"), "rounds")
    answer = browse(over=over).signed_in("Olga", OPERATOR_KEY).get("/console/drift")
    assert answer.status_code == 200
    assert "The checks could not be read: the database did not answer in time." in text(answer)
    assert RECORD in text(answer)


def test_a_page_of_which_nothing_can_be_read_is_unavailable(olga: Browser, store: MemoryStore) -> None:
    store.down = True
    assert olga.get("/console/drift").status_code == 503


# Run now.


def test_a_check_is_run_now_and_kept_with_who_and_why(
    browse: Open, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    olga = browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)
    answer = olga.post(RUN, {"assertion": "dns", "reason": WHY})
    assert led_to(answer) == "/console/drift"
    with store.begin() as tx:
        assert tx.rounds.due() == [Assertion.DNS.e_id]
    assert doorbell.rung == [CheckDrift(Assertion.DNS.e_id)]
    assert told(store) == [("drift.run", Assertion.DNS.e_id, "Olga", WHY)]
    assert "Asked for: dns." in text(olga.get("/console/drift"))


def test_all_are_run_when_none_is_named(browse: Open, doorbell: RecordingDoorbell) -> None:
    browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY).post(RUN, {"reason": WHY})
    assert doorbell.rung == [CheckDrift(one.e_id) for one in Assertion]


def test_a_run_while_the_broker_is_away_is_due_all_the_same_and_says_so(
    browse: Open, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    doorbell.down = True
    olga = browse(doorbell=doorbell).signed_in("Olga", OPERATOR_KEY)
    olga.post(RUN, {"assertion": "dns", "reason": WHY})
    assert "The broker is away" in text(olga.get("/console/drift"))
    with store.begin() as tx:
        assert tx.rounds.due() == [Assertion.DNS.e_id]


def test_a_check_that_is_not_known_is_not_run(olga: Browser, store: MemoryStore) -> None:
    answer = olga.post(RUN, {"assertion": "<everything>", "reason": WHY})
    assert (answer.status_code, "assertion: choose one of" in text(answer)) == (400, True)
    assert told(store) == []


# Findings.


def test_what_stands_is_listed_and_what_is_resolved_is_not(olga: Browser, store: MemoryStore) -> None:
    check(store, Assertion.DNS, Verdict.CLEAN)
    found(store)
    assert RECORD in section(text(olga.get("/console/drift")), "findings")
    with store.begin() as tx:
        tx.rounds.ask(Assertion.DNS)
        round = tx.rounds.begin(Assertion.DNS.e_id, lease_seconds=60)
        assert round is not None
        tx.findings.settle(round)
    assert "No finding stands." in text(olga.get("/console/drift"))
    assert RECORD in section(text(olga.get("/console/drift?state=resolved")), "findings")


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", {"record", "key"}),
        ("tag=email.drift.registry_missing_key", {"key"}),
        ("state=snoozed", set()),
        ("state=open&tag=email.drift.dns_dkim_mismatch", {"record"}),
    ],
)
def test_findings_are_narrowed_by_state_and_tag(
    olga: Browser, store: MemoryStore, query: str, seen: set[str]
) -> None:
    found(store)
    found(store, Drift.MISSING_KEY, record_name=None, key_version="v0")
    part = section(text(olga.get(f"/console/drift?{query}")), "findings")
    names = {"record": RECORD, "key": "key version v0"}
    assert {name for name, word in names.items() if word in part} == seen
    assert ("There is no such finding." in part) is (not seen)


def test_a_state_that_does_not_exist_is_said_at_its_field(olga: Browser) -> None:
    answer = olga.get("/console/drift?state=<b>gone&tag=x&after=y")
    assert answer.status_code == 400
    assert text(answer).count('class="invalid-feedback"') == 2
    assert "<b>gone" not in text(answer)


def test_findings_are_paged_by_key(olga: Browser, store: MemoryStore) -> None:
    for number in range(51):
        found(store, configuration_id=UUID(int=number + 1), record_name=f"name-{number:02}.example")
    first = section(text(olga.get("/console/drift?state=open")), "findings")
    following = re.search(r'href="([^"]+)" rel="next">Next', first)
    assert following
    second = section(text(olga.get(following[1].replace("&amp;", "&"))), "findings")
    seen = [re.findall(r"name-\d\d\.example", part) for part in (first, second)]
    assert [len(names) for names in seen] == [50, 1]
    assert len({name for names in seen for name in names}) == 51
    assert 'href="/console/drift?state=open">First' in second
    assert "Next" not in second


def test_hostile_names_are_escaped(olga: Browser, store: MemoryStore) -> None:
    e_id = found(
        store,
        Drift.ORPHAN_SERVER,
        configuration_id=None,
        record_name=None,
        server_id=7,
        server_name="<script>alert(1)</script>",
    )
    for path in ("/console/drift", path_of(e_id)):
        page = text(olga.get(path))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


# One finding.


def test_a_finding_shows_its_context_what_it_means_and_its_runbook(olga: Browser, store: MemoryStore) -> None:
    e_id = found(store, Drift.MISSING_KEY, record_name=None, key_version="v0", server_id=11)
    page = text(olga.get(path_of(e_id)))
    known = words(section(page, "known"))
    assert f"eId {CONFIGURATION} postmarkServerId 11 keyVersionId v0 problem absent" in known
    assert f'href="/console/configurations/{CONFIGURATION}"' in page
    assert "This configuration cannot send" in page
    assert "docs/runbooks/drift-registry-missing-key.md" in page


@pytest.mark.parametrize("tag", Drift)
def test_every_finding_has_a_runbook_that_is_there(tag: Drift) -> None:
    assert (Path(drift_words.RUNBOOKS) / drift_words.ADVICE[tag].runbook).is_file()
    assert any(tag in tags for tags in FINDINGS.values())


def test_a_young_finding_says_that_nobody_was_told(olga: Browser, store: MemoryStore) -> None:
    page = text(olga.get(path_of(found(store, grace_seconds=300.0))))
    assert "younger than the record may live in caches, 300 s" in page


def test_a_finding_that_is_not_there_is_a_page_that_says_so(olga: Browser) -> None:
    assert olga.get(path_of(UNKNOWN)).status_code == 404
    for deed in ("snooze", "wake"):
        form = {"until": "2026-11-03T09:00", "reason": WHY}
        assert olga.post(path_of(UNKNOWN, deed), form).status_code == 404


def test_a_finding_is_snoozed_until_a_time_and_woken(olga: Browser, store: MemoryStore) -> None:
    e_id = found(store)
    answer = olga.post(path_of(e_id, "snooze"), {"until": ahead(store, days=7), "reason": WHY})
    assert led_to(answer) == path_of(e_id)
    page = text(olga.get(path_of(e_id)))
    assert "Nobody is told of it until 2026-11-09 09:00 UTC." in page
    assert "Snoozed until in 7 d 2026-11-09 09:00:00 UTC by Olga" in words(section(page, "known"))
    assert WHY_ESCAPED in page
    store.advance(seconds=1)
    olga.post(path_of(e_id, "wake"), {"reason": "support has answered"})
    page = text(olga.get(path_of(e_id)))
    assert "It is open again." in page
    assert told(store) == [
        ("drift.snooze", e_id, "Olga", WHY),
        ("drift.wake", e_id, "Olga", "support has answered"),
    ]
    story = words(section(page, "done"))
    assert story.index("drift.wake by Olga") < story.index("drift.snooze by Olga")


@pytest.mark.parametrize("until", ["", "soon", "2026-11-02T08:59", "2026-11-02T09:00", "2027-11-04T09:00"])
def test_a_snooze_has_an_end_to_come_and_within_a_year(olga: Browser, store: MemoryStore, until: str) -> None:
    e_id = found(store)
    answer = olga.post(path_of(e_id, "snooze"), {"until": until, "reason": WHY})
    assert (answer.status_code, "until: give a time" in text(answer)) == (400, True)
    assert told(store) == []


def test_what_is_resolved_is_neither_snoozed_nor_woken(olga: Browser, store: MemoryStore) -> None:
    e_id = found(store)
    with store.begin() as tx:
        tx.rounds.ask(Assertion.DNS)
        round = tx.rounds.begin(Assertion.DNS.e_id, lease_seconds=60)
        assert round is not None
        tx.findings.settle(round)
    page = text(olga.get(path_of(e_id)))
    for title in ("Snooze", "Wake"):
        assert "It is resolved" in why_disabled(page, title)
    for deed, form in (("snooze", {"until": ahead(store, days=1)}), ("wake", {})):
        answer = olga.post(path_of(e_id, deed), {**form, "reason": WHY})
        assert answer.status_code == 409
        assert "It is resolved: there is nothing to snooze or to wake." in text(answer)
    assert told(store) == []


def test_a_finding_that_is_not_snoozed_cannot_be_woken_by_its_button(
    olga: Browser, store: MemoryStore
) -> None:
    assert why_disabled(text(olga.get(path_of(found(store)))), "Wake") == "It is not snoozed."


def test_a_reader_sees_all_of_it_and_may_do_nothing(rita: Browser, store: MemoryStore) -> None:
    e_id = found(store)
    page = text(rita.get(path_of(e_id)))
    assert why_disabled(page, "Snooze").startswith("Your role is reader")
    assert why_disabled(text(rita.get("/console/drift")), "Run all now").startswith("Your role is reader")


@pytest.mark.parametrize("deed", ["run", "snooze", "wake"])
def test_no_deed_is_done_unless_it_is_meant(browse: Open, store: MemoryStore, deed: str) -> None:
    e_id = found(store)
    path = RUN if deed == "run" else path_of(e_id, deed)
    olga, rita = browse().signed_in("Olga", OPERATOR_KEY), browse().signed_in("Rita", READER_KEY)
    refuse_unless_meant(store, olga, rita, path, {"until": ahead(store, days=1), "assertion": "dns"})
    with store.begin() as tx:
        assert tx.rounds.due() == []
