"""Drift checks in memory: rounds and their sheets, the rows they are about, and what they found."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.drift import (
    FINDINGS,
    Assertion,
    Discrepancy,
    Drift,
    Finding,
    FindingState,
    Round,
    Verdict,
)
from shared.domain.errors import Conflict
from shared.ports.clock import NewId
from shared.ports.drift import AssertionReport
from tests.fakes.store.sealed_tokens import version_of
from tests.fakes.store.state import KeptFinding, KeptRound, Moment, State

_REPORTED = {field.name for field in fields(AssertionReport)} & {field.name for field in fields(KeptRound)}


def _held(state: State, round: Round) -> KeptRound:
    kept = state.rounds.get(round.assertion)
    if kept is None or kept.lease is None or kept.lease[0] != round.token:
        raise Conflict("the round's lease is another's by now")
    return kept


class MemoryDriftRounds:
    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self._new_id = new_id

    @property
    def _all(self) -> dict[Assertion, KeptRound]:
        return self._state.rounds

    def arm(self, assertion: Assertion, *, every_seconds: float) -> None:
        kept = self._all.get(assertion, KeptRound())
        if kept.due_at is None:
            every = timedelta(seconds=every_seconds)
            due_at = kept.begun_at + every if kept.begun_at is not None else self._moment.now
            self._all[assertion] = replace(kept, due_at=due_at)

    def ask(self, assertion: Assertion) -> None:
        kept = self._all.get(assertion, KeptRound())
        self._all[assertion] = replace(kept, due_at=self._moment.now)

    def due(self) -> list[UUID]:
        free = [(kept.due_at, assertion.e_id) for assertion, kept in self._all.items() if self._is_due(kept)]
        return [e_id for _, e_id in sorted(free)]

    def _is_due(self, kept: KeptRound) -> bool:
        return self._moment.is_due(kept.due_at) and not self._is_running(kept)

    def _is_running(self, kept: KeptRound) -> bool:
        return kept.lease is not None and not self._moment.is_due(kept.lease[1])

    def begin(self, assertion_id: UUID, *, lease_seconds: float) -> Round | None:
        found = next((one for one in self._all if one.e_id == assertion_id), None)
        if found is None or not self._is_due(self._all[found]):
            return None
        round = Round(found, self._new_id())
        lease = (round.token, self._moment.after(lease_seconds))
        self._all[found] = replace(self._all[found], lease=lease, begun_at=self._moment.now)
        self._state.sightings[found] = frozenset()
        return round

    def renew(self, round: Round, *, lease_seconds: float) -> None:
        lease = (round.token, self._moment.after(lease_seconds))
        self._all[round.assertion] = replace(_held(self._state, round), lease=lease)

    def sight(self, round: Round, sightings: Collection[tuple[UUID, Drift]]) -> None:
        _held(self._state, round)
        self._state.sightings[round.assertion] |= frozenset(sightings)

    def finish(self, round: Round, *, verdict: Verdict, checked: int, calls: int) -> None:
        kept, now = _held(self._state, round), self._moment.now
        assert kept.begun_at is not None
        assert kept.due_at is not None
        self._all[round.assertion] = replace(
            kept,
            lease=None,
            due_at=kept.due_at if kept.due_at > kept.begun_at else None,
            finished_at=now,
            seconds=(now - kept.begun_at).total_seconds(),
            checked=checked,
            calls=calls,
            verdict=verdict,
            fault=None,
        )
        self._state.sightings[round.assertion] = frozenset()

    def give_up(self, round: Round, *, fault: str, again_in_seconds: float) -> None:
        self._all[round.assertion] = replace(
            _held(self._state, round),
            lease=None,
            due_at=self._moment.after(again_in_seconds),
            verdict=Verdict.COULD_NOT_TELL,
            fault=fault,
        )

    def reports(self) -> Sequence[AssertionReport]:
        return [self._report(assertion, self._all.get(assertion, KeptRound())) for assertion in Assertion]

    def _report(self, assertion: Assertion, kept: KeptRound) -> AssertionReport:
        told = {name: getattr(kept, name) for name in _REPORTED}
        return AssertionReport(assertion=assertion, running=self._is_running(kept), **told)


def _has_server(one: EmailConfiguration) -> bool:
    return one.provisioned.server_id is not None


def _has_records(one: EmailConfiguration) -> bool:
    return one.provisioned.records_written


_EXPECTS = {Drift.ORPHAN_DB_ROW: _has_server, **dict.fromkeys(FINDINGS[Assertion.DNS], _has_records)}


class MemoryDriftRows:
    def __init__(self, state: State) -> None:
        self._state = state

    def by_slug(self, slugs: Collection[str]) -> Mapping[str, EmailConfiguration]:
        return {
            one.slug: one
            for one in self._state.configurations.values()
            if one.slug in slugs and one.cleaned_up_at is None
        }

    def by_server(self, server_id: int) -> EmailConfiguration | None:
        found = (one for one in self._state.configurations.values() if one.provisioned.server_id == server_id)
        return max(found, key=lambda one: (one.created_at, one.e_id), default=None)

    def unsighted(
        self, round: Round, tag: Drift, *, after: UUID | None, limit: int
    ) -> list[EmailConfiguration]:
        _held(self._state, round)
        sighted = self._state.sightings[round.assertion]
        expects = _EXPECTS[tag]
        return [
            one
            for one in self._following(after)
            if not one.retired and expects(one) and (one.e_id, tag) not in sighted
        ][:limit]

    def sealed_by_others(
        self, versions: Collection[str], *, after: UUID | None, limit: int
    ) -> list[tuple[EmailConfiguration, str]]:
        sealed = [
            (one, version_of(one))
            for one in self._following(after)
            if one.provisioned.server_token is not None
        ]
        return [(one, version) for one, version in sealed if version not in versions][:limit]

    def _following(self, after: UUID | None) -> list[EmailConfiguration]:
        ordered = sorted(self._state.configurations.items())
        return [one for e_id, one in ordered if after is None or e_id > after]


class MemoryFindings:
    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self._new_id = new_id

    @property
    def _all(self) -> dict[UUID, KeptFinding]:
        return self._state.findings

    def observe(self, discrepancies: Collection[Discrepancy], round: Round | None = None) -> None:
        if round is not None:
            _held(self._state, round)
        known = {_identity(kept.finding.discrepancy): e_id for e_id, kept in self._all.items()}
        for one in {_identity(one): one for one in discrepancies}.values():
            e_id = known.get(_identity(one))
            seen = self._found(one) if e_id is None else self._found_again(one, self._all[e_id])
            self._all[seen.finding.e_id] = replace(seen, seen_in=round.token if round else None)

    def _found(self, discrepancy: Discrepancy) -> KeptFinding:
        now = self._moment.now
        new = Finding(
            e_id=self._new_id(),
            discrepancy=discrepancy,
            first_seen_at=now,
            since_at=now,
            last_seen_at=now,
        )
        return KeptFinding(self._ripened(new), seen_in=None)

    def _found_again(self, discrepancy: Discrepancy, kept: KeptFinding) -> KeptFinding:
        now = self._moment.now
        again = replace(kept.finding, discrepancy=discrepancy, last_seen_at=now)
        if kept.finding.resolved_at is None:
            return replace(kept, finding=self._ripened(again))
        anew = replace(again, since_at=now, opened_at=None, resolved_at=None)
        return replace(kept, finding=self._ripened(anew), told_at=None)

    def _ripened(self, finding: Finding) -> Finding:
        """Once open it stays open, whatever the newest observation says of its grace."""
        now = self._moment.now
        ripe = (now - finding.since_at).total_seconds() >= finding.discrepancy.grace_seconds
        return replace(finding, opened_at=now) if finding.opened_at is None and ripe else finding

    def settle(self, round: Round) -> int:
        begun_at = _held(self._state, round).begun_at
        assert begun_at is not None
        over = [
            kept.finding
            for kept in self._all.values()
            if kept.finding.discrepancy.tag in FINDINGS[round.assertion]
            and kept.finding.resolved_at is None
            and kept.seen_in != round.token
            and kept.finding.last_seen_at <= begun_at
        ]
        opened = [finding for finding in over if finding.opened_at is not None]
        for finding in over:
            if finding.opened_at is None:
                del self._all[finding.e_id]
            else:
                self._change(finding, resolved_at=self._moment.now)
        return len(opened)

    def _change(self, finding: Finding, **given: object) -> None:
        kept = self._all[finding.e_id]
        self._all[finding.e_id] = replace(kept, finding=replace(finding, **given))  # type: ignore[arg-type]

    def standing(self, tag: Drift, subjects: Collection[str]) -> set[str]:
        found = (kept.finding for kept in self._all.values() if kept.finding.resolved_at is None)
        return {
            finding.discrepancy.subject
            for finding in found
            if finding.discrepancy.tag is tag and finding.discrepancy.subject in subjects
        }

    def untold(self, tags: Collection[Drift], limit: int) -> list[Finding]:
        waiting = [
            (kept.finding.opened_at, e_id, kept.finding)
            for e_id, kept in self._all.items()
            if kept.finding.discrepancy.tag in tags
            and kept.told_at is None
            and self._state_of(kept.finding) is FindingState.OPEN
        ]
        return [finding for _, _, finding in sorted(waiting, key=lambda one: one[:2])[:limit]]

    def _state_of(self, finding: Finding) -> FindingState:
        return finding.state(self._moment.now)

    def told(self, ids: Collection[UUID]) -> None:
        for e_id in ids:
            kept = self._all.get(e_id)
            if kept is not None and kept.finding.opened_at is not None and kept.told_at is None:
                self._all[e_id] = replace(kept, told_at=self._moment.now)

    def get(self, e_id: UUID) -> Finding | None:
        kept = self._all.get(e_id)
        return None if kept is None else kept.finding

    def find(
        self,
        *,
        states: Collection[FindingState],
        tags: Collection[Drift] = (),
        configuration_id: UUID | None = None,
        after: UUID | None = None,
        limit: int,
    ) -> list[Finding]:
        return [
            kept.finding
            for e_id, kept in sorted(self._all.items(), key=lambda one: one[0])
            if self._state_of(kept.finding) in states
            and (not tags or kept.finding.discrepancy.tag in tags)
            and configuration_id in (None, kept.finding.discrepancy.configuration_id)
            and (after is None or e_id > after)
        ][:limit]

    def count(self) -> Mapping[tuple[Drift, FindingState], int]:
        findings = [kept.finding for kept in self._all.values() if kept.finding.resolved_at is None]
        return Counter((finding.discrepancy.tag, self._state_of(finding)) for finding in findings)

    def snooze(self, e_id: UUID, *, until: datetime | None, author: str, reason: str) -> bool:
        kept = self._all.get(e_id)
        if kept is None or kept.finding.resolved_at is not None:
            return False
        said = (until, author, reason) if until is not None else (None, None, None)
        self._change(kept.finding, **dict(zip(_SNOOZE, said, strict=True)))
        return True


_SNOOZE = ("snoozed_until", "snoozed_by", "snooze_reason")


def _identity(discrepancy: Discrepancy) -> tuple[Drift, str]:
    return discrepancy.tag, discrepancy.subject
