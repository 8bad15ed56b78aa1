"""The first page: with everything, with nothing, and with a part that cannot be read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from jinja2 import BytecodeCache
from structlog.testing import capture_logs

from shared.config.settings import Settings
from shared.domain.drift import Assertion, Discrepancy, Drift, Problem, Verdict
from shared.domain.errors import StoreUnavailable
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.recovery import Recovery
from shared.domain.traffic import Counted
from shared.domain.webhook import WebhookHealth, WebhookState
from shared.ports.database import Lead
from shared.ports.dead_letters import HandlerFault
from shared.ports.store import Transaction
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, a_configuration, container_of
from tests.unit.web.console.browser import OPERATOR_KEY, Browser, text
from tests.unit.web.console.conftest import Open
from tests.unit.web.console.letters import console_of

ANOTHER = UUID("33333333-3333-4333-8333-333333333334")


class Broken:
    """A port of which every use fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


class Ailing:
    """A store whose ports of these names fail, of every transaction by itself."""

    def __init__(self, store: MemoryStore, error: Exception, *ports: str) -> None:
        self._store = store
        self._error = error
        self._ports = ports

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            for port in self._ports:
                setattr(tx, port, Broken(self._error))
            yield tx

    def ping(self) -> None:
        self._store.ping()


def section(page: str, name: str) -> str:
    """The part under the heading of this id, without the tags of its badges' signs."""
    found = re.search(rf'<section[^>]* aria-labelledby="{name}-title">(.*?)</section>', page, re.DOTALL)
    assert found, name
    return re.sub(r"<svg.*?</svg>", "", found[1], flags=re.DOTALL)


def words(part: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", part).split())


def test_the_matrix_counts_by_both_states_and_leads_to_what_it_counts(
    olga: Browser, store: MemoryStore
) -> None:
    a_configuration(store)
    a_configuration(
        store, e_id=ANOTHER, slug="other", routing_token_hash=b"another", administrative=Administrative.LOCKED
    )
    part = section(text(olga.get("/console")), "states")
    assert "2 in all" in part
    assert part.count('scope="row"') == len(Operational)
    assert part.count("<td") == len(Operational) * len(Administrative)
    links = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)">(\d+)</a>', part)
    assert links == [
        ("/console/configurations?operational=OK&amp;administrative=LOCKED", "1 OK and LOCKED", "1"),
        ("/console/configurations?operational=OK&amp;administrative=UNLOCKED", "1 OK and UNLOCKED", "1"),
    ]


def test_an_empty_world_is_said_to_be_empty(olga: Browser) -> None:
    page = text(olga.get("/console"))
    assert "There is no configuration yet." in page
    assert "Nothing waits." in page
    assert "No dead letters." in page
    assert words(section(page, "attention")).startswith(
        "What needs somebody Jobs in doubt 0 Inconsistent jobs 0 Gaps in the callbacks, being caught up 0"
    )
    assert page.count("nothing was counted from") == 4
    assert "<img" not in page
    assert "could not be read" not in page


def test_what_waits_for_a_person_is_before_what_waits_for_a_machine(
    olga: Browser, store: MemoryStore
) -> None:
    now = store.clock.now()
    waiting = {"operational": Operational.PROVISIONING, "operational_since": now - timedelta(days=2)}
    a_configuration(store, **waiting)
    a_configuration(
        store,
        e_id=ANOTHER,
        slug="other",
        routing_token_hash=b"another",
        operational=Operational.FAILURE,
        administrative=Administrative.LOCKED,
        operational_since=now - timedelta(hours=3, minutes=5),
    )
    part = words(section(text(olga.get("/console")), "waits"))
    assert re.search(
        r"yours FAILURE: mend the cause, then re-verify 3 h 5 min ago .* Being provisioned 2 d ago", part
    )


def test_dead_letters_doubts_and_contradictions_are_counted(olga: Browser, store: MemoryStore) -> None:
    configuration = a_configuration(store)
    in_doubt, contradicted = (factories.new_job(configuration) for _ in range(2))
    with store.begin() as tx:
        tx.jobs.accept([in_doubt, contradicted])
        for e_id in (CONFIGURATION, ANOTHER):
            fault = HandlerFault("verify", e_id, "KeyError", "no <such> key", "traceback")
            tx.dead_letters.count_fault(fault, dead_after=1, forget_after_seconds=60)
        tx.jobs.set_status(contradicted.job, JobStatus.INCONSISTENT, provider_message_id=None)
        tx.jobs.claim(configuration.e_id, claim_id=ANOTHER, limit=1, lease_seconds=1.0)
    store.advance(seconds=2)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=10, limit=10)
    part = section(text(olga.get("/console")), "attention")
    assert words(part).startswith("What needs somebody Jobs in doubt 1 Inconsistent jobs 1 ")
    assert 'href="/console/jobs?status=IN_DOUBT"' in part
    assert 'href="/console/jobs?status=INCONSISTENT"' in part
    assert words(part).endswith("message KeyError 2")


