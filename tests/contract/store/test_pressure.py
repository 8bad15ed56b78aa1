"""How hard the provider is pressed: not limited until it says so, slower and smaller after it did, and back again.

Rates are shown by what they allow, with room for a slow machine: PostgreSQL's clock goes on during a test.
"""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.ports.pressure import Permit
from shared.ports.store import Store
from tests.factories import CREATED, later, new_job, sendable

TimePasses = Callable[[float], object]

FREE = Permit(allowed=True)
FULL = 50


def permit(store: Store, server: UUID) -> Permit:
    with store.begin() as tx:
        return tx.pressure.permit(server)


def allowed(store: Store, server: UUID) -> bool:
    return permit(store, server).allowed


def throttle(store: Store, *servers: UUID, wait_seconds: float = 0) -> None:
    with store.begin() as tx:
        for server in servers:
            tx.pressure.throttled(server, wait_seconds=wait_seconds)


def throttle_often(store: Store, server: UUID, times: int) -> None:
    for _ in range(times):
        throttle(store, server)


def ease(store: Store, server: UUID, times: int = 1) -> None:
    for _ in range(times):
        with store.begin() as tx:
            tx.pressure.ease(server, full_batch_size=FULL)


def shrink(store: Store, server: UUID, from_size: int) -> None:
    with store.begin() as tx:
        tx.pressure.shrink_batch(server, from_size=from_size)


@pytest.fixture
def server() -> UUID:
    return uuid4()


def test_nothing_limits_until_the_provider_says_so(store: Store, server: UUID) -> None:
    assert [permit(store, server) for _ in range(30)] == [FREE] * 30


def is_limited(store: Store, server: UUID) -> bool:
    with store.begin() as tx:
        return tx.pressure.is_limited(server)


def test_a_server_is_limited_from_its_429_until_it_is_free_again(store: Store, server: UUID) -> None:
    assert not is_limited(store, server)
    throttle(store, server)
    assert (is_limited(store, server), is_limited(store, uuid4())) == (True, False)
    ease(store, server, times=7)
    assert not is_limited(store, server)


def is_free(store: Store, server: UUID) -> bool:
    with store.begin() as tx:
        return tx.pressure.is_free(server)


def test_a_server_is_free_while_neither_its_own_pace_nor_the_accounts_limits_it(
    store: Store, server: UUID
) -> None:
    assert is_free(store, server)
    throttle(store, server)
    assert (is_free(store, server), is_free(store, uuid4())) == (False, True)
    throttle(store, uuid4())
    assert not is_free(store, uuid4())


def test_nobody_is_free_from_a_pause_of_the_account_until_a_probe_has_ended_it(
    store: Store, server: UUID, time_passes: TimePasses
) -> None:
    with store.begin() as tx:
        tx.account.pause(seconds=60, longest_seconds=600, reason="405: no credits")
    assert not is_free(store, server)
    time_passes(61)
    assert not is_free(store, server)  # somebody has to probe first
    with store.begin() as tx:
        tx.account.resume()
    assert is_free(store, server)


def test_a_small_batch_is_a_limit(store: Store, server: UUID) -> None:
    shrink(store, server, FULL)
    assert is_limited(store, server)


def test_everybody_is_limited_when_the_account_is(store: Store) -> None:
    throttle(store, uuid4(), uuid4())
    assert is_limited(store, uuid4())


def test_a_throttled_server_is_not_called_for_as_long_as_it_asked(
    store: Store, server: UUID, time_passes: TimePasses
) -> None:
    throttle(store, server, wait_seconds=60)
    assert permit(store, server) == Permit(allowed=False, limited=True)
    time_passes(50)
    assert not allowed(store, server)
    time_passes(11)
    assert permit(store, server) == Permit(allowed=True, limited=True)


def test_one_server_that_is_throttled_is_no_other_servers_limit(store: Store, server: UUID) -> None:
    throttle(store, server, wait_seconds=60)
    assert permit(store, uuid4()) == FREE


