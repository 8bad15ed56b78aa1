"""`emailctl dead-letter replay`: asked for, and followed. The workers carry it out. Works on the rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NoReturn
from uuid import UUID

import click

from shared import replaying
from shared.cli.dead_letter_filters import chooses_or_all, meant
from shared.cli.dead_letter_rows import (
    ADVICE,
    CLASS,
    FATE,
    LETTERS,
    SUBJECT,
    count,
    get_replay,
    ports_of,
    row_of_replay,
)
from shared.cli.exits import EmailctlError, Found, NotReached, PartlyFailed
from shared.cli.following import looks
from shared.cli.options import asks, confirm, gives_reason, reason_for, shows, waits, writes
from shared.cli.output import Column, Output
from shared.cli.session import Session, pass_session
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.replay import Fate, Replay, ReplayState
from shared.replaying import DELAY_MAX_SECONDS, RATE_MAX

_ADVICE: Final = Column("advice", "WHAT TO DO")
_PLAN: Final = (SUBJECT, CLASS, FATE, LETTERS, _ADVICE)
_FATES: Final = (FATE, LETTERS, _ADVICE)
_STAYS: Final = (Fate.LOCKED, Fate.RETIRED)
_LOOK_SECONDS: Final = 1.0
_STOPPED_HERE: Final = "stopped by Ctrl-C where it was followed"


@click.command()
@chooses_or_all
@click.option("--dry-run", is_flag=True, help="Say what would become of them, and change nothing.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True, max=RATE_MAX),
    default=10.0,
    show_default=True,
    help="So many a second at the most.",
)
@click.option(
    "--in",
    "in_seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0, max=DELAY_MAX_SECONDS),
    default=0.0,
    help="Begin only then; until then it may be stopped as if it had never been.",
)
@click.option("--no-wait", is_flag=True, help="Ask for it and leave it to the workers.")
@waits("12h")
@writes
@gives_reason
@asks
@shows
@pass_session
def replay(
    session: Session,
    *,
    filters: Sequence[tuple[str, str]],
    everything: bool,
    dry_run: bool,
    rate: float,
    in_seconds: float,
    no_wait: bool,
    timeout: timedelta,
    yes: bool,
) -> None:
    """Have open dead letters put back to work: jobs are queued anew, events projected again, messages rung for.

    The workers carry it out, also when this command is gone; it follows them. Ctrl-C asks whether to stop it or to
    leave it running; run again it follows the one that is at it already. Each is put back once, and what fails again
    is a new dead letter.

    \b
    Examples:
      emailctl dead-letter replay --filter class=expired --dry-run
      emailctl dead-letter replay --filter class=expired --filter since=24h --rate 5 --reason "Postmark is back"
      emailctl dead-letter replay --all --reason "incident 12" --in 600 --no-wait --yes
    """
    wanted, out = meant(session, filters, everything=everything), session.out
    if dry_run:
        _tell_plan(session, wanted)
        return
    found = _asked(session, wanted, rate=rate, in_seconds=in_seconds, yes=yes)
    if found is None:
        out.rows(_FATES, [], empty="None is open that this holds for.")
        return
    asked, said = found
    try:
        # Within: from the moment on that its id is told, it is known what Ctrl-C leaves behind.
        out.note(said)
        if no_wait:
            out.record(row_of_replay(asked))
            return
        followed = _follow(session, asked, timeout)
    except KeyboardInterrupt:
        _break_off(session, asked.e_id)
    _judge(out, followed)


def _asked(
    session: Session, wanted: DeadLetterFilter, *, rate: float, in_seconds: float, yes: bool
) -> tuple[Replay, str] | None:
    """With what there is to say about it. None when nothing is open that this holds for."""
    author, reason = session.author, reason_for(session, "Why are they put back?")
    ports = ports_of(session)
    held = replaying.under_way(ports, wanted)
    if held is not None:
        return held, f"Replay {held.e_id} of {held.author} is at it already, {held.per_second:g} a second."
    total = count(session, wanted)
    if not total:
        return None
    confirm(session, f"{total} are put back to work, {rate:g} a second. Go on?", yes=yes)
    asked = replaying.ask(
        ports, wanted, author=author, reason=reason, per_second=rate, begins_in_seconds=in_seconds
    )
    return asked, f"Replay {asked.e_id}: from here on it is the workers' to carry out."


def _tell_plan(session: Session, wanted: DeadLetterFilter) -> None:
    rows = [
        {
            "subject": one.subject.value,
            "errorClass": one.error_class,
            "fate": one.fate.value,
            "count": one.count,
            "advice": ADVICE.get(one.fate),
        }
        for one in replaying.plan(ports_of(session), wanted)
    ]
    session.out.rows(_PLAN, rows, empty="None is open that this holds for.")
    if rows:
        session.out.note("Nothing was changed: this is what a replay would come to now.")


def _follow(session: Session, asked: Replay, timeout: timedelta) -> Replay:
    """At its end, or as it was when the time was over."""
    seen = asked
    with session.out.progress("putting back", asked.found) as advance:
        advance(asked.done)
        for now in looks(
            session, lambda: get_replay(session, asked.e_id), timeout=timeout, every_seconds=_LOOK_SECONDS
        ):
            advance(now.done - seen.done)
            seen = now
            if now.finished_at is not None:
                break
    return seen


def _break_off(session: Session, replay_id: UUID) -> NoReturn:
    """Whether it is stopped or left running is whoever pressed Ctrl-C to say."""
    goes_on = f"It goes on without you: see 'dead-letter replays'; 'dead-letter stop {replay_id}' ends it."
    if not session.tools.attended():
        raise EmailctlError(goes_on)
    try:
        is_to_stop = click.confirm("\nStop it? If not, it is left running.", err=True)
    except click.Abort:
        is_to_stop = False
    if not is_to_stop:
        raise EmailctlError(goes_on)
    replaying.stop(ports_of(session), replay_id, author=session.author, reason=_STOPPED_HERE)
    stopped = get_replay(session, replay_id)
    _tell(session.out, stopped)
    raise EmailctlError(f"Stopped: {stopped.done} of {stopped.found} were looked at.")


def _judge(out: Output, ended: Replay) -> None:
    """Raises `NotReached` while it goes on, `Found` when somebody stopped it, `PartlyFailed` when some stay open."""
    _tell(out, ended)
    if ended.finished_at is None:
        raise NotReached(f"The time is over, and it goes on: see 'dead-letter result {ended.e_id}'.")
    if ended.state is ReplayState.STOPPED:
        raise Found(f"{ended.stopped_by} stopped it: {ended.done} of {ended.found} were looked at.")
    left = sum(ended.fates.get(fate, 0) for fate in _STAYS)
    if left:
        raise PartlyFailed(f"{left} stay open: see WHAT TO DO, and 'dead-letter result {ended.e_id}'.")


def _tell(out: Output, replay: Replay) -> None:
    if not out.for_people:
        out.value(row_of_replay(replay))
        return
    rows = [
        {"fate": fate.value, "count": number, "advice": ADVICE.get(fate)}
        for fate, number in sorted(replay.fates.items())
    ]
    out.rows(_FATES, rows, empty="None was looked at.")
