"""The first page: how many configurations are in which state, what waits, and what needs somebody."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, Response

from shared.bootstrap import Container
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.drift import FINDINGS, Drift, FindingState
from shared.domain.errors import StoreUnavailable
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.recovery import Recovery
from shared.domain.webhook import WebhookState
from shared.ports.database import Lead
from shared.ports.drift import AssertionReport
from shared.ports.store import Transaction
from shared.ports.waits import COUNTED_MAX, Waiting
from web.console.pages import page, render
from web.console.parts import Parts
from web.console.traffic import WINDOWS, TrafficPictures

# A checker that did not come to its end for so many of its intervals has probably stopped.
_INTERVALS_MISSED = 2
# Of the leading scheduler, which asks the database every `scheduler.leaderSeconds`.
_LOOKS_MISSED = 3
# What waits for a person, and never goes on by itself.
_FOR_OPERATORS = (Waiting.MISSING, Waiting.UNVERIFIED, Waiting.FAILURE)
_WAITING_FOR = {
    Waiting.PROVISIONING: "Being provisioned",
    Waiting.AWAITING_VERIFICATION: "Awaiting verification",
    Waiting.LOCKING: "Locking, until nothing is in flight",
    Waiting.REMOVAL: "Being taken down",
    Waiting.MISSING: "MISSING: re-provision, or remove",
    Waiting.UNVERIFIED: "UNVERIFIED: mend the records, then re-verify",
    Waiting.FAILURE: "FAILURE: mend the cause, then re-verify",
    Waiting.JOB_DUE: "A job that is due",
    Waiting.JOB_SENDING: "A job that is being sent",
    Waiting.JOB_IN_DOUBT: "A job in doubt",
    Waiting.EVENT_DUE: "An event that is to be folded",
}


@dataclass(frozen=True, slots=True)
class Cell:
    operational: Operational
    administrative: Administrative
    count: int


@dataclass(frozen=True, slots=True)
class Wait:
    what: str
    since: datetime
    for_operators: bool


@dataclass(frozen=True, slots=True)
class Checker:
    """`stale_after_seconds` is None for one that is switched off."""

    report: AssertionReport
    open: int
    snoozed: int
    stale_after_seconds: float | None


@dataclass(frozen=True, slots=True)
class Leader:
    """`is_silent`: it has not been heard of for so long that it is about to lose the lead."""

    lead: Lead
    is_silent: bool


class OverviewPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._drift_seconds = container.settings.drift.every_seconds
        self._lead_look = container.lead_look
        self._silent_after_seconds = _LOOKS_MISSED * container.settings.scheduler.leader_seconds
        self._pictures = TrafficPictures(container)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("", endpoint="overview")(self.overview)
        self._pictures.add_to(routes)

    @page("The operators' overview")
    def overview(self) -> Response:
        """503 when nothing at all could be read; else what could be is shown."""
        parts = Parts(self._store)
        shown: dict[str, Any] = {
            "states": parts.read("Configurations by state", states),
            "lead": parts.read("The scheduler", self._lead),
            "waits": parts.read("What waits", waits),
            "account": parts.read("The account", account),
            "attention": parts.read("What needs somebody", attention),
            "webhooks": parts.read("Webhooks", webhooks),
            "drift": parts.read("Drift", self._drift),
            "traffic": parts.read("Traffic", self._pictures.all),
        }
        if parts.none_was_read():
            raise StoreUnavailable
        shown |= {"columns": list(Administrative), "webhook_ok": WebhookState.OK, "windows": WINDOWS}
        return render("console/overview.html", **shown)

    def _lead(self, tx: Transaction) -> Leader | None:
        lead = self._lead_look.lead()
        if lead is None:
            return None
        silent_seconds = (tx.now() - lead.heard_at).total_seconds()
        return Leader(lead, is_silent=silent_seconds > self._silent_after_seconds)

    def _drift(self, tx: Transaction) -> list[Checker]:
        counts = tx.findings.count()
        return [self._checker(report, counts) for report in tx.rounds.reports()]

    def _checker(self, report: AssertionReport, counts: Mapping[tuple[Drift, FindingState], int]) -> Checker:
        def found(state: FindingState) -> int:
            return sum(counts.get((tag, state), 0) for tag in FINDINGS[report.assertion])

        every_seconds = self._drift_seconds.get(report.assertion)
        stale_after = None if every_seconds is None else every_seconds * _INTERVALS_MISSED
        return Checker(report, found(FindingState.OPEN), found(FindingState.SNOOZED), stale_after)


@dataclass(frozen=True, slots=True)
class Account:
    """What keeps everybody from sending."""

    paused_until: datetime | None
    recovery: Recovery | None


def account(tx: Transaction) -> Account:
    return Account(tx.account.paused_until(), tx.recoveries.open())


@dataclass(frozen=True, slots=True)
class States:
    rows: Sequence[tuple[Operational, Sequence[Cell]]]
    total: int


def states(tx: Transaction) -> States:
    counts = tx.configurations.count_by_state()
    rows = [
        (state, [Cell(state, lock, counts.get((state, lock), 0)) for lock in Administrative])
        for state in Operational
    ]
    return States(rows, sum(counts.values()))


def waits(tx: Transaction) -> list[Wait]:
    """The longest first, but before all what waits for a person."""
    found = [
        Wait(_WAITING_FOR[what], since, what in _FOR_OPERATORS) for what, since in tx.waits.oldest().items()
    ]
    return sorted(found, key=lambda wait: (not wait.for_operators, wait.since))


@dataclass(frozen=True, slots=True)
class Count:
    """Something that should be 0."""

    what: str
    count: int
    url: str = ""

    @property
    def is_more(self) -> bool:
        return self.count >= COUNTED_MAX


@dataclass(frozen=True, slots=True)
class Letters:
    subject: str
    error_class: str
    count: int


@dataclass(frozen=True, slots=True)
class Attention:
    counts: Sequence[Count]
    letters: Sequence[Letters]


def attention(tx: Transaction) -> Attention:
    letters = tx.dead_letters.count_by_class(DeadLetterFilter())
    groups = [Letters(subject, error_class, count) for (subject, error_class), count in letters.items()]
    return Attention(list(_counts(tx)), sorted(groups, key=lambda group: -group.count))


def _counts(tx: Transaction) -> Iterator[Count]:
    standing = tx.waits.standing()
    yield Count("Jobs in doubt", standing.jobs_in_doubt, "/console/jobs?status=IN_DOUBT")
    yield Count("Inconsistent jobs", standing.jobs_inconsistent, "/console/jobs?status=INCONSISTENT")
    yield Count("Gaps in the callbacks, being caught up", standing.gaps_open)


def webhooks(tx: Transaction) -> list[tuple[WebhookState, int]]:
    counts = tx.webhook_looks.count_by_state()
    return [(state, counts.get(state.value, 0)) for state in WebhookState]
