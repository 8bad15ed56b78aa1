"""What a form or a query string asks for, field by field. What cannot be read is said at its field, and left out."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from shared.domain.errors import InvalidValue

One = TypeVar("One", bound=StrEnum)
Found = TypeVar("Found")

_TEXT_MAX = 1000


class Asked:
    """`faults`: field to what has to be mended. `sent`: each field that was looked at, to be shown again."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form
        self.faults: dict[str, str] = {}
        self.sent: dict[str, str] = {}

    def text(self, name: str) -> str:
        found = self._form.get(name, "").strip()
        self.sent[name] = found[:_TEXT_MAX]
        if "\x00" in found or len(found) > _TEXT_MAX:
            self.faults[name] = f"give at most {_TEXT_MAX} characters, without control characters"
            return ""
        return found

    def id(self, name: str) -> UUID | None:
        return self._read(name, UUID, "give an id, such as 019b0000-0000-7000-8000-000000000001")

    def one_of(self, name: str, words: type[One]) -> One | None:
        return self._read(name, words, f"choose one of {', '.join(words)}")

    def moment(self, name: str) -> datetime | None:
        """UTC, unless it says otherwise."""
        return self._read(name, _moment, "give a time in UTC, such as 2026-11-22T01:00")

    def number(self, name: str, default: float, *, above: float, until: float) -> float:
        def read(text: str) -> float:
            found = float(text)
            # Written so that what is no number is refused, too.
            if not above < found <= until:
                raise ValueError
            return found

        return self._read(name, read, f"give a number above {above:g}, {until:g} at the most") or default

    def check(self, name: str, read: Callable[[], Found]) -> Found | None:
        """Whatever `read` has to say of a value by `InvalidValue` is said at this field."""
        try:
            return read()
        except InvalidValue as fault:
            self.faults[name] = fault.advice
            return None

    def require(self) -> None:
        """For deeds: what has a fault is not done. Raises `InvalidValue`."""
        for name, advice in self.faults.items():
            raise InvalidValue(name, advice)

    def _read(self, name: str, read: Callable[[str], Found], advice: str) -> Found | None:
        text = self.text(name)
        if not text:
            return None
        try:
            return read(text)
        except (ValueError, OverflowError):
            self.faults[name] = advice
            return None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def in_url(at: datetime) -> str:
    """So exact that a page goes on where the one before it ended."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
