"""Where rows and the world differ: the checks, how fresh they are, and what they found. Nothing is repaired."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared import drifting
from shared.bootstrap import Container
from shared.domain.audit import OperatorAction
from shared.domain.drift import FINDINGS, Assertion, Drift, Finding, FindingState
from shared.domain.errors import Conflict, InvalidValue, NotFound, StoreUnavailable
from shared.drifting import Asked as CheckAsked
from shared.drifting import DriftPorts, Why
from shared.ports.drift import AssertionReport
from shared.ports.store import Transaction
from web.console import drift_words
from web.console.asked import Asked
from web.console.pages import deed, done, page, reason, render
from web.console.parts import Parts
from web.console.session import who
from web.console.trail import Where, trail_of
from web.problems import Problem

_LIMIT = 50
_RENEW_SECONDS = 15
# A checker that did not come to its end for so many of its intervals has probably stopped; as on the overview.
_INTERVALS_MISSED = 2
_SNOOZE_USUAL = timedelta(days=7)
_SNOOZE_LONGEST = timedelta(days=366)
_STANDING = (FindingState.OPEN, FindingState.SNOOZED, FindingState.YOUNG)


@dataclass(frozen=True, slots=True)
class Check:
    """`stale_after_seconds` is None for one that is switched off. `counts` of its findings that are not resolved."""

    report: AssertionReport
    tags: Sequence[Drift]
    counts: Mapping[FindingState, int]
    stale_after_seconds: float | None

    @property
    def name(self) -> str:
        return self.report.assertion.value


@dataclass(frozen=True, slots=True)
class Row:
    finding: Finding
    state: FindingState
    what: str


@dataclass(frozen=True, slots=True)
class Listed:
    rows: Sequence[Row]
    next_after: str | None


class DriftPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._ports = DriftPorts(container.store, container.doorbell, container.new_id)
        self._every_seconds = container.settings.drift.every_seconds

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/drift", endpoint="drift")(self.show)
        routes.post("/drift/run", endpoint="run_drift")(self.run)
        routes.get("/drift/findings/<uuid:finding_id>", endpoint="finding")(self.show_finding)
        routes.post("/drift/findings/<uuid:finding_id>/snooze", endpoint="snooze")(self.snooze)
        routes.post("/drift/findings/<uuid:finding_id>/wake", endpoint="wake")(self.wake)

    @page("Drift checks and their findings")
    def show(self) -> Response:
        """400 where the question cannot be read; 503 when nothing at all could be read."""
        asked, parts = Asked(request.args), Parts(self._store)
        state, tag, after = asked.one_of("state", FindingState), asked.one_of("tag", Drift), asked.id("after")
        checks = parts.read("The checks", self._checks)
        found = parts.read("Findings", lambda tx: _listed(tx, state, tag, after))
        if parts.none_was_read():
            raise StoreUnavailable
        following = found.value.next_after if found.value else None
        return render(
            "console/drift.html",
            400 if asked.faults else 200,
            asked=asked,
            checks=checks,
            found=found,
            states=list(FindingState),
            tags=list(Drift),
            words=drift_words,
            renew=_RENEW_SECONDS,
            trail=trail_of(asked, "after", following, lambda where: _url(asked, where)),
        )

    @page("One finding")
    def show_finding(self, finding_id: UUID) -> Response:
        with self._store.begin() as tx:
            finding, deeds, now = tx.findings.get(finding_id), tx.audit.of(finding_id), tx.now()
        if finding is None:
            raise NotFound
        return render(
            "console/finding.html",
            now=now,
            finding=finding,
            state=finding.state(now),
            advice=drift_words.ADVICE[finding.discrepancy.tag],
            words=drift_words,
            what=drift_words.named(finding),
            deeds=[_entry(one) for one in reversed(deeds)],
            usual=(now + _SNOOZE_USUAL).strftime("%Y-%m-%dT%H:%M"),
        )

    @deed("Have drift checked now")
    def run(self) -> Response:
        why, asked = self._why(), Asked(request.form)
        chosen = asked.one_of("assertion", Assertion)
        asked.require()
        wanted = [chosen] if chosen else list(Assertion)
        said = _asked_for(wanted, drifting.ask(self._ports, wanted, why))
        return done(said, to=url_for("console.drift"))

    @deed("Snooze a finding")
    def snooze(self, finding_id: UUID) -> Response:
        why, asked = self._why(), Asked(request.form)
        until = asked.moment("until")
        asked.require()
        with self._store.begin() as tx:
            now = tx.now()
        if until is None or not now < until <= now + _SNOOZE_LONGEST:
            raise InvalidValue("until", f"give a time to come, {_SNOOZE_LONGEST.days} days ahead at the most")
        try:
            drifting.snooze(self._ports, finding_id, until, why)
        except Conflict as resolved:
            raise Problem("conflict", str(resolved)) from None
        return done(f"Nobody is told of it until {until:%Y-%m-%d %H:%M} UTC.", to=_to(finding_id))

    @deed("Wake a finding")
    def wake(self, finding_id: UUID) -> Response:
        try:
            drifting.wake(self._ports, finding_id, self._why())
        except Conflict as resolved:
            raise Problem("conflict", str(resolved)) from None
        return done("It is open again.", to=_to(finding_id))

    def _why(self) -> Why:
        return Why(who().name, reason())

    def _checks(self, tx: Transaction) -> list[Check]:
        counts = tx.findings.count()
        return [self._check(report, counts) for report in tx.rounds.reports()]

    def _check(self, report: AssertionReport, counts: Mapping[tuple[Drift, FindingState], int]) -> Check:
        tags, every_seconds = FINDINGS[report.assertion], self._every_seconds.get(report.assertion)
        return Check(
            report,
            tags,
            {state: sum(counts.get((tag, state), 0) for tag in tags) for state in _STANDING},
            None if every_seconds is None else every_seconds * _INTERVALS_MISSED,
        )


def _listed(tx: Transaction, state: FindingState | None, tag: Drift | None, after: UUID | None) -> Listed:
    """Those that are not resolved, unless another state is asked for."""
    found = tx.findings.find(
        states=(state,) if state else _STANDING, tags=(tag,) if tag else (), after=after, limit=_LIMIT + 1
    )
    now = tx.now()
    rows = [Row(one, one.state(now), drift_words.named(one)) for one in found[:_LIMIT]]
    return Listed(rows, str(rows[-1].finding.e_id) if len(found) > _LIMIT else None)


def _url(asked: Asked, where: Where) -> str:
    kept: dict[str, Any] = {name: asked.sent[name] or None for name in ("state", "tag")}
    return url_for("console.drift", **kept, **where)


def _to(finding_id: UUID) -> str:
    return url_for("console.finding", finding_id=finding_id)


def _asked_for(wanted: Collection[Assertion], asked: CheckAsked) -> str:
    later = "" if asked.rung else " The broker is away: they begin when it is rung again."
    return f"Asked for: {', '.join(wanted)}.{later}"


def _entry(action: OperatorAction) -> dict[str, str | datetime]:
    """For a timeline."""
    return {"at": action.at, "title": action.action, "author": action.author, "text": action.reason}
