"""`emailctl drift ls|show|snooze|wake`: what was found, and who has seen it. Works on the rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import click

from shared import drifting
from shared.cli.exits import Absent, Refused
from shared.cli.options import gives_reason, reason_for, shows, writes
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session
from shared.cli.times import Span
from shared.domain.audit import OperatorAction
from shared.domain.drift import Drift, Finding, FindingState
from shared.domain.errors import Conflict, NotFound
from shared.drifting import DriftPorts, Why
from shared.ports.store import Store

_PREFIX: Final = "email.drift."
_ALL: Final = "all"
_PAGE: Final = 500
_COLUMNS: Final = (
    Column("tag", "FINDING"),
    Column("state", "STATE"),
    Column("problem", "PROBLEM"),
    Column("what", "WHAT"),
    Column("since", "SINCE"),
    Column("lastSeen", "LAST SEEN"),
    Column("snoozedUntil", "SNOOZED UNTIL"),
    Column("eId", "ID", whole=True),
)
_DEEDS: Final = (
    Column("at", "AT"),
    Column("action", "ACTION"),
    Column("author", "AUTHOR"),
    Column("reason", "REASON"),
)


class Tag(click.ParamType[Drift]):
    """Whole, or without what all of them begin with."""

    name = "tag"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Drift:
        short = str(value).removeprefix(_PREFIX)
        try:
            return Drift(_PREFIX + short)
        except ValueError:
            names = ", ".join(tag.removeprefix(_PREFIX) for tag in Drift)
            self.fail(f"give one of {names}.", param, ctx)


@click.command()
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in FindingState), _ALL]),
    default=FindingState.OPEN.value,
    show_default=True,
    help="Only these. Young ones are not told of before the record may have left the caches.",
)
@click.option("--tag", "tags", type=Tag(), multiple=True, help="Only these, such as dns_dkim_mismatch.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@shows
@pass_session
def ls(session: Session, *, state: str, tags: Sequence[Drift], limit: int) -> None:
    """Show what was found, the longest known first.

    \b
    Examples:
      emailctl drift ls
      emailctl drift ls --state all --tag dns_dkim_mismatch --tag dns_return_path_mismatch
      emailctl drift ls --state snoozed -o json
    """
    states = tuple(FindingState) if state == _ALL else (FindingState(state),)
    store = session.container().store
    with store.begin() as tx:
        now = tx.now()
    rows = [_row(finding, now) for finding in _find(store, states, tags, limit)]
    session.out.rows(_COLUMNS, rows, empty="No such finding.")


def _find(
    store: Store, states: Sequence[FindingState], tags: Sequence[Drift], limit: int
) -> Iterator[Finding]:
    after: UUID | None = None
    while limit > 0:
        size = min(limit, _PAGE)
        with store.begin() as tx:
            page = tx.findings.find(states=states, tags=tags, after=after, limit=size)
        yield from page
        if len(page) < size:
            return
        limit, after = limit - size, page[-1].e_id


@click.command()
@click.argument("finding_id", metavar="FINDING", type=click.UUID)
@shows
@pass_session
def show(session: Session, finding_id: UUID) -> None:
    """Show FINDING with all that helps to look it up, and who has snoozed or woken it.

    \b
    Examples:
      emailctl drift show 019b0000-0000-7000-8000-000000000004
    """
    with session.container().store.begin() as tx:
        finding, deeds, now = tx.findings.get(finding_id), tx.audit.of(finding_id), tx.now()
    if finding is None:
        raise _absent()
    told = {**_row(finding, now), **_more(finding)}
    actions = [_deed(deed) for deed in deeds]
    out = session.out
    if not out.for_people:
        out.value({**told, "actions": actions})
        return
    out.record({name: value for name, value in told.items() if name != "what"})
    if actions:
        out.say("")
        out.table(_DEEDS, actions)


@click.command()
@click.argument("finding_id", metavar="FINDING", type=click.UUID)
@click.option("--for", "span", type=Span(), required=True, help="For how long, such as 8h or 7d.")
@writes
@gives_reason
@shows
@pass_session
def snooze(session: Session, finding_id: UUID, *, span: timedelta) -> None:
    """Do not be told of FINDING for a while, because somebody knows of it. It is open again afterwards.

    \b
    Examples:
      emailctl drift snooze 019b0000-0000-7000-8000-000000000004 --for 7d --reason "asked support, ticket 4711"
    """
    _change(session, finding_id, span)


@click.command()
@click.argument("finding_id", metavar="FINDING", type=click.UUID)
@writes
@gives_reason
@shows
@pass_session
def wake(session: Session, finding_id: UUID) -> None:
    """End the snooze of FINDING: it is open again at once.

    \b
    Examples:
      emailctl drift wake 019b0000-0000-7000-8000-000000000004 --reason "support has answered"
    """
    _change(session, finding_id, None)


def _change(session: Session, finding_id: UUID, span: timedelta | None) -> None:
    """`span` None wakes."""
    why, container = Why(session.author, reason_for(session, "Why?")), session.container()
    ports = DriftPorts(container.store, container.doorbell, container.new_id)
    try:
        changed = (
            drifting.wake(ports, finding_id, why)
            if span is None
            else drifting.snooze(ports, finding_id, span, why)
        )
    except NotFound:
        raise _absent() from None
    except Conflict:
        raise Refused("It is resolved: there is nothing to snooze or to wake.") from None
    with container.store.begin() as tx:
        now = tx.now()
    out = session.out
    if out.for_people:
        out.table(_COLUMNS, [_row(changed, now)])
    else:
        out.value({**_row(changed, now), **_more(changed)})


def _absent() -> Absent:
    return Absent("There is no such finding: see 'drift ls --state all'.")


def _row(finding: Finding, now: datetime) -> Row:
    """`what`, for people: the most telling of what the context names."""
    found = finding.discrepancy
    named = (
        found.record_name,
        found.server_name,
        found.key_version and f"key version {found.key_version}",
        found.server_id and f"server {found.server_id}",
        found.subject,
    )
    return {
        "eId": finding.e_id,
        "tag": found.tag.value,
        "state": finding.state(now).value,
        "problem": found.problem.value,
        "what": next(name for name in named if name),
        "since": finding.since_at,
        "lastSeen": finding.last_seen_at,
        "snoozedUntil": finding.snoozed_until,
    }


def _more(finding: Finding) -> Row:
    found = finding.discrepancy
    return {
        "configurationEId": found.configuration_id,
        "tenantId": found.tenant_id,
        "postmarkServerId": found.server_id,
        "postmarkServerName": found.server_name,
        "keyVersionId": found.key_version,
        "recordName": found.record_name,
        "graceSeconds": found.grace_seconds,
        "firstSeen": finding.first_seen_at,
        "openedAt": finding.opened_at,
        "resolvedAt": finding.resolved_at,
        "snoozedBy": finding.snoozed_by,
        "snoozeReason": finding.snooze_reason,
    }


def _deed(deed: OperatorAction) -> Row:
    return {"at": deed.at, "action": deed.action, "author": deed.author, "reason": deed.reason}
