"""`emailctl suppression`: a tenant's list of addresses that must not be mailed. Speaks to the API."""

import csv
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from shared.cli import csv_pieces
from shared.cli.api import Api, JsonObject
from shared.cli.exits import Absent, PartlyFailed, Refused
from shared.cli.importing import LineFault, Tally, import_pieces
from shared.cli.options import asks, calls_api, confirm, gives_reason, shows, writes
from shared.cli.output import Column, Output, Row, moment
from shared.cli.session import Session, pass_session
from shared.domain.suppression import SuppressionReason, checked_address

_PATH = "/configuration/suppression"
_COLUMNS = (
    Column("address", "ADDRESS"),
    Column("reason", "REASON"),
    Column("active", "ACTIVE"),
    Column("since", "SINCE"),
    Column("liftedAt", "LIFTED"),
    Column("provider", "AT PROVIDER"),
    Column("author", "AUTHOR"),
    Column("note", "NOTE"),
    Column("eId", "ID", whole=True),
)
_TIMES = ("since", "liftedAt", "createdAt", "updatedAt")
_FAULTS = (Column("line", "LINE"), Column("field", "FIELD"), Column("advice", "WHAT TO DO"))
_FAULTS_SHOWN = 20


@click.group()
def suppression() -> None:
    """Addresses that a tenant must not mail.

    All of them speak to the API: EMAIL_API_URL, ARDA_API_KEY (or ARDA_API_KEY_FILE), EMAIL_TENANT.
    """


@suppression.command()
@click.option("--address", help="Only this address.")
@click.option("--reason-is", type=click.Choice(SuppressionReason), help="Only entries with this reason.")
@click.option("--lifted", is_flag=True, help="Also those that were lifted.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@calls_api
@shows
@pass_session
def ls(
    session: Session, *, address: str | None, reason_is: SuppressionReason | None, lifted: bool, limit: int
) -> None:
    """Show the list, the newest first.

    \b
    Examples:
      emailctl suppression ls
      emailctl suppression ls --address person@example.com --lifted
      emailctl suppression ls --reason-is SPAM_COMPLAINT --limit 1000 -o json
    """
    wanted: list[JsonObject] = [] if lifted else [{"locator": "active", "eq": True}]
    if address is not None:
        wanted.append({"locator": "address", "eq": checked_address(address, "--address")})
    if reason_is is not None:
        wanted.append({"locator": "reason", "eq": reason_is.value})
    question = {
        "filter": {"and": wanted} if wanted else True,
        "sort": [{"locator": "since", "descending": True}],
    }
    records = list(session.api().pages(f"{_PATH}/query", question, limit=limit))
    _tell(session.out, records)


def _tell(out: Output, records: list[JsonObject]) -> None:
    out.rows(_COLUMNS, [_entry(record, out) for record in records], empty="No such entry.")


def _entry(record: JsonObject, out: Output) -> Row:
    """For programs the API's own values; for people times as they read them."""
    payload: dict[str, Any] = {**record["payload"], "author": record["author"]}
    if out.for_people:
        payload |= {name: moment(payload.get(name)) for name in _TIMES}
    return payload


@suppression.command()
@click.argument("address")
@calls_api
@writes
@gives_reason
@shows
@pass_session
def add(session: Session, address: str) -> None:
    """Put ADDRESS on the list. One that is on it already stays as it is.

    \b
    Examples:
      emailctl suppression add person@example.com --reason "asked by phone, ticket 4711"
    """
    body = {"address": address, "note": session.reason}
    _tell(session.out, [session.api().post(_PATH, body, author=session.author)])


@suppression.command()
@click.argument("address_or_id", metavar="ADDRESS|ID")
@calls_api
@writes
@gives_reason
@asks
@shows
@pass_session
def lift(session: Session, *, address_or_id: str, yes: bool) -> None:
    """Take an address off the list, and have the provider asked to do the same.

    A spam complaint cannot be lifted.

    \b
    Examples:
      emailctl suppression lift person@example.com --reason "mailbox works again, ticket 4711"
    """
    author, reason, api = session.author, session.reason, session.api()
    e_id = _id_of(api, address_or_id)
    confirm(session, f"Mail to {address_or_id} will go out again. Lift it?", yes=yes)
    _tell(session.out, [api.post(f"{_PATH}/{e_id}/lift", {"note": reason}, author=author)])


def _id_of(api: Api, address_or_id: str) -> str:
    if "@" not in address_or_id:
        try:
            return str(UUID(address_or_id))
        except ValueError:
            raise click.UsageError("Give an address, or the id that 'suppression ls' shows.") from None
    address = checked_address(address_or_id, "ADDRESS")
    active = [{"locator": "address", "eq": address}, {"locator": "active", "eq": True}]
    for record in api.pages(f"{_PATH}/query", {"filter": {"and": active}}, limit=1):
        return str(record["payload"]["eId"])
    raise Absent("The address is not on the tenant's list.")


@suppression.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--errors",
    "errors_file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write every wrong line's number, field and advice into this CSV file.",
)
@calls_api
@writes
@shows
@pass_session
def import_(session: Session, *, file: Path, errors_file: Path | None) -> None:
    """Put the addresses of a CSV FILE on the list.

    Its first line names the columns: address, and reason and note if there are any. What is on the list already stays
    as it is, so a file may be imported again. Lines with a fault are told and left out: then it ends with 7.

    \b
    Examples:
      emailctl suppression import addresses.csv
      emailctl suppression import addresses.csv --errors wrong-lines.csv
    """
    author, api, tally = session.author, session.api(), Tally()
    total = csv_pieces.count(file)
    with ExitStack() as stack:
        stack.callback(lambda: _tell_tally(session.out, tally, total, errors_file))
        advance = stack.enter_context(session.out.progress("importing", total))
        import_pieces(
            api,
            csv_pieces.pieces(file),
            author=author,
            every_fault=errors_file is not None,
            tally=tally,
            advance=advance,
        )
    if tally.wrong:
        raise PartlyFailed(f"{tally.wrong} of {tally.lines} lines were wrong: mend them, import them again.")


