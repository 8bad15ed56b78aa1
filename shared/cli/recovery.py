"""`emailctl recovery`: after the database was restored to an earlier moment. Works on the rows and the provider."""

import csv
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Final
from uuid import UUID

import click

from shared import recovering
from shared.cli.exits import Absent, Found, Refused
from shared.cli.options import asks, confirm, gives_reason, reason_for, shows, writes
from shared.cli.recovery_run import LEFT, count_sentence, opened, ports_of, rows_of_left, run
from shared.cli.session import Session, pass_session
from shared.cli.times import Moment
from shared.domain import recovery as domain
from shared.domain.recovery import Recovery, Told
from shared.recovering import Standing

_PAGE: Final = 1000
_HEADER: Final = ("jobId", "tenantId", "configurationId", "found", "messageId", "takenAt")
_DONE: Final = "the provider was asked twice, and all that it told is written down"


@click.group()
def recovery() -> None:
    """After the database was restored to an earlier moment: hold everything, ask the provider, go on."""


recovery.add_command(run)


@recovery.command()
@click.option("--from", "gap_from", type=Moment(), required=True, help="The moment the data are of.")
@click.option("--until", "gap_until", type=Moment(), required=True, help="When the old database failed.")
@writes
@gives_reason
@shows
@pass_session
def begin(session: Session, *, gap_from: datetime, gap_until: datetime) -> None:
    """Hold everything: nothing is sent or provisioned, and callers get 503, until 'recovery end'.

    Stop every process before, and begin it before the web server is started again.

    \b
    Examples:
      emailctl recovery begin --from 2026-11-22T01:00Z --until 2026-11-22T03:30Z --reason "disk lost, incident 12"
    """
    author, reason = session.author, reason_for(session, "Why was it restored?")
    ports = ports_of(session)
    with ports.store.begin() as tx:
        held = tx.recoveries.open()
    if held is not None:
        raise Refused(f"{held.author} began one at {held.begun_at:%Y-%m-%d %H:%M}Z: see 'recovery status'.")
    begun = recovering.begin(ports, gap_from=gap_from, gap_until=gap_until, author=author, reason=reason)
    _tell(session, recovering.standing(ports.store, begun))


@recovery.command()
@shows
@pass_session
def status(session: Session) -> None:
    """How far the newest recovery is, and what it found. Ends with 8 while it is open.

    \b
    Examples:
      emailctl recovery status
      emailctl recovery status -o json
    """
    ports = ports_of(session)
    newest = _newest(session)
    standing = recovering.standing(ports.store, newest)
    _tell(session, standing)
    if newest.ended_at is None:
        raise Found(f"It is open, and nothing is sent. {count_sentence(standing)}")


@recovery.command()
@click.option("--force", is_flag=True, help="Also while some were not asked to the end; with --reason.")
@asks
@writes
@gives_reason
@shows
@pass_session
def end(session: Session, *, force: bool, yes: bool) -> None:
    """Let everything go on: what waits and was not found at the provider is sent.

    Ends with 5, and names them, while some configurations were not asked twice. With --force what waits there is sent
    all the same, and may have gone out before.

    \b
    Examples:
      emailctl recovery end
      emailctl recovery end --force --reason "server of the tenant is gone for good"
    """
    author, ports = session.author, ports_of(session)
    standing = recovering.standing(ports.store, opened(ports))
    left = rows_of_left(standing)
    if left:
        session.out.rows(LEFT, left, empty="")
    if left and not force:
        raise Refused(f"{len(left)} were not asked to the end: see WHAT TO DO, then 'recovery run'.")
    if left:
        reason = reason_for(session, "Why is it ended all the same?")
        confirm(session, f"What waits in these {len(left)} may be sent a second time. Go on?", yes=yes)
    else:
        reason = session.reason if session.given_reason.strip() else _DONE
    recovering.end(ports, standing.recovery, author=author, reason=reason)
    session.out.note("Ended: callers are let in, and what waits is sent.")


@recovery.command()
@click.option(
    "--found",
    "found",
    type=click.Choice([found.value for found in domain.Found]),
    default=domain.Found.ADOPTED.value,
    show_default=True,
    help="adopted: no row was left of them; settled: they waited here; contradicted: their rows say never sent.",
)
@click.option("--recovery", "recovery_id", type=click.UUID, help="This one; the newest, if it is not said.")
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write into this file instead of standard output.",
)
@asks
@pass_session
def export(session: Session, *, found: str, recovery_id: UUID | None, path: Path | None, yes: bool) -> None:
    """Write the jobs that the provider told of as CSV: for whoever speaks to the callers.

    \b
    Examples:
      emailctl recovery export > adopted.csv
      emailctl recovery export --found contradicted --file contradicted.csv
    """
    chosen = _newest(session) if recovery_id is None else _get(session, recovery_id)
    rows = _told(session, chosen, domain.Found(found))
    if path is None:
        _write(sys.stdout, rows)
        return
    if path.exists():
        confirm(session, f"{path} exists. Write over it?", yes=yes)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            _write(file, rows)
    except OSError as error:
        raise Refused(f"The file cannot be written: {error.strerror}.") from None


def _told(session: Session, chosen: Recovery, found: domain.Found) -> Iterator[Told]:
    store, last = session.container().store, None
    while True:
        with store.begin() as tx:
            page = tx.recoveries.told(chosen.e_id, found=found, after=last, limit=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].job_id


def _write(file: IO[str], told: Iterator[Told]) -> None:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(_HEADER)
    for one in told:
        ids = (one.job_id, one.tenant_id, one.configuration_id)
        rows.writerow((*ids, one.found.value, one.provider_message_id, one.taken_at.isoformat()))


def _newest(session: Session) -> Recovery:
    with session.container().store.begin() as tx:
        newest = tx.recoveries.newest()
    if newest is None:
        raise Absent("No recovery was ever begun.")
    return newest


def _get(session: Session, recovery_id: UUID) -> Recovery:
    with session.container().store.begin() as tx:
        found = tx.recoveries.get(recovery_id)
    if found is None:
        raise Absent("There is no such recovery.")
    return found


def _tell(session: Session, standing: Standing) -> None:
    held = standing.recovery
    index_lag = ports_of(session).index_lag
    concerned = len(standing.concerned)
    session.out.record(
        {
            "recoveryId": held.e_id,
            "state": "open" if held.ended_at is None else "ended",
            "gapFrom": held.gap_from,
            "gapUntil": held.gap_until,
            "author": held.author,
            "reason": held.reason,
            "begunAt": held.begun_at,
            "secondLookFrom": held.second_look_at(index_lag),
            "configurations": concerned,
            "askedOnce": concerned - len(standing.left(1)),
            "askedTwice": concerned - len(standing.unfinished),
            **{found.value: standing.found.get(found, 0) for found in domain.Found},
            "endedAt": held.ended_at,
            "endedBy": held.ended_by,
        }
    )
