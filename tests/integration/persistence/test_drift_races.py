"""Rounds and findings, touched by several at once: one has a round, none writes past it, none ends in a deadlock."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from random import Random
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from shared.domain.drift import Assertion, Discrepancy, Drift, FindingState, Problem, Round
from shared.domain.errors import Conflict
from shared.persistence import PostgresStore
from shared.ports.store import Transaction

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
Wait = Callable[[], None]

INVENTORY = Assertion.POSTMARK_INVENTORY
TOGETHER = 4
STRAYS = [
    Discrepancy(tag=Drift.ORPHAN_SERVER, problem=Problem.UNACCOUNTED, server_id=number, server_name="stray")
    for number in range(60)
]


BY_A_ROUND: dict[str, Callable[[Transaction, Round], object]] = {
    "sight": lambda tx, mine: tx.rounds.sight(mine, [(uuid4(), Drift.ORPHAN_DB_ROW)]),
    "observe": lambda tx, mine: tx.findings.observe(STRAYS, mine),
    "settle": lambda tx, mine: tx.findings.settle(mine),
    "unsighted": lambda tx, mine: tx.drift_rows.unsighted(mine, Drift.ORPHAN_DB_ROW, after=None, limit=1),
}


def begun(store: PostgresStore) -> Round:
    with store.begin() as tx:
        tx.rounds.ask(INVENTORY)
        round = tx.rounds.begin(INVENTORY.e_id, lease_seconds=600)
    assert round is not None
    return round


def run_out(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE drift_assertion SET lease_until = now() - interval '1 second'"))


def test_of_those_that_begin_a_round_at_once_one_has_it(store: PostgresStore, elsewhere: Elsewhere) -> None:
    with store.begin() as tx:
        tx.rounds.arm(INVENTORY, every_seconds=60)
    together = Barrier(TOGETHER)

    def begin() -> bool:
        together.wait()
        with store.begin() as tx:
            return tx.rounds.begin(INVENTORY.e_id, lease_seconds=600) is not None

    taken = [one.result() for one in [elsewhere(begin) for _ in range(TOGETHER)]]
    assert sorted(taken) == [False, False, False, True]


def test_those_that_arm_and_ask_for_the_first_time_at_once_make_one_row(
    store: PostgresStore, engine: Engine, elsewhere: Elsewhere
) -> None:
    together = Barrier(TOGETHER)

    def arm(number: int) -> None:
        together.wait()
        with store.begin() as tx:
            if number % 2:
                tx.rounds.arm(INVENTORY, every_seconds=60)
            else:
                tx.rounds.ask(INVENTORY)

    for _ in range(50):
        for armed in [elsewhere(partial(arm, number)) for number in range(TOGETHER)]:
            armed.result()
        with store.begin() as tx:
            assert tx.rounds.due() == [INVENTORY.e_id]
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM drift_assertion"))


def test_who_takes_a_round_over_waits_for_what_is_being_written_in_it_and_empties_its_sheet(
    store: PostgresStore,
    other_store: PostgresStore,
    engine: Engine,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    def take_over() -> Round | None:
        with other_store.begin() as tx:
            return tx.rounds.begin(INVENTORY.e_id, lease_seconds=600)

    mine = begun(store)
    run_out(engine)
    with store.begin() as tx:
        tx.rounds.sight(mine, [(uuid4(), Drift.ORPHAN_DB_ROW)])
        taking = elsewhere(take_over)
        until_somebody_waits()
        tx.findings.observe(STRAYS[:1], mine)
    yours = taking.result()
    assert yours is not None
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM drift_sighting")).scalar() == 0
    with pytest.raises(Conflict), store.begin() as tx:
        tx.findings.observe(STRAYS[1:2], mine)
    with store.begin() as tx:
        assert len(tx.findings.find(states=list(FindingState), limit=10)) == 1


@pytest.mark.parametrize("act", BY_A_ROUND.values(), ids=BY_A_ROUND)
def test_who_writes_while_the_round_is_being_taken_over_waits_and_is_told(
    store: PostgresStore,
    other_store: PostgresStore,
    engine: Engine,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
    act: Callable[[Transaction, Round], object],
) -> None:
    mine = begun(store)
    with store.begin() as tx:
        tx.findings.observe(STRAYS[:1])

    def write() -> object:
        with store.begin() as tx:
            return act(tx, mine)

    run_out(engine)
    with other_store.begin() as tx:
        assert tx.rounds.begin(INVENTORY.e_id, lease_seconds=600) is not None
        writing = elsewhere(write)
        until_somebody_waits()
    with pytest.raises(Conflict):
        writing.result()
    with store.begin() as tx:
        assert len(tx.findings.find(states=[FindingState.OPEN], limit=10)) == 1


def test_what_is_observed_while_a_round_settles_stands(
    store: PostgresStore, other_store: PostgresStore, elsewhere: Elsewhere, until_somebody_waits: Wait
) -> None:
    """It is locked by the one that observes; the one that settles waits, and looks at it again."""
    with store.begin() as tx:
        tx.findings.observe(STRAYS[:2])
    round = begun(store)

    def settle() -> int:
        with other_store.begin() as tx:
            return tx.findings.settle(round)

    with store.begin() as tx:
        tx.findings.observe(STRAYS[:1])
        settling = elsewhere(settle)
        until_somebody_waits()
    assert settling.result() == 1
    with store.begin() as tx:
        [standing] = tx.findings.find(states=[FindingState.OPEN], limit=10)
        assert standing.discrepancy == STRAYS[0]


def test_findings_touched_in_every_order_at_once_end_in_no_deadlock_and_stay_one_a_subject(
    store: PostgresStore, engine: Engine, elsewhere: Elsewhere
) -> None:
    round = begun(store)

    def stir(seed: int) -> bool:
        random = Random(seed)
        for turn in range(8):
            some = random.sample(STRAYS, len(STRAYS))
            with store.begin() as tx:
                tx.findings.observe([replace(one, server_name=f"stray-{seed}") for one in some], None)
            with store.begin() as tx:
                tx.findings.told(
                    _shuffled(random, [one.e_id for one in tx.findings.untold(tuple(Drift), 40)])
                )
            with store.begin() as tx:
                tx.findings.observe(some[::2], round if turn % 2 else None)
            with store.begin() as tx:
                tx.findings.settle(round)
        return True

    stirring = [elsewhere(partial(stir, seed)) for seed in range(TOGETHER)]
    assert [one.result() for one in stirring] == [True] * TOGETHER
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM drift_finding")).scalar() == len(STRAYS)


def _shuffled(random: Random, ids: list[UUID]) -> list[UUID]:
    return random.sample(ids, len(ids))
