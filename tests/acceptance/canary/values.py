"""What must not get out, and what each of it is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from secrets import token_hex

# Of the part of a text that is looked for: random, and the same in a URL, in JSON and in lower case.
CORE_BYTES = 12


class Kind(StrEnum):
    # Ours, and nobody's to see: API keys, tokens of the provider's, key material, passwords, what sessions are signed
    # with; and whatever somebody showed us in the place of one.
    SECRET = auto()
    RECIPIENT = auto()
    # Of one message.
    REPLY_TO = auto()
    SUBJECT = auto()
    BODY = auto()
    # Its name and what is in it.
    ATTACHMENT = auto()
    METADATA = auto()
    # Of a configuration: every message of it has it.
    STANDING_REPLY_TO = auto()


@dataclass(frozen=True)
class Canary:
    """`value` is what is looked for, and may be a part of what it is named after."""

    name: str
    kind: Kind
    value: bytes = field(repr=False)


@dataclass
class Canaries:
    """All that were set free, each known by a name that is not secret."""

    _known: dict[str, Canary] = field(default_factory=dict, repr=False)

    def __iter__(self) -> Iterator[Canary]:
        return iter(self._known.values())

    def named(self, name: str) -> str:
        return self._known[name].value.decode()

    def of(self, *kinds: Kind) -> list[Canary]:
        return [canary for canary in self if canary.kind in kinds]

    def know(self, name: str, value: str | bytes, kind: Kind = Kind.SECRET) -> None:
        """One that others made."""
        self._keep(Canary(name, kind, value.encode() if isinstance(value, str) else value))

    def know_all(self, name: str, values: Iterable[str]) -> None:
        for number, value in enumerate(values, start=1):
            self.know(f"{name} {number}", value)

    def new(self, name: str, kind: Kind) -> str:
        """A part of a text that is to be told again wherever it goes."""
        core = token_hex(CORE_BYTES)
        self._keep(Canary(name, kind, core.encode()))
        return core

    def _keep(self, canary: Canary) -> None:
        assert canary.name not in self._known, f"two canaries are called {canary.name}"
        self._known[canary.name] = canary
