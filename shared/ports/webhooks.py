"""What is known of the provider's callbacks, as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.webhook import WebhookHealth, WebhookReport


class WebhookLooks(Protocol):
    def due(self, limit: int) -> list[UUID]:
        """Configurations with a webhook whose next look is due, the longest due first; never looked at is due."""
        ...

    def take(self, configuration_id: UUID, *, next_due_seconds: float) -> bool:
        """Moves the due time on; False when it was not due: one ring, one look."""
        ...

    def record(self, configuration_id: UUID, health: WebhookHealth) -> None: ...

    def report(self, configuration_id: UUID) -> WebhookReport | None: ...

    def ailing(self, limit: int) -> list[tuple[UUID, WebhookReport]]:
        """Those that are not OK, the longest so first."""
        ...

    def count_by_state(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True)
class KeyUse:
    """`fingerprint` names the key, `purpose` who showed it: `caller` or `provider`."""

    fingerprint: str
    purpose: str
    last_used_at: datetime


class KeyUses(Protocol):
    def used(self, fingerprint: str, purpose: str) -> None:
        """Just now, by the database's clock."""
        ...

    def all(self) -> Sequence[KeyUse]: ...


class WebhookKeys(Protocol):
    """Which key each webhook shows us: what a rotation has to rewrite."""

    def behind(self, fingerprint: str, *, after: UUID | None, limit: int) -> list[UUID]:
        """Configurations whose webhook does not show this key, in the order of their ids."""
        ...

    def set(self, configuration_id: UUID, fingerprint: str) -> None: ...

    def of(self, configuration_id: UUID) -> str | None:
        """None when nobody noted it."""
        ...

    def count(self) -> Mapping[str, int]:
        """Fingerprint to the number of webhooks that show it; "" for those nobody knows of."""
        ...
