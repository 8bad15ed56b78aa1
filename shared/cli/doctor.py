"""`emailctl doctor`: does everything that this module stands on hold? Works on the rows, and asks every neighbour."""

from typing import Final

import click

from shared.cli.doctor_checks import Patient, checks_of
from shared.cli.examination import Finding, Verdict, examine
from shared.cli.exits import Found
from shared.cli.options import shows
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session

_COLUMNS: Final = (
    Column("about", "CHECK"),
    Column("verdict", "VERDICT", styles={"ok": "green", "warn": "yellow", "fail": "bold red"}),
    Column("seen", "SEEN"),
    Column("advice", "WHAT TO DO"),
)


@click.command()
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True, max=600),
    default=20.0,
    show_default=True,
    help="Seconds for each check; they are made at the same time.",
)
@shows
@pass_session
def doctor(session: Session, *, limit: float) -> None:
    """Ask everything that this module stands on whether it is well, and say what to do where it is not.

    Database, schema, clock, scheduler, broker, provider, DNS zone, key file; what waits too long, what is in doubt,
    dead letters. Reads only. Ends with 8 when one says warn or fail.

    \b
    Examples:
      emailctl doctor
      emailctl doctor -o json --limit 5
    """
    container, tools = session.container(), session.tools
    patient = Patient(
        container, tools.database(container.settings), tools.broker(container.settings), tools.clock
    )
    checks = checks_of(patient)
    with session.out.progress("asking", len(checks)) as advance:
        findings = examine(checks, limit_seconds=limit, advance=advance)
    session.out.rows(_COLUMNS, [_row(finding) for finding in findings], empty="")
    ailing = sum(finding.verdict is not Verdict.OK for finding in findings)
    if ailing:
        raise Found(f"{ailing} of {len(findings)} are not ok: see WHAT TO DO.")


def _row(finding: Finding) -> Row:
    return {
        "about": finding.about,
        "verdict": finding.verdict.value,
        "seen": finding.seen,
        "advice": finding.advice,
    }
