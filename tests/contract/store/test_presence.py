"""When each role was last there, and when each API key was last shown."""

from collections.abc import Callable
from datetime import datetime

import pytest

from shared.ports.store import Store
from shared.ports.webhooks import KeyUse

Moment = Callable[[], object]


def seen(store: Store, role: str) -> datetime | None:
    with store.begin() as tx:
        return tx.presence.seen(role)


def now(store: Store) -> datetime:
    with store.begin() as tx:
        return tx.now()


def use(store: Store, fingerprint: str, purpose: str = "caller") -> None:
    with store.begin() as tx:
        tx.key_uses.used(fingerprint, purpose)


def uses(store: Store) -> list[KeyUse]:
    with store.begin() as tx:
        return list(tx.key_uses.all())


def test_who_comes_for_the_first_time_was_never_there(store: Store) -> None:
    assert seen(store, "ingress") is None


def test_who_comes_again_is_told_when_that_was_last(store: Store, a_moment_passes: Moment) -> None:
    before = now(store)
    seen(store, "ingress")
    after = now(store)
    a_moment_passes()
    first = seen(store, "ingress")
    assert first is not None
    assert before <= first <= after
    a_moment_passes()
    second = seen(store, "ingress")
    assert second is not None
    assert second > first


def test_roles_come_and_go_on_their_own(store: Store) -> None:
    seen(store, "ingress")
    assert seen(store, "scheduler") is None


def test_somebody_whose_transaction_failed_was_not_there(store: Store) -> None:
    class Interrupted(Exception):
        pass

    def come_and_fail() -> None:
        with store.begin() as tx:
            tx.presence.seen("ingress")
            raise Interrupted

    with pytest.raises(Interrupted):
        come_and_fail()
    assert seen(store, "ingress") is None


def test_a_key_that_was_never_shown_has_no_use(store: Store) -> None:
    assert uses(store) == []


def test_the_last_use_of_a_key_counts(store: Store, a_moment_passes: Moment) -> None:
    use(store, "0123456789ab")
    a_moment_passes()
    before = now(store)
    use(store, "0123456789ab")
    (last,) = uses(store)
    assert (last.fingerprint, last.purpose) == ("0123456789ab", "caller")
    assert before <= last.last_used_at <= now(store)


def test_callers_and_the_provider_use_a_key_each_on_their_own_and_the_newest_use_is_told_first(
    store: Store, a_moment_passes: Moment
) -> None:
    for fingerprint, purpose in (("new", "caller"), ("old", "caller"), ("old", "provider")):
        use(store, fingerprint, purpose)
        a_moment_passes()
    assert [(one.fingerprint, one.purpose) for one in uses(store)] == [
        ("old", "provider"),
        ("old", "caller"),
        ("new", "caller"),
    ]