def test_a_shorter_wait_does_not_end_a_longer_one(
    store: Store, server: UUID, time_passes: TimePasses
) -> None:
    throttle(store, server, wait_seconds=60)
    throttle(store, server, wait_seconds=1)
    time_passes(10)
    assert not allowed(store, server)


def test_a_bucket_holds_at_most_one_seconds_calls_however_long_nobody_called(
    store: Store, server: UUID, time_passes: TimePasses
) -> None:
    throttle(store, server)
    time_passes(3600)
    in_a_rush = [allowed(store, server) for _ in range(10)]
    assert in_a_rush[:5] == [True] * 5
    assert not all(in_a_rush)


def test_each_429_halves_the_rate(store: Store, server: UUID, time_passes: TimePasses) -> None:
    throttle_often(store, server, 4)  # 5, 2.5, 1.25, 0.625 calls a second
    assert [allowed(store, server), allowed(store, server)] == [True, False]
    time_passes(1)
    assert not allowed(store, server)
    time_passes(1)
    assert allowed(store, server)
    throttle(store, server)  # 0.3125
    assert [allowed(store, server), allowed(store, server)] == [True, False]
    time_passes(2)
    assert not allowed(store, server)
    time_passes(2)
    assert allowed(store, server)


def test_a_call_that_was_refused_takes_no_token(store: Store, server: UUID, time_passes: TimePasses) -> None:
    throttle_often(store, server, 6)  # 0.15625 calls a second
    assert allowed(store, server)
    for _ in range(8):
        time_passes(0.5)
        assert not allowed(store, server)
    time_passes(4)
    assert allowed(store, server)


def test_the_rate_never_falls_to_nothing(store: Store, server: UUID, time_passes: TimePasses) -> None:
    throttle_often(store, server, 40)
    assert allowed(store, server)
    time_passes(11)
    assert allowed(store, server)


def test_calls_that_were_under_way_when_it_was_narrowed_narrow_it_no_further(
    store: Store, server: UUID, time_passes: TimePasses
) -> None:
    for _ in range(10):
        throttle(store, server, wait_seconds=60)
    time_passes(3600)
    assert [allowed(store, server) for _ in range(5)] == [True] * 5


def test_calls_that_go_well_make_the_rate_a_quarter_higher_until_nothing_limits(
    store: Store, server: UUID
) -> None:
    throttle(store, server)
    ease(store, server, times=6)  # 5 * 1.25 ** 6 = 19.07
    assert permit(store, server).limited
    ease(store, server)
    assert permit(store, server) == FREE


def test_a_call_that_went_well_does_not_shorten_the_wait_of_a_later_429(store: Store, server: UUID) -> None:
    throttle(store, server, wait_seconds=60)
    ease(store, server, times=30)
    assert permit(store, server) == Permit(allowed=False, limited=True)


def test_easing_what_is_not_limited_is_no_error(store: Store, server: UUID) -> None:
    ease(store, server)
    assert permit(store, server) == FREE


def test_an_unknown_outcome_halves_the_batch_down_to_one(store: Store, server: UUID) -> None:
    sizes: list[int] = []
    for _ in range(7):
        shrink(store, server, sizes[-1] if sizes else FULL)
        sizes.append(permit(store, server).batch_size or 0)
    assert sizes == [25, 12, 6, 3, 1, 1, 1]


def test_a_small_batch_is_allowed_as_often_as_any(store: Store, server: UUID) -> None:
    shrink(store, server, FULL)
    assert {permit(store, server) for _ in range(30)} == {Permit(allowed=True, batch_size=25, limited=True)}


def test_a_larger_batch_that_was_under_way_does_not_make_the_size_larger(store: Store, server: UUID) -> None:
    shrink(store, server, 8)
    shrink(store, server, FULL)
    assert permit(store, server).batch_size == 2


