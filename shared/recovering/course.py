"""Begin a recovery, end it, and say how far it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.errors import Conflict
from shared.domain.recovery import LOOKS, Found, Look, Recovery
from shared.ports.clock import NewId
from shared.ports.key_material import TokenCipher
from shared.ports.mail import TakenMessages
from shared.ports.pace import Pace
from shared.ports.store import Store


@dataclass(frozen=True, slots=True)
class RecoveryPorts:
    """`wait` takes seconds. `index_lag`: for how long the provider's search may not know what it took."""

    store: Store
    taken: TakenMessages
    cipher: TokenCipher
    new_id: NewId
    pace: Pace
    wait: Callable[[float], None]
    index_lag: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a recovery is. `looks` by configuration and number; `now` by the database's clock."""

    recovery: Recovery
    concerned: Sequence[UUID]
    looks: Mapping[tuple[UUID, int], Look]
    found: Mapping[Found, int]
    now: datetime

    def left(self, number: int) -> list[UUID]:
        """Whose look of this number has not come to its end."""
        return [e_id for e_id in self.concerned if not self._is_finished(e_id, number)]

    @property
    def unfinished(self) -> list[UUID]:
        """Whoever was not asked so often as everybody is to be."""
        numbers = range(1, LOOKS + 1)
        return [
            e_id for e_id in self.concerned if not all(self._is_finished(e_id, number) for number in numbers)
        ]

    def fault_of(self, configuration_id: UUID) -> str | None:
        """What broke off the last look that was begun and not finished."""
        looks = (self.looks.get((configuration_id, number)) for number in range(LOOKS, 0, -1))
        return next((look.fault for look in looks if look is not None and look.finished_at is None), None)

    def _is_finished(self, configuration_id: UUID, number: int) -> bool:
        look = self.looks.get((configuration_id, number))
        return look is not None and look.finished_at is not None


def begin(
    ports: RecoveryPorts, *, gap_from: datetime, gap_until: datetime, author: str, reason: str
) -> Recovery:
    """From its commit on nothing is begun.

    Raises `Conflict` while another one is open, and `InvalidValue` for times that are no gap.
    """
    with ports.store.begin() as tx:
        recovery = Recovery(
            e_id=ports.new_id(),
            gap_from=gap_from,
            gap_until=gap_until,
            author=author,
            reason=reason,
            begun_at=tx.now(),
        )
        tx.recoveries.begin(recovery)
        tx.audit.keep(_action(ports, recovery, "recovery.begin", tx.now(), author=author, reason=reason))
    return recovery


def end(ports: RecoveryPorts, recovery: Recovery, *, author: str, reason: str) -> None:
    """Everything goes on; whether it may is the caller's to ask of `standing`. Raises `Conflict` when it had ended."""
    with ports.store.begin() as tx:
        if not tx.recoveries.end(recovery.e_id, author=author):
            raise Conflict("the recovery had ended already")
        tx.audit.keep(_action(ports, recovery, "recovery.end", tx.now(), author=author, reason=reason))


def standing(store: Store, recovery: Recovery) -> Standing:
    with store.begin() as tx:
        looks = {(look.configuration_id, look.number): look for look in tx.recoveries.looks(recovery.e_id)}
        found = tx.recoveries.count(recovery.e_id)
        return Standing(recovery, tx.recoveries.concerned(), looks, found, tx.now())


def _action(
    ports: RecoveryPorts, recovery: Recovery, action: str, at: datetime, *, author: str, reason: str
) -> OperatorAction:
    return OperatorAction(
        e_id=ports.new_id(),
        tenant_id=None,
        action=action,
        subject_id=recovery.e_id,
        author=author,
        reason=reason,
        at=at,
    )
