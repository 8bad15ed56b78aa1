"""`emailctl dead-letter`: what no retry mends; looked at, put back to work, or laid to rest. Works on the rows."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from uuid import UUID

import click

from shared import replaying
from shared.cli import dead_letter_walks
from shared.cli.dead_letter_filters import Chosen, chooses, chosen
from shared.cli.dead_letter_walks import Step, Walk, Wanted
from shared.cli.exits import Absent, EmailctlError, PartlyFailed, Unusable
from shared.cli.options import asks, confirm, gives_reason, reason_for, shows, writes
from shared.cli.output import Column, Output, Row
from shared.cli.session import Session, pass_session
from shared.cli.stopping import stopping
from shared.domain.dead_letter import DeadLetter, Rest
from shared.replaying import DeadLetterPorts, Fate

_SUBJECT = Column("subject", "SUBJECT")
_CLASS = Column("errorClass", "CLASS")
_COLUMNS = (
    Column("raisedAt", "RAISED"),
    _SUBJECT,
    Column("subjectId", "OF"),
    _CLASS,
    Column("attempts", "TRIES"),
    Column("actor", "ACTOR"),
    Column("reason", "REASON"),
    Column("eId", "ID", whole=True),
)
_BY_CLASS = (_SUBJECT, _CLASS, Column("count", "LETTERS"))
_FATES = (
    _SUBJECT,
    _CLASS,
    Column("fate", "FATE"),
    Column("count", "LETTERS"),
    Column("advice", "WHAT TO DO"),
)
_ADVICE: Mapping[str, str] = {
    Fate.MOVED_ON: "nothing: somebody was quicker, or it is not as it was left",
    Fate.LOCKED: "it stays open: unlock its configuration, then replay it, or discard it",
    Fate.RETIRED: "it stays open: its configuration is removed, so discard it",
}
_NOT_DONE = frozenset({Fate.LOCKED.value, Fate.RETIRED.value})


@click.group("dead-letter")
def dead_letter() -> None:
    """Jobs that failed, events whose job never came, messages whose handler raised again and again."""


@dead_letter.command()
@chooses
@click.option("--by", type=click.Choice(["class"]), help="Only how many there are of each subject and class.")
@click.option(
    "--rest",
    type=click.Choice([rest.value for rest in Rest]),
    default=Rest.OPEN.value,
    show_default=True,
    help="Only these.",
)
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@shows
@pass_session
def ls(
    session: Session, *, filters: Sequence[tuple[str, str]], by: str | None, rest: str, limit: int
) -> None:
    """Show dead letters, the oldest first.

    \b
    Examples:
      emailctl dead-letter ls --by class
      emailctl dead-letter ls --filter class=expired --filter since=24h
      emailctl dead-letter ls --filter subject=message --filter actor=ProvisionConfiguration -o json
      emailctl dead-letter ls --rest replayed --limit 10
    """
    wanted, ports, out = chosen(session, filters, rest=Rest(rest)), _ports(session), session.out
    if by is not None:
        counts = sorted(replaying.count(ports, wanted.rows, actor=wanted.actor).items())
        rows = [{"subject": about[0], "errorClass": about[1], "count": count} for about, count in counts]
        out.rows(_BY_CLASS, rows, empty="No such dead letter.")
        return
    letters = replaying.find(ports, wanted.rows, limit=limit, actor=wanted.actor)
    out.rows(_COLUMNS, [_row(letter) for letter in letters], empty="No such dead letter.")


@dead_letter.command()
@click.argument("letter_id", metavar="DEAD-LETTER", type=click.UUID)
@shows
@pass_session
def show(session: Session, letter_id: UUID) -> None:
    """Show DEAD-LETTER: what it is about, why, and for a message the places its handler raised at.

    \b
    Examples:
      emailctl dead-letter show 019b0000-0000-7000-8000-000000000003
    """
    letter = replaying.get(_ports(session), letter_id)
    if letter is None:
        raise Absent("There is no such dead letter.")
    out = session.out
    more = {
        "tenantId": letter.tenant_id,
        "configurationEId": letter.configuration_id,
        "rest": letter.rest.value,
        "restedAt": letter.rested_at,
    }
    if not out.for_people:
        out.value({**_row(letter), **more, "traceback": letter.traceback})
        return
    out.record({**_row(letter), **more})
    if letter.traceback:
        out.say(f"\n{letter.traceback}")


@dead_letter.command()
@chooses
@click.option("--all", "everything", is_flag=True, help="Every one that is open, whatever it is about.")
@click.option("--dry-run", is_flag=True, help="Say what would become of them, and change nothing.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True, max=1000),
    default=10.0,
    show_default=True,
    help="So many a second at the most.",
)
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
    yes: bool,
) -> None:
    """Put open dead letters back to work: jobs are queued anew, events projected again, messages rung for.

    Each is put back once, by whomever, and what fails again is a new dead letter. Ctrl-C ends it after the one in hand
    and says what was done; run again it goes on with the rest.

    \b
    Examples:
      emailctl dead-letter replay --filter class=expired --dry-run
      emailctl dead-letter replay --filter class=expired --filter since=24h --rate 5 --reason "Postmark is back"
      emailctl dead-letter replay --all --reason "incident 12" --yes
    """
    wanted, ports = _chosen(session, filters, everything=everything), _ports(session)
    if dry_run:
        _tell(session.out, dead_letter_walks.plan(ports, wanted), would=True)
        return
    author, reason = session.author, reason_for(session, "Why are they put back?")
    total = _count(session, ports, wanted)
    confirm(session, f"{total} are put back to work, {rate:g} a second. Go on?", yes=yes)
    walk = dead_letter_walks.replay(
        ports, Wanted(chosen=wanted, author=author, reason=reason), per_second=rate
    )
    _carry_out(session, walk, "putting back", total)


@dead_letter.command()
@chooses
@click.option("--all", "everything", is_flag=True, help="Every one that is open, whatever it is about.")
@writes
@gives_reason
@asks
@shows
@pass_session
def discard(session: Session, *, filters: Sequence[tuple[str, str]], everything: bool, yes: bool) -> None:
    """Lay open dead letters to rest. What they are about stays as it is: failed jobs are not sent.

    \b
    Examples:
      emailctl dead-letter discard --filter class=300 --reason "addresses were typed wrong"
    """
    wanted, ports = _chosen(session, filters, everything=everything), _ports(session)
    author, reason = session.author, reason_for(session, "Why are they laid to rest?")
    total = _count(session, ports, wanted)
    confirm(session, f"{total} are laid to rest, and never tried again. Go on?", yes=yes)
    walk = dead_letter_walks.discard(ports, Wanted(chosen=wanted, author=author, reason=reason))
    _carry_out(session, walk, "laying to rest", total)


def _chosen(session: Session, filters: Sequence[tuple[str, str]], *, everything: bool) -> Chosen:
    """What changes a thousand letters has to be meant."""
    if everything == bool(filters):
        raise Unusable("Say which: either --filter or --all.")
    return chosen(session, filters)


def _count(session: Session, ports: DeadLetterPorts, wanted: Chosen) -> int:
    """Told by class: whoever is asked next should know what it is about."""
    counts = replaying.count(ports, wanted.rows, actor=wanted.actor)
    for (subject, error_class), count in sorted(counts.items()):
        session.out.note(f"{subject} {error_class}: {count}")
    return sum(counts.values())


def _carry_out(session: Session, walk: Walk, doing: str, total: int) -> None:
    """Raises `PartlyFailed` when some stay open, `EmailctlError` when it was stopped."""
    out, done = session.out, Step()
    with ExitStack() as stack:
        # Also when it breaks off: what was done until then is done.
        stack.callback(lambda: _tell(out, done, would=False))
        stop = stack.enter_context(stopping(session.tools.wait, out.note))
        advance = stack.enter_context(out.progress(doing, total))
        for step in walk(stop):
            done.update(step)
            advance(step.total())
    if stop():
        raise EmailctlError(f"Stopped: {done.total()} of {total} were looked at; run it again for the rest.")
    left = sum(count for one, count in done.items() if one.fate in _NOT_DONE)
    if left:
        raise PartlyFailed(f"{left} stay open: see WHAT TO DO.")


def _tell(out: Output, done: Step, *, would: bool) -> None:
    rows = [
        {
            "subject": one.subject,
            "errorClass": one.error_class,
            "fate": one.fate,
            "count": count,
            "advice": _ADVICE.get(one.fate),
        }
        for one, count in sorted(done.items())
    ]
    out.rows(_FATES, rows, empty="None is open that this holds for.")
    if rows and would:
        out.note("Nothing was changed: this is what a replay would come to now.")


def _ports(session: Session) -> DeadLetterPorts:
    container = session.container()
    return DeadLetterPorts(container.store, container.doorbell, container.new_id)


def _row(letter: DeadLetter) -> Row:
    return {
        "eId": letter.e_id,
        "raisedAt": letter.raised_at,
        "subject": letter.subject.value,
        "subjectId": letter.subject_id,
        "errorClass": letter.error_class,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "actor": letter.actor,
    }
