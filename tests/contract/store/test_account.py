"""The account's circuit breaker: shut by a fault, tried by one call, opened by its answer."""

from collections.abc import Callable

from shared.domain.configuration import EmailConfiguration
from shared.ports.pressure import Gate
from shared.ports.store import Store
from tests.factories import new_job

TimePasses = Callable[[float], object]


def gate(store: Store) -> Gate:
    with store.begin() as tx:
        return tx.account.gate(probe_seconds=30)


def pause(store: Store, *, seconds: float = 60, longest_seconds: float = 600) -> float:
    with store.begin() as tx:
        return tx.account.pause(seconds=seconds, longest_seconds=longest_seconds, reason="405: no credits")


def resume(store: Store) -> None:
    with store.begin() as tx:
        tx.account.resume()


def pause_in_force(store: Store) -> float:
    with store.begin() as tx:
        until = tx.account.paused_until()
        return 0.0 if until is None else (until - tx.now()).total_seconds()


def due(store: Store) -> int:
    with store.begin() as tx:
        return len(tx.jobs.configurations_with_due_jobs(9))


def test_the_gate_is_open_as_long_as_nothing_was_wrong(store: Store) -> None:
    assert [gate(store), gate(store)] == [Gate.OPEN, Gate.OPEN]


def test_a_pause_shuts_the_gate_until_it_is_over(store: Store, time_passes: TimePasses) -> None:
    assert pause(store, seconds=60) == 60
    assert gate(store) is Gate.SHUT
    assert 50 < pause_in_force(store) <= 60
    time_passes(61)
    assert pause_in_force(store) == 0
    assert gate(store) is Gate.PROBE


def test_one_call_probes_and_the_others_find_the_gate_shut(store: Store, time_passes: TimePasses) -> None:
    pause(store)
    time_passes(61)
    assert [gate(store) for _ in range(3)] == [Gate.PROBE, Gate.SHUT, Gate.SHUT]


def test_a_probe_of_which_nothing_is_heard_is_given_to_another(store: Store, time_passes: TimePasses) -> None:
    pause(store)
    time_passes(61)
    assert gate(store) is Gate.PROBE
    time_passes(31)
    assert [gate(store), gate(store)] == [Gate.PROBE, Gate.SHUT]


def test_a_probe_that_was_answered_opens_the_gate_for_all(store: Store, time_passes: TimePasses) -> None:
    pause(store)
    time_passes(61)
    gate(store)
    resume(store)
    assert [gate(store), gate(store)] == [Gate.OPEN, Gate.OPEN]


def test_each_pause_in_a_row_is_twice_as_long_up_to_the_longest(
    store: Store, time_passes: TimePasses
) -> None:
    lengths = []
    for _ in range(5):
        lengths.append(pause(store, seconds=60, longest_seconds=300))
        assert lengths[-1] - 10 < pause_in_force(store) <= lengths[-1]
        time_passes(lengths[-1] + 1)
        assert gate(store) is Gate.PROBE
    assert lengths == [60, 120, 240, 300, 300]


def test_a_pause_after_a_good_probe_is_short_again(store: Store, time_passes: TimePasses) -> None:
    for _ in range(3):
        time_passes(pause(store) + 1)
        gate(store)
    resume(store)
    assert pause(store) == 60


def test_calls_under_way_that_fail_as_well_do_not_make_the_pause_longer(
    store: Store, time_passes: TimePasses
) -> None:
    assert [pause(store) for _ in range(4)] == [60, 60, 60, 60]
    assert pause_in_force(store) <= 60
    time_passes(61)
    gate(store)
    assert pause(store) == 120


def test_a_probe_that_failed_shuts_the_gate_and_a_later_one_probes_again(
    store: Store, time_passes: TimePasses
) -> None:
    pause(store)
    time_passes(61)
    gate(store)
    pause(store)
    assert gate(store) is Gate.SHUT
    time_passes(121)
    assert gate(store) is Gate.PROBE


def test_a_very_long_row_of_pauses_is_no_error(store: Store, time_passes: TimePasses) -> None:
    for _ in range(40):
        time_passes(pause(store, seconds=1, longest_seconds=8) + 1)
    assert pause(store, seconds=1, longest_seconds=8) == 8


def test_a_pause_that_began_meanwhile_outlives_the_answer_of_a_probe(
    store: Store, time_passes: TimePasses
) -> None:
    pause(store)
    time_passes(61)
    gate(store)
    pause(store)
    resume(store)
    assert gate(store) is Gate.SHUT


def test_resuming_what_was_never_paused_is_no_error(store: Store) -> None:
    resume(store)
    assert gate(store) is Gate.OPEN


def test_a_pause_longer_than_the_longest_is_cut(store: Store) -> None:
    assert pause(store, seconds=900, longest_seconds=600) == 600
    assert pause_in_force(store) <= 600


def test_nothing_is_due_while_the_account_is_paused_or_probed(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    with store.begin() as tx:
        tx.jobs.accept([new_job(acme)])
    assert due(store) == 1
    pause(store)
    assert due(store) == 0
    time_passes(61)
    assert due(store) == 1
    assert gate(store) is Gate.PROBE
    assert due(store) == 0
    time_passes(31)
    assert due(store) == 1
    resume(store)
    assert due(store) == 1


def test_a_probe_that_is_handed_back_goes_to_the_next_who_asks(store: Store, time_passes: TimePasses) -> None:
    pause(store, seconds=1)
    time_passes(1)
    with store.begin() as tx:
        assert tx.account.gate(probe_seconds=30) is Gate.PROBE
        tx.account.hand_back()
    assert [gate(store), gate(store)] == [Gate.PROBE, Gate.SHUT]


def test_nothing_is_handed_back_while_a_pause_runs(store: Store) -> None:
    pause(store)
    with store.begin() as tx:
        tx.account.hand_back()
    assert gate(store) is Gate.SHUT
