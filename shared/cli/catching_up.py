"""Open gaps, and watch how the workers close them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.domain.errors import InvalidValue
from shared.domain.gap import Gap
from shared.ports.store import Store

LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """`configuration_id` is None for all of them."""

    from_at: datetime
    until_at: datetime
    author: str
    reason: str
    configuration_id: UUID | None


def begin(store: Store, wanted: Wanted) -> tuple[int, dict[UUID, Gap]]:
    """How many were opened, and by id all that are open and cover these times, ours or not."""
    with store.begin() as tx:
        if wanted.until_at > tx.now():
            raise InvalidValue("--until", "give a time that has passed: what is to come, callbacks will tell")
        opened = tx.gaps.open(
            wanted.from_at,
            wanted.until_at,
            cause=f"operator: {wanted.reason}",
            author=wanted.author,
            configuration_id=wanted.configuration_id,
        )
        gaps = tx.gaps.covering(wanted.from_at, wanted.until_at, configuration_id=wanted.configuration_id)
    return opened, {gap.e_id: gap for gap in gaps}


def watch(store: Store, watched: dict[UUID, Gap], wait: Callable[[float], None]) -> Iterator[int]:
    """Keeps `watched` as the rows are; yields how many were finished since, until all are."""
    while left := {e_id for e_id, gap in watched.items() if gap.finished_at is None}:
        wait(LOOK_SECONDS)
        with store.begin() as tx:
            watched.update({gap.e_id: gap for gap in tx.gaps.some(left)})
        yield sum(watched[e_id].finished_at is not None for e_id in left)
