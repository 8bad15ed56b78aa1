"""What operators did by hand, as rows: appended only, in the transaction of the deed."""

from typing import Protocol
from uuid import UUID

from shared.domain.audit import OperatorAction


class Audit(Protocol):
    def keep(self, action: OperatorAction) -> None: ...

    def of(self, subject_id: UUID) -> list[OperatorAction]:
        """Oldest first."""
        ...
