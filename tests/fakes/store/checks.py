from dataclasses import replace
from uuid import UUID

from shared.domain.errors import NotFound
from shared.domain.verification import Check, CheckRun
from shared.ports.checks import KEPT
from tests.fakes.store.state import Moment, State


class MemoryChecks:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    def record(self, configuration_id: UUID, check: Check) -> None:
        if configuration_id not in self._state.configurations:
            raise NotFound("no such configuration")
        runs = self._state.checks.get(configuration_id, ())
        if runs and runs[-1].check == check:
            last = replace(runs[-1], last_at=self._moment.now, times=runs[-1].times + 1)
            self._state.checks[configuration_id] = (*runs[:-1], last)
        else:
            begun = CheckRun(check=check, first_at=self._moment.now, last_at=self._moment.now, times=1)
            self._state.checks[configuration_id] = (*runs, begun)[-KEPT:]

    def latest(self, configuration_id: UUID, limit: int = 20) -> list[CheckRun]:
        return list(reversed(self._state.checks.get(configuration_id, ())))[:limit]
