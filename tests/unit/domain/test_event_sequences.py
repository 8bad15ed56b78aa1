"""Whole histories of events, beside oracles that know the specification and none of our code.

`python -m bench.sequences` draws a million of them.
"""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.event import fold, settled
from shared.domain.job import JobStatus
from shared.domain.suppression import state_of
from tests.unit.domain.event_oracle import (
    RECEIVED_AT,
    Told,
    address_by_oracle,
    settled_by_oracle,
    status_by_oracle,
    vocabulary,
)

HISTORIES = st.lists(st.sampled_from(vocabulary()), max_size=8)


def shuffled(history: list[Told], random: Random) -> list[Told]:
    """In another order, with repeats."""
    again = history + random.choices(history, k=3) if history else []
    random.shuffle(again)
    return again


@given(st.sampled_from(JobStatus), HISTORIES)
def test_a_status_ends_where_the_order_of_arrival_leads(start: JobStatus, history: list[Told]) -> None:
    status = start
    for told in history:
        status = fold(status, told.facts)
    assert status.value == status_by_oracle(start.value, [told.what for told in history])


@given(HISTORIES, st.randoms(use_true_random=False))
def test_what_settles_a_job_depends_on_neither_order_nor_repeats(history: list[Told], random: Random) -> None:
    found = settled(told.facts for told in history)
    assert found is settled(told.facts for told in shuffled(history, random))
    assert (found and found.value) == settled_by_oracle(told.what for told in history)


@given(HISTORIES, st.randoms(use_true_random=False))
def test_what_holds_for_an_address_depends_on_neither_order_nor_repeats(
    history: list[Told], random: Random
) -> None:
    state = state_of(told.fact for told in history if told.fact)
    assert state == state_of(told.fact for told in shuffled(history, random) if told.fact)
    found = state and (state.active, state.reason.value, state.since, state.lifted_at)
    assert found == address_by_oracle((told.at, told.what) for told in history)


# The oracles themselves, on histories that can be followed by eye.


@pytest.mark.parametrize(
    ("start", "history", "end"),
    [
        ("SENT", [], "SENT"),
        ("IN_DOUBT", ["open"], "SENT"),
        ("SENT", ["delivery", "hard", "complaint"], "COMPLAINED"),
        ("SENT", ["delivery", "delivery"], "DELIVERED"),
        ("SENT", ["hard", "delivery"], "INCONSISTENT"),
        ("SENT", ["complaint", "hard"], "INCONSISTENT"),
        ("FAILED", ["open"], "FAILED"),
        ("FAILED", ["delivery"], "INCONSISTENT"),
        ("QUEUED", ["test", "other"], "QUEUED"),
    ],
)
def test_the_oracle_of_status_reads_the_specification(start: str, history: list[str], end: str) -> None:
    assert status_by_oracle(start, history) == end


@pytest.mark.parametrize(
    ("history", "state"),
    [
        ([(1, "unlisted")], None),
        ([(1, "hard"), (2, "unlisted")], (False, "HARD_BOUNCE", 1, 2)),
        ([(2, "hard"), (2, "unlisted")], (True, "HARD_BOUNCE", 2, None)),
        ([(1, "complaint"), (2, "unlisted")], (True, "SPAM_COMPLAINT", 1, None)),
        ([(1, "hard"), (2, "unlisted"), (3, "listed")], (True, "UNSUBSCRIBED", 3, None)),
        ([(1, "listed"), (2, "hard"), (3, "unlisted"), (4, "unlisted")], (False, "HARD_BOUNCE", 2, 3)),
    ],
)
def test_the_oracle_of_addresses_reads_the_specification(
    history: list[tuple[int, str]], state: tuple[bool, str, int, int | None] | None
) -> None:
    def at(hour: int) -> object:
        return RECEIVED_AT + timedelta(hours=hour)

    found = address_by_oracle((RECEIVED_AT + timedelta(hours=hour), what) for hour, what in history)
    wanted = state and (state[0], state[1], at(state[2]), state[3] and at(state[3]))
    assert found == wanted
