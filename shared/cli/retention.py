"""`emailctl retention`: how long rows are kept, and what removes the older ones. Works on the rows."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import click

from shared.cli.exits import Found, NotReached, Refused
from shared.cli.following import looks
from shared.cli.options import shows, waits
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session
from shared.domain.retention import Kind, Pass
from shared.messaging.messages import RemoveOldRows
from shared.ports.retention import RetentionReport, Slice
from shared.ports.store import Store

# Longer than a pass takes, and an interval: something keeps it from getting on.
_LATE: Final = timedelta(days=1)
_KINDS: Final = tuple(kind.value for kind in Kind)
_STATES: Final = (
    Column("kind", "KIND"),
    Column("keepDays", "KEPT FOR DAYS"),
    Column("finishedAt", "LAST FINISHED"),
    Column("looked", "LOOKED AT"),
    Column("removed", "REMOVED"),
    Column("removedInAll", "REMOVED IN ALL"),
    Column("behindSeconds", "SECONDS BEHIND"),
    Column("running", "RUNS"),
    Column("dueAt", "DUE"),
)
_PREVIEW: Final = (
    Column("kind", "KIND"),
    Column("until", "OLDER THAN"),
    Column("looked", "OLD ENOUGH"),
    Column("wouldRemove", "WOULD GO"),
)


@click.group()
def retention() -> None:
    """Rows that are kept for a while: how long, and how far the removal of older ones has come."""


@retention.command()
@shows
@pass_session
def status(session: Session) -> None:
    """Each kind: how long it is kept, what its last pass removed, and how far behind it is.

    Ends with 8 when a kind is behind by more than a day.

    \b
    Examples:
      emailctl retention status
      emailctl retention status -o json
    """
    keep_days = session.settings().retention.keep_days
    with session.container().store.begin() as tx:
        reports, now = tx.retention.reports(), tx.now()
    rows = [_row(report, keep_days, now) for report in reports]
    session.out.rows(_STATES, rows, empty="There is nothing.")
    late = [row["kind"] for row in rows if _seconds(row) > _LATE.total_seconds()]
    if late:
        raise Found(f"Behind by more than a day: {', '.join(map(str, late))}. Does the drift worker run?")


@retention.command()
@click.argument("names", metavar="[KIND]...", nargs=-1, type=click.Choice(_KINDS))
@click.option("--dry-run", is_flag=True, help="Count what would go, and remove nothing.")
@click.option("--wait", is_flag=True, help="Until each has been gone through.")
@waits("15m")
@shows
@pass_session
def run(session: Session, *, names: Sequence[str], dry_run: bool, wait: bool, timeout: timedelta) -> None:
    """Have old rows removed now, by the workers, and not at the next interval. All kinds when none is named.

    What goes is what the settings say; a kind that is kept for ever is refused with 5. With --wait it ends with 4
    when the time was over first.

    \b
    Examples:
      emailctl retention run --dry-run
      emailctl retention run contents traffic --wait
    """
    wanted = _wanted(session.settings().retention.keep_days, names)
    if dry_run:
        session.out.rows(_PREVIEW, _preview(session, wanted), empty="Everything is kept for ever.")
        return
    asked_at = _ask(session, wanted)
    if wait:
        _wait(session, wanted, asked_at=asked_at, timeout=timeout)
        return
    session.out.say(f"Asked for: {', '.join(wanted)}. 'retention status' tells when they have finished.")
    if not session.out.for_people:
        session.out.value({"askedFor": [kind.value for kind in wanted], "at": asked_at})


def _wanted(keep_days: Mapping[Kind, float], names: Sequence[str]) -> tuple[Kind, ...]:
    wanted = tuple(Kind(name) for name in dict.fromkeys(names))
    kept = [kind.value for kind in wanted if kind not in keep_days]
    if kept:
        raise Refused(f"Kept for ever by the settings: {', '.join(kept)}.")
    return wanted or tuple(keep_days)


def _ask(session: Session, wanted: Collection[Kind]) -> datetime:
    container = session.container()
    with container.store.begin() as tx:
        for kind in wanted:
            tx.retention.ask(kind)
        asked_at = tx.now()
    container.doorbell.ring(*(RemoveOldRows(kind.e_id) for kind in wanted))
    return asked_at


def _wait(session: Session, wanted: Collection[Kind], *, asked_at: datetime, timeout: timedelta) -> None:
    store, keep_days = session.container().store, session.settings().retention.keep_days

    def look() -> tuple[Sequence[RetentionReport], datetime]:
        with store.begin() as tx:
            return tx.retention.reports(), tx.now()

    ended: dict[Kind, Row] = {}
    with session.out.progress("removing old rows", len(wanted)) as advance:
        for reports, now in looks(session, look, timeout=timeout):
            new = {one.kind: _row(one, keep_days, now) for one in reports if _has_ended(one, asked_at)}
            advance(len([kind for kind in new if kind in wanted and kind not in ended]))
            ended.update({kind: row for kind, row in new.items() if kind in wanted and kind not in ended})
            if len(ended) == len(wanted):
                break
    session.out.rows(_STATES, list(ended.values()), empty="None has finished.")
    missing = [kind.value for kind in wanted if kind not in ended]
    if missing:
        raise NotReached(
            f"The time is over, before the end of {', '.join(missing)}: does the drift worker run?"
        )


def _has_ended(report: RetentionReport, asked_at: datetime) -> bool:
    """A pass that was begun since then."""
    begun_at, finished_at = report.begun_at, report.finished_at
    return begun_at is not None and finished_at is not None and asked_at <= begun_at <= finished_at


def _preview(session: Session, wanted: Collection[Kind]) -> list[Row]:
    container = session.container()
    settings = container.settings.retention
    with container.store.begin() as tx:
        now = tx.now()
    rows: list[Row] = []
    for kind in wanted:
        until = now - timedelta(days=settings.keep_days[kind])
        slices = list(_slices(container.store, Pass(kind, kind.e_id, until), settings.slice_rows))
        looked, going = sum(one.looked for one in slices), sum(one.removed for one in slices)
        rows.append({"kind": kind.value, "until": until, "looked": looked, "wouldRemove": going})
    return rows


def _slices(store: Store, pass_: Pass, rows: int) -> Iterator[Slice]:
    """A transaction each: a look at millions of rows holds nothing up either."""
    done = False
    while not done:
        with store.begin() as tx:
            slice_ = tx.retention.would_remove(pass_, rows=rows)
        yield slice_
        pass_, done = Pass(pass_.kind, pass_.token, pass_.until, slice_.cursor), slice_.done


def _row(report: RetentionReport, keep_days: Mapping[Kind, float], now: datetime) -> Row:
    days = keep_days.get(report.kind)
    return {
        "kind": report.kind.value,
        "keepDays": days,
        "finishedAt": report.finished_at,
        "looked": report.looked,
        "removed": report.removed,
        "removedInAll": report.removed_in_all,
        "behindSeconds": None if days is None else round(report.behind_seconds(now, days)),
        "running": report.running,
        "dueAt": report.due_at,
    }


def _seconds(row: Row) -> int:
    behind = row["behindSeconds"]
    return behind if isinstance(behind, int) else 0
