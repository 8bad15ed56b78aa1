"""A recovery that is open, as after a restore of the database."""

from datetime import timedelta
from uuid import UUID

from shared.domain.recovery import Recovery
from tests.fakes.store import MemoryStore

RECOVERY = UUID("019b0000-0000-7000-8000-0000000000ec")


def begin(store: MemoryStore) -> None:
    now = store.clock.now()
    recovery = Recovery(
        e_id=RECOVERY,
        gap_from=now - timedelta(hours=2),
        gap_until=now - timedelta(hours=1),
        author="op",
        reason="disk",
        begun_at=now,
    )
    with store.begin() as tx:
        tx.recoveries.begin(recovery)


def end(store: MemoryStore) -> None:
    with store.begin() as tx:
        tx.recoveries.end(RECOVERY, author="op")
