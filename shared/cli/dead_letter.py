"""`emailctl dead-letter`: what no retry mends; looked at, put back to work, or laid to rest. Works on the rows."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final
from uuid import UUID

import click

from shared import replaying
from shared.cli.dead_letter_filters import chooses, chooses_or_all, chosen, meant
from shared.cli.dead_letter_replay import replay
from shared.cli.dead_letter_replays import replays, result, stop
from shared.cli.dead_letter_rows import CLASS, FATE, LETTER, LETTERS, SUBJECT, count, ports_of, row_of
from shared.cli.exits import Absent, EmailctlError
from shared.cli.options import asks, confirm, gives_reason, reason_for, shows, writes
from shared.cli.output import Output
from shared.cli.session import Session, pass_session
from shared.cli.stopping import stopping
from shared.domain.dead_letter import Rest

_BY_CLASS: Final = (SUBJECT, CLASS, LETTERS)
_RESTING: Final = (SUBJECT, CLASS, FATE, LETTERS)
_DISCARDED: Final = "discarded"


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
    wanted, ports, out = chosen(session, filters, rest=Rest(rest)), ports_of(session), session.out
    if by is not None:
        counts = sorted(replaying.count(ports, wanted).items())
        rows = [{"subject": about[0], "errorClass": about[1], "count": number} for about, number in counts]
        out.rows(_BY_CLASS, rows, empty="No such dead letter.")
        return
    letters = replaying.find(ports, wanted, limit=limit)
    out.rows(LETTER, [row_of(letter) for letter in letters], empty="No such dead letter.")


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
    letter = replaying.get(ports_of(session), letter_id)
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
        out.value({**row_of(letter), **more, "traceback": letter.traceback})
        return
    out.record({**row_of(letter), **more})
    if letter.traceback:
        out.say(f"\n{letter.traceback}")


@dead_letter.command()
@chooses_or_all
@writes
@gives_reason
@asks
@shows
@pass_session
def discard(session: Session, *, filters: Sequence[tuple[str, str]], everything: bool, yes: bool) -> None:
    """Lay open dead letters to rest. What they are about stays as it is: failed jobs are not sent.

    Ctrl-C ends it after the one in hand and says what was done; run again it goes on with the rest.

    \b
    Examples:
      emailctl dead-letter discard --filter class=300 --reason "addresses were typed wrong"
    """
    wanted, ports = meant(session, filters, everything=everything), ports_of(session)
    author, reason = session.author, reason_for(session, "Why are they laid to rest?")
    total = count(session, wanted)
    confirm(session, f"{total} are laid to rest, and never tried again. Go on?", yes=yes)
    out, done = session.out, Counter[tuple[str, str]]()
    with ExitStack() as stack:
        # Also when it breaks off: what was done until then is done.
        stack.callback(lambda: _tell(out, done))
        enough = stack.enter_context(stopping(session.tools.wait, out.note))
        advance = stack.enter_context(out.progress("laying to rest", total))
        for letter in replaying.discard(ports, wanted, author=author, reason=reason, stop=enough):
            done[letter.subject, letter.error_class] += 1
            advance(1)
    if enough():
        raise EmailctlError(f"Stopped: {done.total()} of {total} were looked at; run it again for the rest.")


def _tell(out: Output, done: Counter[tuple[str, str]]) -> None:
    rows = [
        {"subject": subject, "errorClass": error_class, "fate": _DISCARDED, "count": number}
        for (subject, error_class), number in sorted(done.items())
    ]
    out.rows(_RESTING, rows, empty="None is open that this holds for.")


for command in (replay, replays, result, stop):
    dead_letter.add_command(command)
