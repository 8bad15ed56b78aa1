"""Recoveries, as rows: one is open at a time, and what it found is kept."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from shared.domain.job import EmailJob
from shared.domain.recovery import Found, Look, Recovery, TakenMessage, Told


class Recoveries(Protocol):
    def begin(self, recovery: Recovery) -> None:
        """Raises `Conflict` while one is open."""
        ...

    def open(self) -> Recovery | None: ...

    def get(self, e_id: UUID) -> Recovery | None: ...

    def newest(self) -> Recovery | None: ...

    def end(self, e_id: UUID, *, author: str) -> bool:
        """False when it had ended before."""
        ...

    def concerned(self) -> list[UUID]:
        """Configurations that have a server to ask, in the order of their ids."""
        ...

    def looks(self, e_id: UUID) -> list[Look]: ...

    def look(self, e_id: UUID, configuration_id: UUID, number: int) -> Look | None: ...

    def save(self, look: Look) -> None:
        """Never back: `searched_until` stays at the latest, and who has finished has."""
        ...

    def jobs(self, ids: Collection[UUID]) -> Mapping[UUID, EmailJob]:
        """Whosever they are; locked for update, in the order of their ids."""
        ...

    def settle(self, messages: Sequence[TakenMessage]) -> None:
        """Of jobs that `jobs` locked: SENT, whatever they waited for."""
        ...

    def note_attempts(self, messages: Sequence[TakenMessage]) -> None:
        """In the ledger: that each message's claim handed its job over. Without a claim there is nothing to note."""
        ...

    def keep(self, e_id: UUID, told: Sequence[Told]) -> None:
        """What was kept before stays as it was."""
        ...

    def count(self, e_id: UUID) -> Mapping[Found, int]: ...

    def told(
        self, e_id: UUID, *, found: Found | None = None, after: UUID | None = None, limit: int
    ) -> list[Told]:
        """In the order of the jobs' ids."""
        ...
