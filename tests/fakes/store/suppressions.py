from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from shared.domain.errors import NotFound
from shared.domain.query import Query
from shared.domain.suppression import SuppressionEntry, SuppressionFact, SuppressionState
from shared.persistence import locators
from shared.persistence.suppression_states import PROVIDER
from shared.ports.clock import NewId
from shared.ports.rows import Page
from shared.ports.suppressions import IMPORT_MAX, ImportResult
from tests.fakes.store.asking import page_of
from tests.fakes.store.state import KeptFact, Moment, State


class MemorySuppressions:
    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self._new_id = new_id

    @property
    def _all(self) -> dict[UUID, SuppressionEntry]:
        return self._state.entries

    def active_among(self, tenant_id: UUID, addresses: Collection[str]) -> Mapping[str, SuppressionEntry]:
        return {
            entry.address: entry
            for entry in self._all.values()
            if entry.active and entry.tenant_id == tenant_id and entry.address in addresses
        }

    def get(self, tenant_id: UUID, e_id: UUID) -> SuppressionEntry | None:
        entry = self._all.get(e_id)
        return entry if entry and entry.tenant_id == tenant_id else None

    def query(self, tenant_id: UUID, query: Query) -> Page[SuppressionEntry]:
        mine = [entry for entry in self._all.values() if entry.tenant_id == tenant_id]
        return page_of(mine, query, locators.SUPPRESSION, default="since", of=lambda entry: entry)

    def operator_facts(
        self, tenant_id: UUID, addresses: Collection[str]
    ) -> Mapping[str, list[SuppressionFact]]:
        known = {address: self._state.facts.get((tenant_id, address), ()) for address in addresses}
        return {address: [kept.fact for kept in facts] for address, facts in known.items() if facts}

    def add(self, entry: SuppressionEntry) -> SuppressionEntry:
        held = self.active_among(entry.tenant_id, [entry.address]).get(entry.address)
        if held is not None:
            return held
        self._put_on(entry)
        return entry

    def _put_on(self, entry: SuppressionEntry) -> None:
        self._all[entry.e_id] = entry
        self._remember(entry, SuppressionFact(entry.since, entry.reason), entry.note)

    def lift(self, entry: SuppressionEntry, *, author: str, note: str | None) -> SuppressionEntry:
        held = self.get(entry.tenant_id, entry.e_id)
        if held is None:
            raise NotFound("no such suppression")
        if not held.active:
            return held
        now = self._moment.now
        kept_note = held.note if note is None else note
        lifted = replace(held, active=False, lifted_at=now, author=author, note=kept_note, updated_at=now)
        self._all[lifted.e_id] = lifted
        self._remember(lifted, SuppressionFact(now, None), note)
        return lifted

    def import_many(self, tenant_id: UUID, entries: Sequence[SuppressionEntry]) -> ImportResult:
        if len(entries) > IMPORT_MAX or any(entry.tenant_id != tenant_id for entry in entries):
            raise ValueError(f"an import is of one tenant, and of at most {IMPORT_MAX} addresses")
        active = {held.address for held in self._all.values() if held.tenant_id == tenant_id and held.active}
        added = 0
        for entry in entries:
            if entry.address not in active:
                active.add(entry.address)
                self._put_on(entry)
                added += 1
        return ImportResult(added, active_already=len(entries) - added)

    def export(
        self, tenant_id: UUID, *, after: str | None, limit: int, lifted: bool = False
    ) -> list[SuppressionEntry]:
        found = [
            entry
            for entry in self._all.values()
            if entry.tenant_id == tenant_id and entry.address > (after or "") and (entry.active or lifted)
        ]
        addresses = set(sorted({entry.address for entry in found})[:limit])
        chosen = (entry for entry in found if entry.address in addresses)
        return sorted(chosen, key=lambda entry: (entry.address, entry.created_at, entry.e_id))

    def _remember(self, entry: SuppressionEntry, fact: SuppressionFact, note: str | None) -> None:
        key = (entry.tenant_id, entry.address)
        self._state.facts[key] = (*self._state.facts.get(key, ()), KeptFact(fact, entry.author, note))

    def apply(self, tenant_id: UUID, states: Mapping[str, SuppressionState]) -> int:
        return sum(self._apply(tenant_id, address, state) for address, state in states.items())

    def _apply(self, tenant_id: UUID, address: str, state: SuppressionState) -> bool:
        held = self._following(tenant_id, address)
        if held is not None and _state_of(held) == state:
            return False
        now = self._moment.now
        author, note = self._told(tenant_id, address, state)
        entry = SuppressionEntry(
            e_id=held.e_id if held else self._new_id(),
            tenant_id=tenant_id,
            address=address,
            reason=state.reason,
            active=state.active,
            since=state.since,
            lifted_at=state.lifted_at,
            source_event_id=state.source_event_id,
            author=author,
            note=note,
            created_at=held.created_at if held else now,
            updated_at=now,
        )
        self._all[entry.e_id] = entry
        return True

    def _following(self, tenant_id: UUID, address: str) -> SuppressionEntry | None:
        """The row that follows what is known of the address: the active one, or else the last one added."""
        mine = [
            entry for entry in self._all.values() if (entry.tenant_id, entry.address) == (tenant_id, address)
        ]
        return max(mine, key=lambda entry: (entry.active, entry.created_at, entry.e_id), default=None)

    def _told(self, tenant_id: UUID, address: str, state: SuppressionState) -> tuple[str, str | None]:
        for kept in self._state.facts.get((tenant_id, address), ()):
            told = kept.fact.occurred_at == state.since and kept.fact.reason is not None
            if told and state.source_event_id is None:
                return kept.author, kept.note
        return PROVIDER, None


def _state_of(entry: SuppressionEntry) -> SuppressionState:
    return SuppressionState(
        active=entry.active,
        reason=entry.reason,
        since=entry.since,
        source_event_id=entry.source_event_id,
        lifted_at=entry.lifted_at,
    )
