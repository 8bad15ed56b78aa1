"""A transaction happens whole or not at all, and is known to be open."""

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.ports.store import Store, outside_transaction
from tests.factories import CREATED, TENANT, configuration, new_job, sendable


class Interrupted(Exception):
    pass


def test_what_a_transaction_wrote_is_there_after_it(store: Store) -> None:
    written = configuration()
    with store.begin() as tx:
        tx.configurations.add(written, CREATED)
    with store.begin() as tx:
        assert tx.configurations.get(written.e_id) == written


def test_an_exception_undoes_everything_the_transaction_wrote(store: Store) -> None:
    written = sendable()
    job = new_job(written)

    def interrupted() -> None:
        with store.begin() as tx:
            tx.configurations.add(written, CREATED)
            tx.jobs.accept([job])
            tx.account.pause(seconds=60, longest_seconds=3600, reason="405")
            raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()
    with store.begin() as tx:
        assert tx.configurations.get(written.e_id) is None
        assert tx.jobs.get(TENANT, job.job.e_id) is None
        assert tx.account.paused_until() is None


def test_a_network_call_is_refused_inside_a_transaction_and_allowed_after_it(store: Store) -> None:
    with store.begin(), pytest.raises(RuntimeError, match="transaction is open"):
        outside_transaction()
    outside_transaction()


def test_a_network_call_is_allowed_after_a_transaction_that_failed(store: Store) -> None:
    with pytest.raises(Interrupted), store.begin():
        raise Interrupted
    outside_transaction()


def test_a_transaction_inside_another_is_refused_and_the_outer_one_goes_on(store: Store) -> None:
    written = configuration()
    with store.begin() as tx:
        with pytest.raises(RuntimeError, match="another one is open"), store.begin():
            pytest.fail("a second transaction was begun")
        tx.configurations.add(written, CREATED)
    with store.begin() as tx:
        assert tx.configurations.get(written.e_id) is not None


def test_now_is_utc_and_stands_still_throughout_a_transaction(store: Store) -> None:
    with store.begin() as tx:
        first = tx.now()
        tx.configurations.get(uuid4())
        assert tx.now() == first
        assert first.utcoffset() == timedelta(0)


def test_a_ping_is_answered(store: Store) -> None:
    store.ping()


def test_a_pause_of_the_account_is_seen_until_it_ends(store: Store) -> None:
    with store.begin() as tx:
        assert tx.account.paused_until() is None
        tx.account.pause(seconds=60, longest_seconds=3600, reason="405: not allowed to send")
    with store.begin() as tx:
        until = tx.account.paused_until()
        assert until is not None
        assert 0 < (until - tx.now()).total_seconds() <= 60


def test_a_pause_that_is_over_is_none(store: Store) -> None:
    with store.begin() as tx:
        tx.account.pause(seconds=0, longest_seconds=3600, reason="405")
    with store.begin() as tx:
        assert tx.account.paused_until() is None


def test_a_shorter_pause_does_not_end_a_longer_one(store: Store) -> None:
    with store.begin() as tx:
        tx.account.pause(seconds=600, longest_seconds=3600, reason="405")
        tx.account.pause(seconds=1, longest_seconds=3600, reason="412")
    with store.begin() as tx:
        until = tx.account.paused_until()
        assert until is not None
        assert (until - tx.now()).total_seconds() > 500