def test_webhooks_are_counted_by_their_health(olga: Browser, store: MemoryStore) -> None:
    a_configuration(store, provisioned=factories.provisioned())
    with store.begin() as tx:
        tx.webhook_looks.record(CONFIGURATION, WebhookHealth(state=WebhookState.PAUSED))
    part = section(text(olga.get("/console")), "webhooks")
    assert "state-warning" in part
    assert words(part) == "Webhooks ok 0 missing 0 doubled 0 paused 1 unknown 0"


def test_a_pause_of_the_account_is_said_before_everything(olga: Browser, store: MemoryStore) -> None:
    with store.begin() as tx:
        tx.account.pause(seconds=300, longest_seconds=3600, reason="405")
    page = text(olga.get("/console"))
    assert page.index("Nobody sends.") < page.index('id="states-title"')
    assert "in 5 min" in page
    store.advance(seconds=301)
    assert "Nobody sends." not in text(olga.get("/console"))


def test_a_recovery_is_said_before_everything(olga: Browser, store: MemoryStore) -> None:
    recovery = Recovery(
        e_id=ANOTHER,
        gap_from=factories.LONG_AGO,
        gap_until=factories.later(hours=1),
        author="piet",
        reason="disk",
        begun_at=store.clock.now(),
    )
    with store.begin() as tx:
        tx.recoveries.begin(recovery)
    page = text(olga.get("/console"))
    assert page.index("Nobody sends, and callers get 503.") < page.index('id="states-title"')
    assert "begun by piet" in page
    with store.begin() as tx:
        tx.recoveries.end(ANOTHER, author="piet")
    assert "Nobody sends" not in text(olga.get("/console"))


def a_round(store: MemoryStore, *, found: bool) -> None:
    with store.begin() as tx:
        tx.rounds.ask(Assertion.DNS)
        begun = tx.rounds.begin(Assertion.DNS.e_id, lease_seconds=60)
        assert begun is not None
        if found:
            discrepancy = Discrepancy(
                tag=Drift.DKIM_MISMATCH, problem=Problem.ABSENT, configuration_id=CONFIGURATION
            )
            tx.findings.observe([discrepancy], begun)
        tx.rounds.finish(begun, verdict=Verdict.DRIFTED, checked=3, calls=1)


def test_drift_is_told_with_the_freshness_of_each_check(
    browse: Open, opened: Any, store: MemoryStore
) -> None:
    checked = opened.drift.model_copy(update={"dns": opened.drift.dns.model_copy(update={"enabled": True})})
    olga = browse(opened.model_copy(update={"drift": checked})).signed_in("Olga", OPERATOR_KEY)
    a_configuration(store)
    assert "dns 0 0 Check was never told" in words(section(text(olga.get("/console")), "drift"))
    a_round(store, found=True)
    fresh = words(section(text(olga.get("/console")), "drift"))
    assert "dns 1 0 now" in fresh
    assert "stale" not in fresh
    store.advance(minutes := timedelta(minutes=2 * opened.drift.check_interval_minutes))
    assert "stale" not in words(section(text(olga.get("/console")), "drift"))
    store.advance(seconds=1)
    assert f"Check is stale: {minutes // timedelta(minutes=1)} min ago" in words(
        section(text(olga.get("/console")), "drift")
    )


def test_a_check_that_is_off_is_not_called_stale(olga: Browser, store: MemoryStore) -> None:
    a_round(store, found=False)
    store.advance(timedelta(hours=7))
    part = words(section(text(olga.get("/console")), "drift"))
    assert "dns 0 0 off 7 h ago" in part
    assert "stale" not in part


