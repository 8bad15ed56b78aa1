"""Every configuration there can be, walked to: each trigger with each set of facts, breadth first from a new one."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import pytest

from shared.domain.configuration import (
    Decision,
    EmailConfiguration,
    Facts,
    Step,
    StepFailure,
    Verdict,
    advance,
)
from shared.domain.lifecycle import SIGNALS, Administrative, Operational, Trigger
from tests import factories

WORKING = (Operational.OK, Operational.DEGRADED)
FAILURE = StepFailure(Step.CREATE_SERVER, "405", "no credits left")
FACTS = tuple(Facts(in_flight, other, FAILURE) for in_flight, other in product((0, 1), (False, True)))
# What a trigger that went ahead means for the right to send, whatever state it found.
OPENS_LOCK = {Trigger.UNLOCK}
SHUTS_LOCK = {Trigger.LOCK, Trigger.FORCE_LOCK, Trigger.DRAINED}
PROVES_DOMAIN = {Trigger.VERIFIED}
UNPROVES_DOMAIN = {
    Trigger.PROVISION,
    Trigger.RE_PROVISION,
    Trigger.PROVISIONED,
    Trigger.PROVISIONING_FAILED,
    Trigger.RE_VERIFY,
    Trigger.WINDOW_EXCEEDED,
    Trigger.SEND_FAULTS_REACHED,
}

State = tuple[Operational, Administrative, bool, bool]


@dataclass(frozen=True, slots=True)
class Memory:
    """What happened on the way here, noted by somebody who does not look at states."""

    proven: bool = False
    unlocked: bool = False
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    before: State
    trigger: Trigger
    facts: Facts
    decision: Decision
    after: State


def state_of(one: EmailConfiguration) -> State:
    """All of a configuration that `advance` looks at to decide."""
    return one.operational, one.administrative, one.recovering, one.retired


def decided(before: EmailConfiguration) -> Iterator[tuple[Trigger, Facts, Decision]]:
    for trigger, facts in product(Trigger, FACTS):
        yield trigger, facts, advance(before, trigger, now=factories.LONG_AGO, facts=facts)


@cache
def walked() -> tuple[Mapping[State, EmailConfiguration], tuple[Move, ...]]:
    new = factories.configuration()
    reached, waiting, moves = {state_of(new): new}, deque([new]), []
    while waiting:
        before = waiting.popleft()
        for trigger, facts, decision in decided(before):
            after = decision.configuration
            moves.append(Move(state_of(before), trigger, facts, decision, state_of(after)))
            if state_of(after) not in reached:
                reached[state_of(after)] = after
                waiting.append(after)
    return reached, tuple(moves)


@cache
def remembered() -> frozenset[tuple[State, Memory]]:
    """The same walk, with a memory of the way beside each configuration."""
    new = factories.configuration()
    first = (state_of(new), Memory())
    reached, waiting = {first}, deque([(new, Memory())])
    while waiting:
        before, memory = waiting.popleft()
        for trigger, facts, decision in decided(before):
            here = (decision.configuration, _remember(memory, trigger, facts, decision))
            if (state_of(here[0]), here[1]) not in reached:
                reached.add((state_of(here[0]), here[1]))
                waiting.append(here)
    return frozenset(reached)


def _remember(memory: Memory, trigger: Trigger, facts: Facts, decision: Decision) -> Memory:
    if decision.verdict is not Verdict.CHANGED:
        return memory
    proven = (memory.proven or trigger in PROVES_DOMAIN) and trigger not in UNPROVES_DOMAIN
    unlocked = (memory.unlocked or trigger in OPENS_LOCK) and trigger not in SHUTS_LOCK
    drains = trigger is Trigger.LOCK and facts.in_flight > 0
    draining = (memory.draining or drains) and trigger not in {Trigger.FORCE_LOCK, Trigger.DRAINED}
    return Memory(proven, unlocked, draining)


def may_reach(goal: frozenset[State]) -> set[State]:
    """Every state from which some triggers lead to `goal`."""
    sources: dict[State, set[State]] = {}
    for move in walked()[1]:
        sources.setdefault(move.after, set()).add(move.before)
    found, waiting = set(goal), deque(goal)
    while waiting:
        for before in sources.get(waiting.popleft(), set()) - found:
            found.add(before)
            waiting.append(before)
    return found


def test_every_state_of_both_regions_is_walked_to_in_every_combination_that_can_be() -> None:
    reached = {(operational, administrative) for operational, administrative, _, _ in walked()[0]}
    before_the_first_unlock = {Operational.PENDING, Operational.PROVISIONING, Operational.MISSING}
    expected = {
        (operational, administrative)
        for operational, administrative in product(Operational, Administrative)
        if operational not in before_the_first_unlock or administrative is Administrative.LOCKED
    }
    assert reached == expected


def test_every_state_meets_every_trigger_with_every_fact_and_each_decision_says_why() -> None:
    reached, moves = walked()
    met = {(move.before, move.trigger, move.facts) for move in moves}
    assert met == set(product(reached, Trigger, FACTS))
    assert all(move.decision.reason for move in moves)
    assert all(move.decision.verdict is not Verdict.REFUSED or move.trigger in SIGNALS for move in moves)
    changes = [move for move in moves if move.before != move.after]
    assert all(move.decision.verdict is Verdict.CHANGED for move in changes)


@pytest.mark.parametrize("trigger", Trigger)
def test_each_trigger_moves_something_somewhere_and_leaves_something_be_elsewhere(trigger: Trigger) -> None:
    verdicts = {move.decision.verdict for move in walked()[1] if move.trigger is trigger}
    assert {Verdict.CHANGED, Verdict.UNCHANGED} <= verdicts


def test_from_every_state_mail_can_go_out_again_unless_it_was_removed() -> None:
    reached = walked()[0]
    sends = frozenset(
        state for state in reached if state[:2] == (Operational.OK, Administrative.UNLOCKED) and not state[3]
    )
    stuck = set(reached) - may_reach(sends)
    assert stuck
    assert all(retired for _, _, _, retired in stuck)


def test_from_every_state_a_configuration_can_be_removed() -> None:
    reached = walked()[0]
    removed = frozenset(state for state in reached if state[3])
    assert may_reach(removed) == set(reached)


def test_an_operator_alone_can_always_stop_what_sends() -> None:
    """One signal, whatever is in flight: no state needs the help of a worker for that."""
    for before, one in walked()[0].items():
        if one.retired:
            continue
        for facts in FACTS:
            locked = advance(one, Trigger.FORCE_LOCK, now=factories.LONG_AGO, facts=facts).configuration
            assert locked.administrative is Administrative.LOCKED, before
            assert not locked.may_claim, before


def test_no_way_leads_to_sending_without_a_verification_since_the_last_change_at_the_provider() -> None:
    for state, memory in remembered():
        one = walked()[0][state]
        assert memory.proven or not one.can_send, (state, memory)
        assert memory.proven or not one.may_claim, (state, memory)


def test_no_way_leads_to_accepting_mail_after_a_lock_or_to_claiming_any_after_a_force_lock() -> None:
    """What is draining may still be claimed, and only that."""
    for state, memory in remembered():
        one = walked()[0][state]
        assert memory.unlocked or not one.can_send, (state, memory)
        assert memory.unlocked or memory.draining or not one.may_claim, (state, memory)


def test_nothing_that_was_removed_sends_or_moves_again() -> None:
    for move in walked()[1]:
        if move.before[3]:
            assert move.after == move.before
            assert not move.decision.configuration.may_claim
            assert not move.decision.configuration.can_send


def test_what_was_unlocked_beside_another_that_may_send_does_not_exist() -> None:
    for move in walked()[1]:
        opened = move.after[1] is not Administrative.LOCKED and move.before[1] is Administrative.LOCKED
        assert not (opened and move.facts.tenant_has_other_sendable), move


def test_only_a_drain_that_is_over_or_force_ends_locking() -> None:
    for move in walked()[1]:
        if move.before[1] is Administrative.LOCKING and move.after[1] is Administrative.LOCKED:
            assert move.trigger is Trigger.FORCE_LOCK or move.facts.in_flight == 0, move
