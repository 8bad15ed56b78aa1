"""`emailctl dead-letter replays|result|stop`: what was asked for, what became of it, and its end. Works on the rows."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

import click

from shared import replaying
from shared.cli.dead_letter_rows import FATE, LETTER, REPLAY, get_replay, ports_of, row_of, row_of_replay
from shared.cli.options import gives_reason, reason_for, shows, writes
from shared.cli.output import Column
from shared.cli.session import Session, pass_session
from shared.domain.replay import Fate, Replay
from shared.ports.replays import ReplayResult
from shared.ports.store import Store

_RESULT: Final = (FATE, Column("at", "AT"), *LETTER)
_PAGE: Final = 500


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@shows
@pass_session
def replays(session: Session, *, limit: int) -> None:
    """Show what was asked for to be put back, the newest first, and how far each has come.

    \b
    Examples:
      emailctl dead-letter replays
      emailctl dead-letter replays --limit 1 -o json
    """
    found = list(_newest(session.container().store, limit))
    session.out.rows(REPLAY, [row_of_replay(one) for one in found], empty="Nobody ever asked for one.")


@click.command()
@click.argument("replay_id", metavar="REPLAY", type=click.UUID)
@click.option(
    "--fate", type=click.Choice([fate.value for fate in Fate]), help="Only those of which this has become."
)
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@shows
@pass_session
def result(session: Session, replay_id: UUID, *, fate: str | None, limit: int) -> None:
    """Show REPLAY, and what became of each dead letter that it came by.

    \b
    Examples:
      emailctl dead-letter result 019b0000-0000-7000-8000-000000000005 --fate locked
    """
    store, out = session.container().store, session.out
    found = row_of_replay(get_replay(session, replay_id))
    each = _results(store, replay_id, Fate(fate) if fate else None, limit)
    rows = [{**row_of(one.letter), "fate": one.fate.value, "at": one.at} for one in each]
    if not out.for_people:
        out.value({**found, "results": rows})
        return
    out.record(found)
    out.say("")
    out.rows(_RESULT, rows, empty="None was looked at of which this has become.")


@click.command()
@click.argument("replay_id", metavar="REPLAY", type=click.UUID)
@writes
@gives_reason
@shows
@pass_session
def stop(session: Session, replay_id: UUID) -> None:
    """Stop REPLAY: from now on nothing more is put back. What was put back by then stays so.

    One whose time has not come is as if it had never been. The rest is put back by another replay.

    \b
    Examples:
      emailctl dead-letter stop 019b0000-0000-7000-8000-000000000005 --reason "the template is wrong still"
    """
    author, reason = session.author, reason_for(session, "Why is it stopped?")
    stopped = replaying.stop(ports_of(session), replay_id, author=author, reason=reason)
    found = stopped or get_replay(session, replay_id)
    if stopped is None:
        session.out.note(f"It was at its end already: {found.state}.")
    session.out.record(row_of_replay(found))


def _newest(store: Store, limit: int) -> Iterator[Replay]:
    before: UUID | None = None
    while limit > 0:
        size = min(limit, _PAGE)
        with store.begin() as tx:
            page = tx.replays.newest(before=before, limit=size)
        yield from page
        if len(page) < size:
            return
        limit, before = limit - size, page[-1].e_id


def _results(store: Store, replay_id: UUID, fate: Fate | None, limit: int) -> Iterator[ReplayResult]:
    after: UUID | None = None
    while limit > 0:
        size = min(limit, _PAGE)
        with store.begin() as tx:
            page = tx.replays.results(replay_id, fate=fate, after=after, limit=size)
        yield from page
        if len(page) < size:
            return
        limit, after = limit - size, page[-1].letter.e_id
