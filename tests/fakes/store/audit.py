from uuid import UUID

from shared.domain.audit import OperatorAction
from tests.fakes.store.state import State


class MemoryAudit:
    def __init__(self, state: State) -> None:
        self._state = state

    def keep(self, action: OperatorAction) -> None:
        self._state.actions[action.e_id] = action

    def of(self, subject_id: UUID) -> list[OperatorAction]:
        found = [action for action in self._state.actions.values() if action.subject_id == subject_id]
        return sorted(found, key=lambda action: (action.at, action.e_id))
