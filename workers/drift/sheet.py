"""One round as it is worked through: what it has seen, and the lease that lets it write."""

from collections.abc import Callable, Collection, Iterator
from typing import TypeVar
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.drift import Discrepancy, Drift, Round, Verdict
from shared.ports.store import Store
from workers.drift.policy import DriftPolicy

Row = TypeVar("Row")


class Sheet:
    """Raises `Conflict` from wherever it writes once the lease is another's."""

    def __init__(self, round: Round, store: Store, policy: DriftPolicy) -> None:
        self.round = round
        self.checked = 0
        self.calls = 0
        self.found = 0
        self._store = store
        self._policy = policy

    @property
    def verdict(self) -> Verdict:
        return Verdict.DRIFTED if self.found else Verdict.CLEAN

    def before_call(self) -> None:
        """Each gateway looks here before it calls: none is made for a round that is another's by now."""
        with self._store.begin() as tx:
            tx.rounds.renew(self.round, lease_seconds=self._policy.lease_seconds)
        self.calls += 1

    def keep(
        self, discrepancies: Collection[Discrepancy], *, sighted: Collection[tuple[UUID, Drift]] = ()
    ) -> None:
        if not discrepancies and not sighted:
            return
        with self._store.begin() as tx:
            tx.rounds.sight(self.round, sighted)
            tx.findings.observe(discrepancies, self.round)
        self.found += len(discrepancies)

    def unsighted(self, tag: Drift) -> Iterator[list[EmailConfiguration]]:
        """Pages of rows of which the other side had nothing to show."""
        limit = self._policy.page_rows

        def page(after: UUID | None) -> list[EmailConfiguration]:
            with self._store.begin() as tx:
                return tx.drift_rows.unsighted(self.round, tag, after=after, limit=limit)

        return paged(page, lambda row: row.e_id)


def paged(page: Callable[[UUID | None], list[Row]], key: Callable[[Row], UUID]) -> Iterator[list[Row]]:
    after = None
    while rows := page(after):
        yield rows
        after = key(rows[-1])
