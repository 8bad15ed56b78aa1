"""What is read for a configuration's page: each part by itself, so that one that fails leaves the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.drift import Finding, FindingState
from shared.domain.gap import Gap
from shared.domain.job import JobStatus
from shared.domain.webhook import WebhookReport
from shared.ports.store import Store, Transaction
from web.console.configuration_story import Page, read_page
from web.console.parts import Part, Parts
from web.intake.configuration import Checked, Standing, standing_of
from web.intake.keys import Which, names_of

_GAPS_LOOKED_AT: Final = 100
_FINDINGS_SHOWN: Final = 20
_STANDING: Final = (FindingState.YOUNG, FindingState.OPEN, FindingState.SNOOZED)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """`report` is None before the first look, `key` without a webhook. `gaps`: the open ones, newest first."""

    report: WebhookReport | None
    key: Which | None
    gaps: Sequence[Gap]


@dataclass(frozen=True, slots=True)
class Pressure:
    """`is_limited`: the provider's answers keep its sends, or everybody's, at a slower pace."""

    paused_until: datetime | None
    is_limited: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A finding and its state by now."""

    finding: Finding
    state: FindingState


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """`letters`: subject and error class to the number of open ones."""

    standing: Part[Standing]
    in_flight: Part[Mapping[JobStatus, int]]
    checked: Part[Checked]
    callbacks: Part[Callbacks]
    findings: Part[Sequence[Told]]
    pressure: Part[Pressure]
    letters: Part[Mapping[tuple[str, str], int]]
    story: Part[Page]


def read_parts(
    store: Store, held: EmailConfiguration, *, before: datetime | None, valid_keys: Sequence[str]
) -> Shown:
    """`before`: of the story's page."""
    parts, e_id = Parts(store), held.e_id
    letters = DeadLetterFilter(configuration_id=e_id)
    return Shown(
        standing=parts.read("What may be done", lambda tx: standing_of(tx, held)),
        in_flight=parts.read("What is in flight", lambda tx: tx.views.in_flight(e_id)),
        checked=parts.read("Checks of its records", lambda tx: _checked(tx, held)),
        callbacks=parts.read("Callbacks", lambda tx: _callbacks(tx, held, valid_keys)),
        findings=parts.read("Drift", lambda tx: _findings(tx, held)),
        pressure=parts.read("What slows its sends", lambda tx: _pressure(tx, held)),
        letters=parts.read("Dead letters", lambda tx: tx.dead_letters.count_by_class(letters)),
        story=parts.read("What happened", lambda tx: read_page(tx, e_id, before)),
    )


def _checked(tx: Transaction, held: EmailConfiguration) -> Checked:
    return Checked(held, tuple(tx.checks.latest(held.e_id)), tx.now())


def _callbacks(tx: Transaction, held: EmailConfiguration, valid_keys: Sequence[str]) -> Callbacks:
    has_one = held.provisioned.webhook_id is not None and not held.retired
    key = names_of(valid_keys).get(tx.webhook_keys.of(held.e_id) or "", Which.UNKNOWN) if has_one else None
    gaps = tx.gaps.latest(_GAPS_LOOKED_AT, configuration_id=held.e_id)
    return Callbacks(tx.webhook_looks.report(held.e_id), key, [gap for gap in gaps if not gap.finished_at])


def _findings(tx: Transaction, held: EmailConfiguration) -> list[Told]:
    found = tx.findings.find(states=_STANDING, configuration_id=held.e_id, limit=_FINDINGS_SHOWN)
    return [Told(finding, finding.state(tx.now())) for finding in found]


def _pressure(tx: Transaction, held: EmailConfiguration) -> Pressure:
    return Pressure(tx.account.paused_until(), tx.pressure.is_limited(held.e_id))
