"""Parts of a page, read one by one."""

from itertools import count

from flask import Flask

from shared.domain.errors import StoreUnavailable
from shared.ports.store import Transaction
from tests.fakes.store import MemoryStore
from web.console.parts import PATIENCE_SECONDS, Parts


def refuse(tx: Transaction) -> int:
    raise StoreUnavailable


def one(tx: Transaction) -> int:
    return 1


def test_a_part_that_failed_spoils_no_other(store: MemoryStore) -> None:
    parts = Parts(store)
    with Flask("test").test_request_context():
        read = [parts.read("first", one), parts.read("second", refuse), parts.read("third", one)]
    assert [(part.failed, part.value) for part in read] == [(False, 1), (True, None), (False, 1)]
    assert not parts.none_was_read()


def test_an_empty_value_is_no_failure(store: MemoryStore) -> None:
    assert not Parts(store).read("nothing", lambda _: None).failed
    assert not Parts(store).none_was_read()


def test_a_slow_store_is_not_asked_for_every_part(store: MemoryStore) -> None:
    asked: list[str] = []
    elapsed = count(0.0, PATIENCE_SECONDS / 2)
    parts = Parts(store, elapsed=lambda: next(elapsed))

    def ask(tx: Transaction) -> None:
        asked.append("asked")

    read = [parts.read(name, ask) for name in ("a", "b", "c", "d")]
    assert asked == ["asked"] * 2
    assert [part.failed for part in read] == [False, False, True, True]
    assert not parts.none_was_read()


def test_it_is_known_when_nothing_was_read(store: MemoryStore) -> None:
    parts = Parts(store)
    with Flask("test").test_request_context():
        parts.read("only", refuse)
    assert parts.none_was_read()
