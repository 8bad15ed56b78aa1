"""Dead letters, as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter


@dataclass(frozen=True, slots=True)
class HandlerFault:
    """A message whose handler raised. The traceback has no values in it: places only."""

    actor: str
    row_id: UUID
    error_class: str
    reason: str
    traceback: str


class DeadLetters(Protocol):
    def count_fault(self, fault: HandlerFault, *, dead_after: int, forget_after_seconds: float) -> int:
        """One more in a row for this actor and row; returns the count.

        From `dead_after` on it is an open dead letter. A pause longer than `forget_after_seconds` begins a new row.
        """
        ...

    def find(self, wanted: DeadLetterFilter, *, limit: int, after: UUID | None = None) -> list[DeadLetter]:
        """In the order of their ids, those after `after`: a long walk goes on where it stopped."""
        ...

    def count_by_class(self, wanted: DeadLetterFilter) -> Mapping[tuple[str, str], int]:
        """(subject, error class) to the number of dead letters."""
        ...

    def replay(self, letter: DeadLetter, action: OperatorAction) -> bool:
        """Puts its subject back to work, once: False when the letter is not open any more or its subject has moved on.

        A job is QUEUED and due now, its attempts and deaths counted from 0; an event is tried again; a message is only
        closed, to be rung for after the commit.
        """
        ...

    def replay_all(self, letters: Sequence[tuple[DeadLetter, OperatorAction]]) -> set[UUID]:
        """As `replay`, of many at once; the ids of those that were put back."""
        ...

    def discard(self, letter: DeadLetter, action: OperatorAction) -> bool: ...
