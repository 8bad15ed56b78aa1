"""`emailctl drift`: whether the world still looks as our rows say. Works on the rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import click

from shared import drifting
from shared.cli.drift_findings import ls, show, snooze, wake
from shared.cli.drift_servers import servers
from shared.cli.exits import Found, NotReached
from shared.cli.following import looks
from shared.cli.options import shows, waits
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session
from shared.domain.drift import Assertion, FindingState, Verdict
from shared.drifting import DriftPorts
from shared.ports.drift import AssertionReport

_ROUNDS: Final = (
    Column("assertion", "ASSERTION"),
    Column("enabled", "ON"),
    Column("verdict", "VERDICT"),
    Column("finishedAt", "LAST FINISHED"),
    Column("seconds", "SECONDS"),
    Column("checked", "CHECKED"),
    Column("calls", "CALLS"),
    Column("running", "RUNS"),
    Column("dueAt", "DUE"),
    Column("fault", "FAULT"),
)
_COUNTS: Final = (Column("tag", "FINDING"), Column("state", "STATE"), Column("count", "HOW MANY"))


@click.group()
def drift() -> None:
    """Where our rows and the world differ: at the provider, in DNS, in the mounted keys. Nothing is repaired."""


@drift.command()
@shows
@pass_session
def status(session: Session) -> None:
    """Each assertion: whether it is switched on, when it last finished and how; and how many findings stand.

    Ends with 8 when a finding is open, or the last round could not tell.

    \b
    Examples:
      emailctl drift status
      emailctl drift status -o json
    """
    container = session.container()
    with container.store.begin() as tx:
        reports, counts = tx.rounds.reports(), tx.findings.count()
    rounds = [_row(report, container.settings.drift.every_seconds) for report in reports]
    found = [
        {"tag": tag.value, "state": state.value, "count": count}
        for (tag, state), count in sorted(counts.items())
    ]
    out = session.out
    if out.for_people:
        out.table(_ROUNDS, rounds)
        out.say("")
        out.rows(_COUNTS, found, empty="No finding stands.")
    else:
        out.value({"assertions": rounds, "findings": found})
    still_open = sum(count for (_, state), count in counts.items() if state is FindingState.OPEN)
    blind = [report.assertion for report in reports if report.verdict is Verdict.COULD_NOT_TELL]
    said = [f"{still_open} findings are open: see 'drift ls'."] if still_open else []
    said += [f"{one} could not tell: see FAULT." for one in blind]
    if said:
        raise Found(" ".join(said))


@drift.command()
@click.argument(
    "names", metavar="[ASSERTION]...", nargs=-1, type=click.Choice([one.value for one in Assertion])
)
@click.option("--wait", is_flag=True, help="Until each has its verdict.")
@waits("15m")
@shows
@pass_session
def run(session: Session, *, names: Sequence[str], wait: bool, timeout: timedelta) -> None:
    """Have drift checked now, by the workers, whatever the switches say. All of them when none is named.

    With --wait it ends with 8 when something has drifted, and with 4 when one could not tell or the time was over.

    \b
    Examples:
      emailctl drift run --wait
      emailctl drift run dns registry --wait --timeout 5m
    """
    wanted = tuple(Assertion(name) for name in dict.fromkeys(names)) or tuple(Assertion)
    container, out = session.container(), session.out
    ports = DriftPorts(container.store, container.doorbell, container.new_id)
    asked_at = drifting.ask(ports, wanted).at
    if not wait:
        out.say(f"Asked for: {', '.join(wanted)}. 'drift status' tells when they have finished.")
        if not out.for_people:
            out.value({"askedFor": [one.value for one in wanted], "at": asked_at})
        return
    ended = _watch(session, wanted, asked_at=asked_at, timeout=timeout)
    rows = [_row(report, container.settings.drift.every_seconds) for report in ended.values()]
    out.rows(_ROUNDS, rows, empty="None has finished.")
    _judge(wanted, ended)


def _watch(
    session: Session, wanted: Sequence[Assertion], *, asked_at: datetime, timeout: timedelta
) -> Mapping[Assertion, AssertionReport]:
    """Those that have come to an end since they were asked for, by the end of the wait."""
    store = session.container().store
    ended: dict[Assertion, AssertionReport] = {}

    def look() -> Sequence[AssertionReport]:
        with store.begin() as tx:
            return tx.rounds.reports()

    with session.out.progress("checking drift", len(wanted)) as advance:
        for reports in looks(session, look, timeout=timeout):
            new = {
                one.assertion: one for one in reports if one.assertion in wanted and has_ended(one, asked_at)
            }
            advance(len(new.keys() - ended.keys()))
            ended.update({assertion: one for assertion, one in new.items() if assertion not in ended})
            if len(ended) == len(wanted):
                break
    return {assertion: ended[assertion] for assertion in wanted if assertion in ended}


def has_ended(report: AssertionReport, asked_at: datetime) -> bool:
    """Whether a round that was begun since then has come to a verdict, or has given up.

    One that died leaves no trace but that it does not run; who gives up says when it is due again.
    """
    begun_at = report.begun_at
    if report.running or begun_at is None or begun_at < asked_at:
        return False
    if report.verdict is Verdict.COULD_NOT_TELL:
        return report.due_at is not None and report.due_at > begun_at
    return report.finished_at is not None and report.finished_at >= begun_at


def _judge(wanted: Collection[Assertion], ended: Mapping[Assertion, AssertionReport]) -> None:
    verdicts = [report.verdict for report in ended.values()]
    if Verdict.DRIFTED in verdicts:
        raise Found("Something has drifted: see 'drift ls'.")
    if Verdict.COULD_NOT_TELL in verdicts:
        raise NotReached("One could not tell: see FAULT. It is tried again by itself.")
    if len(ended) < len(wanted):
        missing = ", ".join(one.value for one in wanted if one not in ended)
        raise NotReached(f"The time is over, without a verdict of {missing}: does the drift worker run?")


def _row(report: AssertionReport, enabled: Collection[Assertion]) -> Row:
    return {
        "assertion": report.assertion.value,
        "enabled": report.assertion in enabled,
        "verdict": None if report.verdict is None else report.verdict.value,
        "finishedAt": report.finished_at,
        "seconds": None if report.seconds is None else round(report.seconds, 1),
        "checked": report.checked,
        "calls": report.calls,
        "running": report.running,
        "dueAt": report.due_at,
        "fault": report.fault,
    }


for command in (ls, show, snooze, wake, servers):
    drift.add_command(command)
