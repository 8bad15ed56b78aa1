from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from shared.ports.lifts import Lift
from tests.fakes.store.state import KeptLift, Moment, State


class MemoryLifts:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    @property
    def _all(self) -> dict[tuple[UUID, str], KeptLift]:
        return self._state.lifts

    def want(self, tenant_id: UUID, addresses: Collection[str]) -> list[UUID]:
        servers = sorted(
            one.e_id
            for one in self._state.configurations.values()
            if one.tenant_id == tenant_id and one.cleaned_up_at is None and one.provisioned.server_token
        )
        now = self._moment.now
        for e_id in servers:
            for address in addresses:
                self._all[e_id, address] = KeptLift(Lift(e_id, address), tenant_id, now, due_at=now)
        return servers if addresses else []

    def due(self, limit: int) -> list[UUID]:
        waiting = sorted(
            (kept.due_at, kept.lift.configuration_id)
            for kept in self._all.values()
            if kept.due_at is not None and self._moment.is_due(kept.due_at)
        )
        return list(dict.fromkeys(configuration_id for _, configuration_id in waiting))[:limit]

    def take(self, configuration_id: UUID, *, limit: int, lease_seconds: float) -> list[Lift]:
        due = sorted(
            (kept.due_at, kept.lift.address)
            for kept in self._all.values()
            if kept.lift.configuration_id == configuration_id
            and kept.due_at is not None
            and self._moment.is_due(kept.due_at)
        )
        taken = [self._all[configuration_id, address] for _, address in due[:limit]]
        for kept in taken:
            self._put(replace(kept, due_at=self._moment.after(lease_seconds)))
        return [kept.lift for kept in taken]

    def done(self, configuration_id: UUID, addresses: Collection[str]) -> None:
        for kept in self._waiting(configuration_id, addresses):
            if not self._moment.is_due(kept.due_at):
                del self._all[configuration_id, kept.lift.address]

    def refused(self, configuration_id: UUID, address: str, message: str) -> None:
        kept = self._all.get((configuration_id, address))
        if kept is not None:
            self._put(replace(kept, due_at=None, message=message))

    def put_off(self, configuration_id: UUID, addresses: Collection[str], *, seconds: float) -> None:
        for kept in self._waiting(configuration_id, addresses):
            once_more = replace(kept.lift, tries=kept.lift.tries + 1)
            self._put(replace(kept, lift=once_more, due_at=self._moment.after(seconds)))

    def waiting(self, tenant_id: UUID, addresses: Collection[str]) -> set[str]:
        return {
            kept.lift.address
            for kept in self._all.values()
            if kept.tenant_id == tenant_id and kept.lift.address in addresses and kept.due_at is not None
        }

    def refusals(self, tenant_id: UUID, addresses: Collection[str]) -> dict[str, str]:
        refused = sorted(
            (kept.wanted_at, kept.lift.configuration_id, kept.lift.address, kept.message)
            for kept in self._all.values()
            if kept.tenant_id == tenant_id and kept.lift.address in addresses and kept.message is not None
        )
        return {address: message for _, _, address, message in refused if message is not None}

    def _waiting(self, configuration_id: UUID, addresses: Collection[str]) -> list[KeptLift]:
        named = (self._all.get((configuration_id, address)) for address in addresses)
        return [kept for kept in named if kept is not None and kept.due_at is not None]

    def _put(self, kept: KeptLift) -> None:
        self._all[kept.lift.configuration_id, kept.lift.address] = kept
