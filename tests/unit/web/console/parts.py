"""Pages taken apart, and stores of which parts fail."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

from shared.ports.store import Transaction
from tests.fakes.store import MemoryStore


class Broken:
    """A port of which every use fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


class Ailing:
    """A store whose ports of these names fail, of every transaction by itself. `views.job`: one use of a port."""

    def __init__(self, store: MemoryStore, error: Exception, *ports: str) -> None:
        self._store = store
        self._error = error
        self._ports = ports

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            for port in self._ports:
                name, _, use = port.partition(".")
                if use:
                    setattr(getattr(tx, name), use, self._fail)
                else:
                    setattr(tx, port, Broken(self._error))
            yield tx

    def _fail(self, *_: object, **__: object) -> None:
        raise self._error

    def ping(self) -> None:
        self._store.ping()


def section(page: str, name: str) -> str:
    """The part under the heading of this id, without the tags of its badges' signs."""
    found = re.search(rf'<section[^>]* aria-labelledby="{name}-title">(.*?)</section>', page, re.DOTALL)
    assert found, name
    return without_signs(found[1])


def without_signs(part: str) -> str:
    return re.sub(r"<svg.*?</svg>", "", part, flags=re.DOTALL)


def words(part: str) -> str:
    """What it says, without its tags."""
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", without_signs(part)).split()))


def form_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that goes there, but for its token. Fails when there is none."""
    found = re.search(rf'<form[^>]* action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert found, f"no form goes to {action}"
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', found[1])
    return {name: unescape(value) for name, value in hidden if name != "csrf_token"}


def actions_of(page: str) -> set[str]:
    """Where the forms of a page go, but for the sign-out."""
    found = re.findall(r'<form[^>]* action="([^"]+)"', page)
    return {unescape(action) for action in found} - {"/console/sign-out"}


def why_disabled(page: str, title: str) -> str:
    """What stands beside the disabled button of this title."""
    found = re.search(rf'<button[^>]* disabled aria-describedby="([^"]+)">{re.escape(title)}</button>', page)
    assert found, f"{title} is not disabled"
    why = re.search(rf'id="{re.escape(found[1])}">(.*?)</span>', page, re.DOTALL)
    assert why
    return unescape(why[1])
