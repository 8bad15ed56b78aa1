"""An address's state as a function of the set of facts about it."""

from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.domain.suppression import (
    SuppressionFact,
    SuppressionReason,
    checked_address,
    normalised,
    state_of,
)
from tests import factories

HARD, COMPLAINT, MANUAL, UNSUBSCRIBED = (
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.SPAM_COMPLAINT,
    SuppressionReason.MANUAL,
    SuppressionReason.UNSUBSCRIBED,
)


def fact(hour: int, reason: SuppressionReason | None, source: int | None = None) -> SuppressionFact:
    return SuppressionFact(factories.later(hours=hour), reason, UUID(int=source) if source else None)


FACTS = st.lists(
    st.builds(
        fact, st.integers(0, 6), st.none() | st.sampled_from(SuppressionReason), st.none() | st.integers(1, 3)
    ),
    max_size=8,
)


@given(FACTS, st.randoms(use_true_random=False))
def test_order_and_repeats_of_facts_do_not_matter(facts: list[SuppressionFact], random: Random) -> None:
    shuffled = facts + random.choices(facts, k=3) if facts else []
    random.shuffle(shuffled)
    assert state_of(shuffled) == state_of(facts)


@given(FACTS)
def test_an_address_is_active_exactly_when_something_put_it_there_after_the_last_lift_or_a_complaint_did(
    facts: list[SuppressionFact],
) -> None:
    added = [one for one in facts if one.reason]
    lifted = max((one.occurred_at for one in facts if one.reason is None), default=factories.later(hours=-1))
    stands = [one for one in added if one.occurred_at >= lifted or one.reason is COMPLAINT]
    state = state_of(facts)
    assert (state is not None) == bool(added)
    assert (state is not None and state.active) == bool(stands)


@given(FACTS)
def test_a_state_is_lifted_or_active_and_begins_before_it_ends(facts: list[SuppressionFact]) -> None:
    state = state_of(facts)
    if state is not None:
        assert state.active is (state.lifted_at is None)
        assert state.lifted_at is None or state.since < state.lifted_at
        assert SuppressionFact(state.since, state.reason, state.source_event_id) in facts


@given(FACTS, st.integers(0, 9))
def test_a_complaint_holds_whatever_else_happened(facts: list[SuppressionFact], hour: int) -> None:
    state = state_of([*facts, fact(hour, COMPLAINT)])
    assert state is not None
    assert state.active
    assert state.reason is COMPLAINT


@given(FACTS)
def test_a_lift_after_everything_else_lifts_unless_there_was_a_complaint(
    facts: list[SuppressionFact],
) -> None:
    state = state_of([*facts, fact(9, None)])
    if state is not None:
        assert state.active is any(one.reason is COMPLAINT for one in facts)


def test_nothing_known_and_a_lift_of_nothing_are_no_state() -> None:
    assert state_of([]) is None
    assert state_of([fact(1, None)]) is None


def test_a_lift_and_a_reason_at_the_same_moment_protect_the_recipient() -> None:
    state = state_of([fact(1, None), fact(1, HARD)])
    assert state is not None
    assert state.active


def test_a_bounce_after_a_lift_suppresses_again_since_then() -> None:
    state = state_of([fact(1, HARD, 1), fact(2, None), fact(3, HARD, 2)])
    assert state is not None
    assert (state.active, state.since, state.source_event_id) == (True, factories.later(hours=3), UUID(int=2))


def test_of_several_reasons_that_hold_the_gravest_is_shown_with_its_earliest_fact() -> None:
    state = state_of([fact(1, MANUAL), fact(2, HARD, 1), fact(3, HARD, 2), fact(4, UNSUBSCRIBED)])
    assert state is not None
    assert (state.reason, state.since) == (HARD, factories.later(hours=2))


def test_a_lifted_entry_shows_its_last_stay_on_the_list_not_an_older_one() -> None:
    state = state_of([fact(1, HARD), fact(2, None), fact(3, MANUAL), fact(4, None)])
    assert state is not None
    assert (state.active, state.reason) == (False, MANUAL)
    assert (state.since, state.lifted_at) == (factories.later(hours=3), factories.later(hours=4))


def test_the_providers_echo_of_an_operators_lift_does_not_move_its_time() -> None:
    lifted = state_of([fact(1, HARD), fact(2, None)])
    assert state_of([fact(1, HARD), fact(2, None), fact(3, None, 7)]) == lifted


def test_a_fact_that_arrives_late_is_taken_at_its_own_time() -> None:
    state = state_of([fact(5, None), fact(1, HARD)])
    assert state is not None
    assert not state.active


@pytest.mark.parametrize(
    "address", ["a@b", "Person@Example.COM", "  x@y.z ", "o'brien+1@ex-ample.com", "ü@bücher.de"]
)
def test_a_bare_address_is_taken_in_its_normal_form(address: str) -> None:
    assert checked_address(address) == address.strip().lower()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@b",
        "a@",
        "a@b@c",
        "a b@c.d",
        "Name <a@b.c>",
        "a@b.c,d@e.f",
        "a@b.c;d@e.f",
        "a@b\nBcc: x",
        '"a"@b.c',
        "a@[127.0.0.1]",
        "a\x00@b.c",
        "a\ud800@b.c",
        "x" * 245 + "@example.com",
    ],
)
def test_what_is_no_bare_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        checked_address(address, "replyToEmail")
    assert caught.value.field == "replyToEmail"
    assert len(address) < 3 or address not in str(caught.value)


@given(st.text())
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.text(min_size=1))
def test_what_is_taken_is_its_own_key(text: str) -> None:
    try:
        key = checked_address(f"{text}@example.com")
    except InvalidValue:
        return
    assert key == normalised(key)
    assert checked_address(key) == key


def test_an_address_of_254_characters_is_the_longest() -> None:
    longest = "x" * (254 - len("@example.com")) + "@example.com"
    assert checked_address(longest) == longest
    with pytest.raises(InvalidValue):
        checked_address("x" + longest)


def test_two_facts_apart_by_a_microsecond_are_in_order() -> None:
    lift = SuppressionFact(factories.LONG_AGO + timedelta(microseconds=1), None)
    state = state_of([SuppressionFact(factories.LONG_AGO, HARD), lift])
    assert state is not None
    assert not state.active
