"""How hard the provider may be pressed."""

from datetime import datetime
from typing import Protocol


class AccountState(Protocol):
    """The provider account that all tenants share."""

    def paused_until(self) -> datetime | None:
        """None unless the pause still runs by the database clock."""
        ...

    def pause(self, *, seconds: float, reason: str) -> None: ...
