"""Why a configuration waits: what checks of its domain found, and a sentence about it for people."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from shared.domain.configuration import EmailConfiguration
from shared.domain.lifecycle import Operational
from shared.domain.verification import Check, CheckRun, Compared, Seen, compare
from web.intake.configuration import Checked
from web.moments import milliseconds, milliseconds_or_none
from web.records import Output

# Many times the pause between two checks: nobody is at work.
_OVERDUE = timedelta(minutes=10)
_NOT_CHECKED = {
    Operational.PENDING: "It was never provisioned: send provision.",
    Operational.PROVISIONING: "It is being provisioned. Checks begin once its records are written.",
    Operational.MISSING: "Provisioning has failed: see failure of the configuration, then send re-provision.",
    Operational.FAILURE: "Sending failed too often in a row: mend the cause, then send re-verify.",
}
_LABELS = ("DKIM", "Return-Path")


class CheckedRecord(Output):
    """`state`: matches, differs, missing or unknown. `verifiedByPostmark`: null when it gave no answer."""

    name: str
    type: str
    expected: str
    seen: str | None
    state: Seen
    verified_by_postmark: bool | None


class Checks(Output):
    """Checks in a row that found the same. Null: nobody answered; `...Seen` is "" when the zone held nothing."""

    first_at: int
    last_at: int
    times: int
    dkim_verified: bool | None
    return_path_verified: bool | None
    dkim_seen: str | None
    return_path_seen: str | None
    provider_fault: str | None
    zone_fault: str | None


class VerificationPayload(Output):
    """`records` by the last check; `checks` newest first; `waitsFor` null when nothing is waited for."""

    state: Operational
    since: int
    started_at: int | None
    next_check_at: int | None
    window_ends_at: int | None
    waits_for: str | None
    records: list[CheckedRecord]
    checks: list[Checks]


def verification_of(checked: Checked, *, window: timedelta) -> VerificationPayload:
    held = checked.configuration
    started_at = held.verification_started_at
    last = checked.runs[0] if checked.runs else None
    return VerificationPayload(
        state=held.operational,
        since=milliseconds(held.operational_since),
        started_at=milliseconds_or_none(started_at),
        next_check_at=milliseconds_or_none(held.verification_due_at),
        window_ends_at=milliseconds_or_none(started_at and started_at + window),
        waits_for=waits_for(held, last, now=checked.at),
        records=[_record(compared) for compared in _compared(held, last)],
        checks=[_checks(run) for run in checked.runs],
    )


def waits_for(held: EmailConfiguration, last: CheckRun | None, *, now: datetime) -> str | None:
    """What has to happen before it goes on, and by whom; None when nothing does."""
    if held.retired:
        return None
    if held.operational is Operational.AWAITING_VERIFICATION:
        return _awaiting(held, last, now=now)
    if held.operational is Operational.UNVERIFIED:
        return f"The window is over. {_findings(held, last)} Then send re-verify."
    return _NOT_CHECKED.get(held.operational)


def _awaiting(held: EmailConfiguration, last: CheckRun | None, *, now: datetime) -> str:
    due_at, started_at = held.verification_due_at, held.verification_started_at
    if due_at is not None and now - due_at > _OVERDUE:
        minutes = (now - due_at) // timedelta(minutes=1)
        return f"A check was due {minutes} minutes ago: do the scheduler and the provisioning workers run?"
    if last is not None and started_at is not None and last.last_at < started_at:
        return _findings(held, None)
    return _findings(held, last)


def _findings(held: EmailConfiguration, last: CheckRun | None) -> str:
    if last is None:
        return "No check has been made yet."
    compared = dict(zip(_LABELS, _compared(held, last), strict=False))
    waiting = {label: found for label, found in compared.items() if not found.verified}
    return " ".join([_answer(last, waiting), *_in_zone(waiting, last.check)])


def _answer(last: CheckRun, waiting: Mapping[str, Compared]) -> str:
    if not waiting:
        return "Postmark has found both records."
    if last.check.provider_fault is None:
        return f"Postmark has not found {_the(waiting)} yet."
    checks = "the last check" if last.times == 1 else f"the last {last.times} checks"
    return f"Postmark did not answer {checks} ({last.check.provider_fault})."


def _in_zone(waiting: Mapping[str, Compared], check: Check) -> Iterator[str]:
    """What there is to mend first; that all is well only when it is."""
    by_state = {seen: [label for label in waiting if waiting[label].state is seen] for seen in Seen}
    if by_state[Seen.MISSING]:
        yield f"The zone does not hold {_the(by_state[Seen.MISSING])}: deleted? Put it back as records says."
    if by_state[Seen.DIFFERS]:
        yield f"The zone holds another value for {_the(by_state[Seen.DIFFERS])}: mend it as records says."
    if check.zone_fault is not None:
        yield f"The zone could not be read or written ({check.zone_fault})."
    if waiting and len(by_state[Seen.MATCHES]) == len(waiting):
        yield _in_order(waiting, check)


def _in_order(waiting: Mapping[str, Compared], check: Check) -> str:
    if check.provider_fault is not None:
        return "The zone holds what it should."
    ttl_seconds = max(found.expected.ttl_seconds for found in waiting.values())
    return f"The zone holds what it should, so this is a matter of time (TTL {ttl_seconds} s)."


def _the(labels: Iterable[str]) -> str:
    return " and ".join(f"the {label} record" for label in labels)


def _compared(held: EmailConfiguration, last: CheckRun | None) -> tuple[Compared, ...]:
    """None of them before provisioning has been told what belongs into the zone."""
    return compare(held.dns, last.check if last else None) if held.dns else ()


def _record(compared: Compared) -> CheckedRecord:
    return CheckedRecord(
        name=compared.expected.name,
        type=compared.expected.type,
        expected=compared.expected.value,
        seen=compared.seen,
        state=compared.state,
        verified_by_postmark=compared.verified,
    )


def _checks(run: CheckRun) -> Checks:
    return Checks(
        first_at=milliseconds(run.first_at),
        last_at=milliseconds(run.last_at),
        times=run.times,
        dkim_verified=run.check.dkim_verified,
        return_path_verified=run.check.return_path_verified,
        dkim_seen=run.check.dkim_seen,
        return_path_seen=run.check.return_path_seen,
        provider_fault=run.check.provider_fault,
        zone_fault=run.check.zone_fault,
    )