def test_batches_grow_back_twofold_until_they_are_whole(store: Store, server: UUID) -> None:
    shrink(store, server, 13)
    sizes = []
    for _ in range(4):
        sizes.append(permit(store, server).batch_size)
        ease(store, server)
    assert sizes == [6, 12, 24, 48]
    assert permit(store, server) == FREE


def test_rate_and_size_are_limited_and_eased_side_by_side(store: Store, server: UUID) -> None:
    throttle(store, server)
    shrink(store, server, FULL)
    assert permit(store, server) == Permit(allowed=True, batch_size=25, limited=True)
    ease(store, server)
    assert permit(store, server).batch_size is None
    assert permit(store, server).limited
    ease(store, server, times=6)
    assert permit(store, server) == FREE


def test_several_servers_throttled_at_once_narrow_the_account(store: Store) -> None:
    throttle(store, uuid4())
    assert permit(store, uuid4()) == FREE
    throttle(store, uuid4())
    assert permit(store, uuid4()) == Permit(allowed=True, limited=True)


def test_one_server_throttled_again_and_again_does_not_narrow_the_account(store: Store, server: UUID) -> None:
    throttle_often(store, server, 5)
    assert permit(store, uuid4()) == FREE


def test_servers_throttled_long_after_each_other_do_not_narrow_the_account(
    store: Store, time_passes: TimePasses
) -> None:
    throttle(store, uuid4())
    time_passes(11)
    throttle(store, uuid4())
    assert permit(store, uuid4()) == FREE


def narrowed_to_one_a_second(store: Store, time_passes: TimePasses) -> None:
    for _ in range(6):  # 20, 10, 5, 2.5, 1.25, 1 calls a second
        throttle(store, uuid4(), uuid4())
        time_passes(11)


def test_the_accounts_bucket_is_shared_by_all_servers(store: Store, time_passes: TimePasses) -> None:
    narrowed_to_one_a_second(store, time_passes)
    assert [allowed(store, uuid4()) for _ in range(2)] == [True, False]
    time_passes(1.1)
    assert allowed(store, uuid4())


def test_a_call_that_the_account_refuses_takes_no_token_of_its_server(
    store: Store, server: UUID, time_passes: TimePasses
) -> None:
    narrowed_to_one_a_second(store, time_passes)
    throttle_often(store, server, 6)  # a token every 6.4 s, one is there
    assert allowed(store, uuid4())  # the account's
    assert not allowed(store, server)
    time_passes(1.1)
    assert allowed(store, server)


def test_a_rush_of_many_servers_narrows_the_account_once(store: Store, time_passes: TimePasses) -> None:
    throttle(store, *(uuid4() for _ in range(30)))
    time_passes(3600)
    assert [allowed(store, uuid4()) for _ in range(20)] == [True] * 20


def test_calls_that_go_well_open_the_account_again_whoever_made_them(store: Store) -> None:
    throttle(store, uuid4(), uuid4())
    for _ in range(239):  # 20 + 239 / 4 = 79.75
        ease(store, uuid4())
    assert permit(store, uuid4()).limited
    ease(store, uuid4())
    assert permit(store, uuid4()) == FREE


def test_whoever_has_to_wait_is_not_found_due_and_hides_nobody(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    other = sendable(tenant_id=uuid4())
    with store.begin() as tx:
        tx.configurations.add(other, CREATED)
        tx.jobs.accept([new_job(acme), new_job(other, due_at=later(minutes=1))])
    throttle(store, acme.e_id, wait_seconds=60)
    with store.begin() as tx:
        assert tx.jobs.configurations_with_due_jobs(1) == [other.e_id]
    time_passes(61)
    with store.begin() as tx:
        assert tx.jobs.configurations_with_due_jobs(9) == [acme.e_id, other.e_id]


def test_a_limit_that_does_not_say_wait_hides_nobody(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        tx.jobs.accept([new_job(acme)])
    shrink(store, acme.e_id, FULL)
    throttle(store, acme.e_id)
    with store.begin() as tx:
        assert tx.jobs.configurations_with_due_jobs(9) == [acme.e_id]