def _tell_tally(out: Output, tally: Tally, total: int, errors_file: Path | None) -> None:
    """Also when it was broken off: what was done until then is done."""
    if errors_file is not None:
        _write_faults(errors_file, tally.faults)
    faults = [asdict(fault) for fault in tally.faults]
    if not out.for_people:
        out.value(
            {
                "lines": total,
                "read": tally.lines,
                "added": tally.added,
                "alreadyThere": tally.already_there,
                "errorsTotal": tally.wrong,
                "errors": faults,
            }
        )
        return
    if faults:
        out.table(_FAULTS, faults[:_FAULTS_SHOWN])
    if tally.wrong > _FAULTS_SHOWN and errors_file is None:
        out.note("There are more: --errors FILE writes down all of them.")
    out.say(
        f"{tally.lines} of {total} lines read: {tally.added} added, {tally.already_there} there already, "
        f"{tally.wrong} wrong."
    )


def _write_faults(path: Path, faults: list[LineFault]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("line", "field", "advice"))
        rows.writerows((fault.line, fault.field, fault.advice) for fault in faults)


@suppression.command()
@click.option("--lifted", is_flag=True, help="Also those that were lifted, with the time as a last column.")
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write into this file instead of standard output.",
)
@asks
@calls_api
@pass_session
def export(session: Session, *, lifted: bool, path: Path | None, yes: bool) -> None:
    """Write the whole list as CSV.

    A file is complete or not there: what breaks off in the middle leaves an old one as it was.

    \b
    Examples:
      emailctl suppression export > suppressions.csv
      emailctl suppression export --lifted --file suppressions.csv
    """
    blocks = session.api().stream(f"{_PATH}/export", {"lifted": "true" if lifted else "false"})
    if path is None:
        for block in blocks:
            sys.stdout.buffer.write(block)
        return
    if path.exists():
        confirm(session, f"{path} exists. Write over it?", yes=yes)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            for block in blocks:
                file.write(block)
        part.replace(path)
    except OSError as error:
        raise Refused(f"The file cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