def test_traffic_is_drawn_and_also_told_in_numbers(olga: Browser, store: MemoryStore) -> None:
    with store.begin() as tx:
        tx.traffic.add({(Counted.ACCEPTED, ""): 1204, (Counted.REFUSED, "suppressed"): 3})
    page = text(olga.get("/console?window=week"))
    assert 'src="/console/chart/sends.svg?window=week"' in page
    assert re.search(r'alt="Jobs at the door, from [^"]+ UTC: 1,204 accepted, 3 refused\."', page)
    assert '<td class="number">1,204</td><td class="number">3</td>' in page
    assert 'src="/console/chart/rejections.svg' not in page


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("no such table"), KeyError("x")])
@pytest.mark.parametrize(
    ("port", "part", "says"),
    [
        ("configurations", "states", "Configurations by state could not be read"),
        ("waits", "waits", "What waits could not be read"),
        ("dead_letters", "attention", "What needs somebody could not be read"),
        ("webhook_looks", "webhooks", "Webhooks could not be read"),
        ("rounds", "drift", "Drift could not be read"),
        ("traffic", "traffic", "Traffic could not be read"),
    ],
)
def test_a_part_that_cannot_be_read_says_so_and_the_rest_stands(
    browse: Open, store: MemoryStore, error: Exception, port: str, part: str, says: str
) -> None:
    a_configuration(store)
    olga = browse(over=cast("Any", Ailing(store, error, port))).signed_in("Olga", OPERATOR_KEY)
    with capture_logs() as logs:
        answer = olga.get("/console")
    page = text(answer)
    assert answer.status_code == 200
    assert says in section(page, part)
    failed = set(
        re.findall(r"<p class=\"alert alert-warning py-2 failed\">.*?</svg>([A-Z][\w ]*?) could not", page)
    )
    assert failed <= {
        "Configurations by state",
        "What waits",
        "What needs somebody",
        "Webhooks",
        "Drift",
        "Traffic",
    }
    assert len(failed) == (2 if port == "waits" else 1)
    assert type(error).__name__ in {line.get("error") for line in logs}
    assert "no such table" not in page


def test_the_account_that_cannot_be_read_is_told_too(browse: Open, store: MemoryStore) -> None:
    ailing = Ailing(store, StoreUnavailable("away"), "account")
    olga = browse(over=cast("Any", ailing)).signed_in("Olga", OPERATOR_KEY)
    assert "The account could not be read" in text(olga.get("/console"))


def test_a_page_of_which_nothing_can_be_read_is_a_503(olga: Browser, store: MemoryStore) -> None:
    store.down = True
    answer = olga.get("/console")
    assert answer.status_code == 503
    assert "The database does not answer" in text(answer)


# --- the scheduler ---------------------------------------------------------------


class Leads:
    """A database that sees a scheduler lead."""

    def __init__(self, lead: Lead | None) -> None:
        self._lead = lead

    def lead(self) -> Lead | None:
        return self._lead


def waits_of(lead_look: Any, opened: Settings, store: MemoryStore, compiled: BytecodeCache) -> str:
    container = container_of(opened, store, RecordingDoorbell(), clock=store.clock)
    browser = console_of(replace(container, lead_look=lead_look), compiled)
    return words(section(text(browser.get("/console")), "waits"))


def test_who_leads_and_since_when_is_said(
    opened: Settings, store: MemoryStore, compiled: BytecodeCache
) -> None:
    now = store.clock.now()
    lead = Lead(since=now - timedelta(hours=3), heard_at=now - timedelta(seconds=2), address="10.1.2.3")
    said = waits_of(Leads(lead), opened, store, compiled)
    assert "leads A scheduler at 10.1.2.3, begun 3 h ago" in said


def test_a_leader_that_has_been_silent_for_three_looks_is_marked(
    opened: Settings, store: MemoryStore, compiled: BytecodeCache
) -> None:
    now = store.clock.now()
    for seconds, word in ((6.0, "leads"), (6.1, "silent")):
        lead = Lead(since=now, heard_at=now - timedelta(seconds=seconds), address=None)
        assert f"{word} A scheduler, begun now" in waits_of(Leads(lead), opened, store, compiled)


def test_that_nobody_leads_is_said_and_what_comes_of_it(
    opened: Settings, store: MemoryStore, compiled: BytecodeCache
) -> None:
    assert "No scheduler leads." in waits_of(Leads(None), opened, store, compiled)


def test_a_lead_that_cannot_be_looked_at_says_so_and_what_waits_is_shown(
    opened: Settings, store: MemoryStore, compiled: BytecodeCache
) -> None:
    said = waits_of(Broken(StoreUnavailable()), opened, store, compiled)
    assert "The scheduler could not be read" in said
    assert "Nothing waits." in said
