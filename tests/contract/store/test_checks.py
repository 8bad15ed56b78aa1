"""What checks of a domain found: runs of the same, the newest of them kept."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import NotFound
from shared.domain.verification import Check, CheckRun
from shared.ports.checks import KEPT
from shared.ports.store import Store
from tests.factories import CREATED, configuration

Moment = Callable[[], object]

NOTHING_FOUND = Check(dkim_verified=False, return_path_verified=False, dkim_seen="", return_path_seen="")
VERIFIED = Check(dkim_verified=True, return_path_verified=True)
WHOLE = Check(
    dkim_verified=True,
    return_path_verified=False,
    dkim_seen="k=rsa;p=MIGf",
    return_path_seen="elsewhere.example.com",
    provider_fault="503",
    zone_fault="throttled",
)


def record(store: Store, one: EmailConfiguration, *checks: Check) -> None:
    for check in checks:
        with store.begin() as tx:
            tx.checks.record(one.e_id, check)


def runs(store: Store, one: EmailConfiguration, limit: int = 1000) -> list[CheckRun]:
    with store.begin() as tx:
        return tx.checks.latest(one.e_id, limit)


def found(store: Store, one: EmailConfiguration) -> list[tuple[Check, int]]:
    return [(run.check, run.times) for run in runs(store, one)]


def test_a_configuration_that_was_never_checked_has_no_checks(store: Store, acme: EmailConfiguration) -> None:
    assert runs(store, acme) == []


@pytest.mark.parametrize("check", [WHOLE, Check()], ids=["everything", "nothing"])
def test_a_check_is_read_as_it_was_recorded(store: Store, acme: EmailConfiguration, check: Check) -> None:
    with store.begin() as tx:
        tx.checks.record(acme.e_id, check)
        now = tx.now()
    assert runs(store, acme) == [CheckRun(check=check, first_at=now, last_at=now, times=1)]


def test_a_check_that_finds_the_same_lengthens_the_run(
    store: Store, acme: EmailConfiguration, a_moment_passes: Moment
) -> None:
    record(store, acme, WHOLE)
    (first,) = runs(store, acme)
    a_moment_passes()
    record(store, acme, WHOLE, WHOLE)
    (lengthened,) = runs(store, acme)
    assert (lengthened.check, lengthened.times) == (WHOLE, 3)
    assert lengthened.first_at == first.first_at < lengthened.last_at


def test_runs_are_told_newest_first(store: Store, acme: EmailConfiguration, a_moment_passes: Moment) -> None:
    for check in (NOTHING_FOUND, NOTHING_FOUND, WHOLE, VERIFIED):
        a_moment_passes()
        record(store, acme, check)
    assert found(store, acme) == [(VERIFIED, 1), (WHOLE, 1), (NOTHING_FOUND, 2)]
    assert all(newer.first_at > older.last_at for newer, older in pairwise(runs(store, acme)))


def test_what_is_found_again_after_something_else_is_a_run_of_its_own(
    store: Store, acme: EmailConfiguration
) -> None:
    record(store, acme, NOTHING_FOUND, WHOLE, NOTHING_FOUND)
    assert found(store, acme) == [(NOTHING_FOUND, 1), (WHOLE, 1), (NOTHING_FOUND, 1)]


DIFFERENT: list[dict[str, Any]] = [
    {"dkim_verified": False},
    {"dkim_verified": None},
    {"return_path_verified": True},
    {"return_path_verified": None},
    {"dkim_seen": ""},
    {"dkim_seen": None},
    {"return_path_seen": "pm.mtasv.net"},
    {"return_path_seen": None},
    {"provider_fault": None},
    {"zone_fault": "timeout"},
]


@pytest.mark.parametrize("difference", DIFFERENT, ids=str)
def test_every_difference_begins_a_run_also_to_and_from_no_answer(
    store: Store, acme: EmailConfiguration, difference: dict[str, Any]
) -> None:
    other = replace(WHOLE, **difference)
    record(store, acme, WHOLE, other, WHOLE)
    assert found(store, acme) == [(WHOLE, 1), (other, 1), (WHOLE, 1)]


def test_nobody_answered_is_not_the_same_as_there_is_no_record(
    store: Store, acme: EmailConfiguration
) -> None:
    record(store, acme, Check(dkim_seen=None), Check(dkim_seen=""))
    assert found(store, acme) == [(Check(dkim_seen=""), 1), (Check(dkim_seen=None), 1)]


def test_the_newest_runs_are_kept(store: Store, acme: EmailConfiguration) -> None:
    different = [Check(provider_fault=str(number)) for number in range(KEPT + 3)]
    with store.begin() as tx:
        for check in different:
            tx.checks.record(acme.e_id, check)
    assert [run.check for run in runs(store, acme)] == different[: -KEPT - 1 : -1]


def test_no_more_runs_are_told_than_asked_for(store: Store, acme: EmailConfiguration) -> None:
    record(store, acme, NOTHING_FOUND, WHOLE, VERIFIED)
    assert [run.check for run in runs(store, acme, limit=2)] == [VERIFIED, WHOLE]


def test_checks_in_one_transaction_keep_their_order(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        for check in (NOTHING_FOUND, VERIFIED, VERIFIED):
            tx.checks.record(acme.e_id, check)
        assert [run.check for run in tx.checks.latest(acme.e_id)] == [VERIFIED, NOTHING_FOUND]
    assert found(store, acme) == [(VERIFIED, 2), (NOTHING_FOUND, 1)]


def test_configurations_have_checks_of_their_own(store: Store, acme: EmailConfiguration) -> None:
    other = configuration()
    with store.begin() as tx:
        tx.configurations.add(other, CREATED)
    record(store, acme, WHOLE)
    record(store, other, WHOLE, *[VERIFIED] * KEPT)
    assert found(store, acme) == [(WHOLE, 1)]
    assert found(store, other) == [(VERIFIED, KEPT), (WHOLE, 1)]


def test_nothing_is_recorded_of_a_configuration_that_does_not_exist(store: Store) -> None:
    with store.begin() as tx, pytest.raises(NotFound):
        tx.checks.record(uuid4(), VERIFIED)
