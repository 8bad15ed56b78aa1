"""Rounds of drift checks: one at a time for each assertion, and nothing by whoever lost the lease."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.drift import Assertion, Discrepancy, Drift, FindingState, Problem, Round, Verdict
from shared.domain.errors import Conflict
from shared.ports.drift import AssertionReport
from shared.ports.store import Store, Transaction

Moment = Callable[[], object]
TimePasses = Callable[[float], object]

INVENTORY, REGISTRY, DNS = Assertion
EVERY_SECONDS = 900.0
STRAY = Discrepancy(tag=Drift.ORPHAN_SERVER, problem=Problem.UNACCOUNTED, server_id=7, server_name="stray")


def arm(store: Store, assertion: Assertion = INVENTORY, every_seconds: float = EVERY_SECONDS) -> None:
    with store.begin() as tx:
        tx.rounds.arm(assertion, every_seconds=every_seconds)


def ask(store: Store, assertion: Assertion = INVENTORY) -> None:
    with store.begin() as tx:
        tx.rounds.ask(assertion)


def due(store: Store) -> list[UUID]:
    with store.begin() as tx:
        return tx.rounds.due()


def begin(store: Store, assertion: Assertion = INVENTORY, lease_seconds: float = 60) -> Round | None:
    with store.begin() as tx:
        return tx.rounds.begin(assertion.e_id, lease_seconds=lease_seconds)


def begun(store: Store, assertion: Assertion = INVENTORY, lease_seconds: float = 60) -> Round:
    """Asked for, if it was not due, and begun."""
    with store.begin() as tx:
        tx.rounds.ask(assertion)
        round = tx.rounds.begin(assertion.e_id, lease_seconds=lease_seconds)
    assert round is not None
    return round


def finish(store: Store, round: Round, *, checked: int = 3, calls: int = 1) -> None:
    with store.begin() as tx:
        tx.rounds.finish(round, verdict=Verdict.CLEAN, checked=checked, calls=calls)


def give_up(store: Store, round: Round, *, again_in_seconds: float = 60) -> None:
    with store.begin() as tx:
        tx.rounds.give_up(round, fault="timeout", again_in_seconds=again_in_seconds)


def report(store: Store, assertion: Assertion = INVENTORY) -> AssertionReport:
    with store.begin() as tx:
        return next(one for one in tx.rounds.reports() if one.assertion is assertion)


def test_what_was_never_armed_is_reported_and_not_due(store: Store) -> None:
    with store.begin() as tx:
        assert tx.rounds.reports() == [AssertionReport(assertion=one) for one in Assertion]
        assert tx.rounds.due() == []
        assert tx.rounds.begin(DNS.e_id, lease_seconds=60) is None
        assert tx.rounds.begin(uuid4(), lease_seconds=60) is None


def test_what_is_armed_for_the_first_time_is_due_at_once(store: Store) -> None:
    with store.begin() as tx:
        tx.rounds.arm(DNS, every_seconds=EVERY_SECONDS)
        armed_at = tx.now()
    assert due(store) == [DNS.e_id]
    assert report(store, DNS) == AssertionReport(assertion=DNS, due_at=armed_at)


def test_arming_what_is_due_already_changes_nothing(store: Store, a_moment_passes: Moment) -> None:
    arm(store)
    before = report(store)
    a_moment_passes()
    arm(store, every_seconds=1)
    assert report(store) == before


def test_a_round_follows_so_long_after_the_last_one_was_begun(store: Store, time_passes: TimePasses) -> None:
    round = begun(store)
    time_passes(600)
    finish(store, round)
    arm(store)
    armed = report(store)
    assert armed.due_at is not None
    assert armed.begun_at is not None
    assert armed.due_at - armed.begun_at == timedelta(seconds=EVERY_SECONDS)
    assert due(store) == []
    assert begin(store) is None
    time_passes(301)
    assert due(store) == [INVENTORY.e_id]
    assert begin(store) is not None


def test_what_was_switched_off_for_long_is_due_as_soon_as_it_is_armed(
    store: Store, time_passes: TimePasses
) -> None:
    finish(store, begun(store))
    time_passes(10 * EVERY_SECONDS)
    assert due(store) == []
    arm(store)
    assert due(store) == [INVENTORY.e_id]


def test_arming_leaves_a_round_that_runs_to_its_holder(store: Store, time_passes: TimePasses) -> None:
    round = begun(store, lease_seconds=5_000)
    time_passes(2 * EVERY_SECONDS)
    before = report(store)
    arm(store)
    assert report(store) == before
    assert due(store) == []
    finish(store, round)
    assert report(store).due_at is None


def test_who_asks_does_not_wait_for_the_time_it_was_armed_for(store: Store) -> None:
    finish(store, begun(store))
    arm(store)
    assert due(store) == []
    ask(store)
    assert due(store) == [INVENTORY.e_id]


def test_the_longest_due_is_told_first(store: Store, time_passes: TimePasses) -> None:
    for assertion, seconds in ((DNS, 10), (INVENTORY, 30), (REGISTRY, 20)):
        give_up(store, begun(store, assertion), again_in_seconds=seconds)
    time_passes(40)
    assert due(store) == [DNS.e_id, REGISTRY.e_id, INVENTORY.e_id]


def test_who_asks_while_a_round_runs_gets_another_one_after_it(store: Store, a_moment_passes: Moment) -> None:
    round = begun(store)
    a_moment_passes()
    ask(store)
    assert due(store) == []
    assert begin(store) is None
    finish(store, round)
    assert due(store) == [INVENTORY.e_id]
    again = begin(store)
    assert again is not None
    finish(store, again)
    assert due(store) == []


def test_a_round_is_taken_by_one_of_two(store: Store) -> None:
    arm(store)
    first = begin(store)
    assert first is not None
    assert first.assertion is INVENTORY
    assert begin(store) is None
    assert due(store) == []
    running = report(store)
    assert running.running
    assert running.begun_at is not None


def test_a_round_whose_lease_ran_out_is_taken_by_another(store: Store, time_passes: TimePasses) -> None:
    first = begun(store, lease_seconds=60)
    time_passes(59)
    assert begin(store) is None
    time_passes(2)
    assert not report(store).running
    assert due(store) == [INVENTORY.e_id]
    second = begin(store)
    assert second is not None
    assert second.token != first.token


def test_assertions_are_checked_beside_one_another(store: Store) -> None:
    for assertion in Assertion:
        arm(store, assertion)
    assert begin(store, REGISTRY) is not None
    assert set(due(store)) == {INVENTORY.e_id, DNS.e_id}
    assert begin(store, DNS) is not None
    assert [one for one in Assertion if report(store, one).running] == [REGISTRY, DNS]


def test_a_renewed_lease_lasts_from_its_renewal(store: Store, time_passes: TimePasses) -> None:
    round = begun(store, lease_seconds=60)
    time_passes(50)
    with store.begin() as tx:
        tx.rounds.renew(round, lease_seconds=60)
    time_passes(50)
    assert report(store).running
    assert begin(store) is None


def test_a_lease_that_ran_out_holds_until_somebody_takes_it(store: Store, time_passes: TimePasses) -> None:
    round = begun(store, lease_seconds=60)
    time_passes(1_000)
    with store.begin() as tx:
        tx.rounds.renew(round, lease_seconds=60)
    assert begin(store) is None
    finish(store, round)
    assert report(store).verdict is Verdict.CLEAN


Act = Callable[[Transaction, Round], object]

BY_A_ROUND: dict[str, Act] = {
    "renew": lambda tx, mine: tx.rounds.renew(mine, lease_seconds=60),
    "sight": lambda tx, mine: tx.rounds.sight(mine, [(uuid4(), Drift.ORPHAN_DB_ROW)]),
    "sight nothing": lambda tx, mine: tx.rounds.sight(mine, []),
    "finish": lambda tx, mine: tx.rounds.finish(mine, verdict=Verdict.CLEAN, checked=0, calls=0),
    "give up": lambda tx, mine: tx.rounds.give_up(mine, fault="timeout", again_in_seconds=60),
    "unsighted": lambda tx, mine: tx.drift_rows.unsighted(mine, Drift.ORPHAN_DB_ROW, after=None, limit=9),
    "observe": lambda tx, mine: tx.findings.observe([STRAY], mine),
    "observe nothing": lambda tx, mine: tx.findings.observe([], mine),
    "settle": lambda tx, mine: tx.findings.settle(mine),
}


def standing(store: Store) -> list[tuple[int | None, FindingState]]:
    with store.begin() as tx:
        found = tx.findings.find(states=list(FindingState), limit=10)
        return [(finding.discrepancy.server_id, finding.state(tx.now())) for finding in found]


@pytest.mark.parametrize("act", BY_A_ROUND.values(), ids=BY_A_ROUND)
def test_a_round_that_was_overtaken_writes_nothing_any_more(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses, act: Act
) -> None:
    overtaken = begun(store, lease_seconds=60)
    with store.begin() as tx:
        tx.findings.observe([replace(STRAY, server_id=8)], overtaken)
    time_passes(61)
    running = begun(store)
    before = report(store)
    with store.begin() as tx:
        tx.rounds.sight(running, [(acme.e_id, Drift.ORPHAN_DB_ROW)])
    with store.begin() as tx, pytest.raises(Conflict):
        act(tx, overtaken)
    assert report(store) == before
    assert standing(store) == [(8, FindingState.OPEN)]
    with store.begin() as tx:
        assert tx.drift_rows.unsighted(running, Drift.ORPHAN_DB_ROW, after=None, limit=9) == []


@pytest.mark.parametrize("act", BY_A_ROUND.values(), ids=BY_A_ROUND)
@pytest.mark.parametrize("end", [finish, give_up])
def test_a_round_that_is_over_writes_nothing_any_more(
    store: Store, end: Callable[[Store, Round], None], act: Act
) -> None:
    round = begun(store)
    end(store, round)
    before = report(store)
    with store.begin() as tx, pytest.raises(Conflict):
        act(tx, round)
    assert report(store) == before
    assert standing(store) == []


def test_a_token_is_good_for_its_own_assertion_only(store: Store) -> None:
    token = begun(store, INVENTORY).token
    begun(store, DNS)
    with pytest.raises(Conflict), store.begin() as tx:
        tx.rounds.renew(Round(DNS, token), lease_seconds=60)


def test_a_finished_round_is_reported_with_what_it_did(store: Store, time_passes: TimePasses) -> None:
    round = begun(store)
    time_passes(30)
    with store.begin() as tx:
        tx.rounds.finish(round, verdict=Verdict.DRIFTED, checked=2_000, calls=5)
        finished_at = tx.now()
    done = report(store)
    assert done.begun_at is not None
    assert done == AssertionReport(
        assertion=INVENTORY,
        begun_at=done.begun_at,
        finished_at=finished_at,
        seconds=(finished_at - done.begun_at).total_seconds(),
        checked=2_000,
        calls=5,
        verdict=Verdict.DRIFTED,
    )
    assert done.seconds == pytest.approx(30, abs=20)
    assert due(store) == []


def test_a_round_that_could_not_tell_leaves_what_the_last_whole_one_told(
    store: Store, time_passes: TimePasses
) -> None:
    finish(store, begun(store), checked=7, calls=2)
    time_passes(EVERY_SECONDS)
    whole = report(store)
    round = begun(store)
    time_passes(5)
    give_up(store, round, again_in_seconds=60)
    after = report(store)
    assert (after.verdict, after.fault, after.running) == (Verdict.COULD_NOT_TELL, "timeout", False)
    assert (after.seconds, after.checked, after.calls) == (whole.seconds, 7, 2)
    assert after.finished_at is not None
    assert after.begun_at is not None
    assert after.finished_at < after.begun_at


def test_a_round_that_could_not_tell_is_due_again_when_it_said_so(
    store: Store, time_passes: TimePasses
) -> None:
    give_up(store, begun(store), again_in_seconds=60)
    arm(store)
    assert due(store) == []
    assert begin(store) is None
    time_passes(61)
    assert due(store) == [INVENTORY.e_id]
    again = begin(store)
    assert again is not None
    finish(store, again)
    told = report(store)
    assert (told.verdict, told.fault, told.due_at) == (Verdict.CLEAN, None, None)


def test_a_round_begins_with_an_empty_sheet(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    def unsighted(round: Round) -> list[UUID]:
        with store.begin() as tx:
            rows = tx.drift_rows.unsighted(round, Drift.ORPHAN_DB_ROW, after=None, limit=10)
            return [row.e_id for row in rows]

    def sight(round: Round) -> Round:
        with store.begin() as tx:
            tx.rounds.sight(round, [(acme.e_id, Drift.ORPHAN_DB_ROW)])
        assert unsighted(round) == []
        return round

    finish(store, sight(begun(store)))
    give_up(store, sight(begun(store)))
    sight(begun(store, lease_seconds=60))
    time_passes(61)
    assert unsighted(begun(store)) == [acme.e_id]


def test_what_a_transaction_that_failed_began_was_not_begun(store: Store) -> None:
    class Interrupted(Exception):
        pass

    def begin_and_fail() -> None:
        with store.begin() as tx:
            assert tx.rounds.begin(INVENTORY.e_id, lease_seconds=60) is not None
            raise Interrupted

    arm(store)
    with pytest.raises(Interrupted):
        begin_and_fail()
    assert not report(store).running
    assert begin(store) is not None
