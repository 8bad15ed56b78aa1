"""`emailctl recovery run`: asks the provider about every configuration, twice, and goes on where it was left."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import click

from shared import recovering
from shared.cli.exits import Absent, PartlyFailed
from shared.cli.options import shows
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session
from shared.domain.recovery import LOOKS, Found, Look, Recovery
from shared.recovering import KEY_MATERIAL, RecoveryPorts, Standing

LEFT: Final = (
    Column("configurationEId", "CONFIGURATION", whole=True),
    Column("fault", "FAULT"),
    Column("advice", "WHAT TO DO"),
)
_ADVICE: Final = {
    None: "it was not asked yet: run 'recovery run'",
    KEY_MATERIAL: "mount the key version that its server token names, then run it again",
    "10": "its server or its token is gone: see the runbook, and end with --force if nobody can be asked any more",
    "too_many": "more in one minute than the provider shows: look at its activity page, then end with --force",
}
_AGAIN: Final = "run it again"
# So many failures in a row are one failure, and not the configurations'.
HOPELESS: Final = 5
# Nobody waits in one piece: Ctrl-C is heard in between.
_NAP_SECONDS: Final = 5.0


def ports_of(session: Session) -> RecoveryPorts:
    container = session.container()
    return RecoveryPorts(
        store=container.store,
        taken=container.taken_messages,
        cipher=container.cipher,
        new_id=container.new_id,
        pace=container.history_pace,
        wait=session.tools.wait,
        index_lag=timedelta(seconds=container.settings.send.index_lag_grace_seconds),
    )


def opened(ports: RecoveryPorts) -> Recovery:
    """Raises `Absent` when none is open."""
    with ports.store.begin() as tx:
        found = tx.recoveries.open()
    if found is None:
        raise Absent("No recovery is open: begin one with 'recovery begin'.")
    return found


def rows_of_left(standing: Standing) -> list[Row]:
    """Whoever was not asked to the end, and what to do about each."""
    faults = ((e_id, standing.fault_of(e_id)) for e_id in standing.unfinished)
    return [
        {"configurationEId": e_id, "fault": fault, "advice": _ADVICE.get(fault, _AGAIN)}
        for e_id, fault in faults
    ]


def count_sentence(standing: Standing) -> str:
    left = len(standing.unfinished)
    if not left:
        return "Every configuration was asked twice: end it with 'recovery end'."
    return f"{left} of {len(standing.concerned)} were not asked twice: see 'recovery run'."


@click.command()
@shows
@pass_session
def run(session: Session) -> None:
    """Ask the provider for all that it took since the restored moment, and write down what is missing here.

    Every configuration is asked twice, the second time once the provider's search has caught up. Broken off and run
    again it goes on where it stopped. Ends with 7 when some could not be asked to the end.

    \b
    Examples:
      emailctl recovery run
    """
    ports = ports_of(session)
    recovery = opened(ports)
    for number in range(1, LOOKS + 1):
        if number == LOOKS:
            _wait_for_the_index(session, ports, recovery)
        _ask_all(session, ports, recovery, number)
    _judge(session, recovering.standing(ports.store, recovery))


def _ask_all(session: Session, ports: RecoveryPorts, recovery: Recovery, number: int) -> None:
    left = recovering.standing(ports.store, recovery).left(number)
    if not left:
        return
    with session.out.progress(f"asking, {number} of {LOOKS}", len(left)) as advance:
        _ask_each(left, lambda e_id: recovering.look(ports, recovery, e_id, number), advance)


def _ask_each(left: Sequence[UUID], look: Callable[[UUID], Look], advance: Callable[[int], None]) -> None:
    in_a_row = 0
    for e_id in left:
        in_a_row = in_a_row + 1 if look(e_id).fault is not None else 0
        advance(1)
        if in_a_row == HOPELESS and in_a_row < len(left):
            raise PartlyFailed(f"{HOPELESS} in a row failed: see 'recovery status', then run it again.")


def _wait_for_the_index(session: Session, ports: RecoveryPorts, recovery: Recovery) -> None:
    while True:
        with ports.store.begin() as tx:
            left = recovery.second_look_at(ports.index_lag) - tx.now()
        if left <= timedelta(0):
            return
        session.out.note(f"The provider's search may lag: asking again in {left.total_seconds():.0f} s.")
        # A little more than it says: the clock is the database's.
        for _ in range(int(left.total_seconds() // _NAP_SECONDS)):
            ports.wait(_NAP_SECONDS)
        ports.wait(left.total_seconds() % _NAP_SECONDS + 0.01)


def _judge(session: Session, standing: Standing) -> None:
    rows, out = rows_of_left(standing), session.out
    counts = {found.value: standing.found.get(found, 0) for found in Found}
    if out.for_people:
        if rows:
            out.table(LEFT, rows)
        out.say(", ".join(f"{count} {found}" for found, count in counts.items()))
    else:
        out.value({"left": rows, **counts})
    if rows:
        raise PartlyFailed(
            f"{len(rows)} of {len(standing.concerned)} were not asked to the end: see WHAT TO DO."
        )
