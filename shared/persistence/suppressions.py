"""Suppressions: at most one active entry an address; lifted ones are kept."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Integer, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or

from shared.domain.errors import NotFound
from shared.domain.query import Query
from shared.domain.suppression import SuppressionEntry, SuppressionFact, SuppressionReason, SuppressionState
from shared.persistence import locators
from shared.persistence.locks import hold_addresses, hold_list, share_list
from shared.persistence.query import Asked
from shared.persistence.sets import any_of, first_of, parameter, rows_of
from shared.persistence.suppression_imports import import_entries
from shared.persistence.suppression_rows import entry_of, row_of_entry
from shared.persistence.suppression_states import apply_states
from shared.persistence.tables import KEY, suppression_entry, suppression_fact
from shared.ports.clock import NewId
from shared.ports.rows import Page
from shared.ports.suppressions import IMPORT_MAX, ImportResult

_column = suppression_entry.c
_fact = suppression_fact.c

_ASKED = Asked(locators.SUPPRESSION, {**_column}, default="since")
_ACTIVE = select(suppression_entry).where(
    _column.tenant_id == parameter("tenant_id"), any_of(_column.address, "addresses"), _column.active
)
_FACTS = select(suppression_fact).where(
    _fact.tenant_id == parameter("tenant_id"), any_of(_fact.address, "addresses")
)
_ADD = (
    insert_or(suppression_entry)
    .on_conflict_do_nothing(index_elements=[_column.tenant_id, _column.address], index_where=_column.active)
    .returning(_column.e_id)
)
_AFTER = (_column.tenant_id == parameter("tenant_id"), _column.address > parameter("after", KEY))
_LIMIT = parameter("limit", Integer)
_EXPORT_ACTIVE = (
    select(suppression_entry).where(*_AFTER, _column.active).order_by(_column.address).limit(_LIMIT)
)
_named = select(_column.address).distinct().where(*_AFTER).order_by(_column.address).limit(_LIMIT).subquery()
_LAST = select(func.max(_named.c.address)).scalar_subquery()
_EXPORT_ALL = (
    select(suppression_entry)
    .where(*_AFTER, _column.address <= _LAST)
    .order_by(_column.address, _column.created_at, _column.e_id)
)


class PostgresSuppressions:
    """Whoever changes what holds for an address, or reads facts to do so, holds it until the transaction ends."""

    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def active_among(self, tenant_id: UUID, addresses: Collection[str]) -> Mapping[str, SuppressionEntry]:
        wanted = {"tenant_id": tenant_id, "addresses": list(addresses)}
        return {row["address"]: entry_of(row) for row in rows_of(self._connection, _ACTIVE, wanted)}

    def get(self, tenant_id: UUID, e_id: UUID) -> SuppressionEntry | None:
        wanted = select(suppression_entry).where(_column.e_id == e_id, _column.tenant_id == tenant_id)
        row = first_of(self._connection, wanted)
        return None if row is None else entry_of(row)

    def query(self, tenant_id: UUID, query: Query) -> Page[SuppressionEntry]:
        asked = _ASKED.page(select(suppression_entry).where(_column.tenant_id == tenant_id), query)
        rows = [entry_of(row) for row in rows_of(self._connection, asked)]
        return Page(tuple(rows[: query.size]), more=len(rows) > query.size)

    def operator_facts(
        self, tenant_id: UUID, addresses: Collection[str]
    ) -> Mapping[str, list[SuppressionFact]]:
        share_list(self._connection, tenant_id)
        hold_addresses(self._connection, tenant_id, addresses)
        wanted = {"tenant_id": tenant_id, "addresses": list(addresses)}
        facts: dict[str, list[SuppressionFact]] = {}
        for row in rows_of(self._connection, _FACTS, wanted):
            reason = SuppressionReason(row["reason"]) if row["reason"] is not None else None
            facts.setdefault(row["address"], []).append(SuppressionFact(row["occurred_at"], reason))
        return facts

    def add(self, entry: SuppressionEntry) -> SuppressionEntry:
        hold_addresses(self._connection, entry.tenant_id, [entry.address])
        if self._connection.scalar(_ADD, row_of_entry(entry)) is None:
            return self.active_among(entry.tenant_id, [entry.address])[entry.address]
        self._remember(entry, entry.reason, occurred_at=entry.since)
        return entry

    def lift(self, entry: SuppressionEntry, *, author: str, note: str | None) -> SuppressionEntry:
        """An entry that somebody else has lifted meanwhile is returned as it is."""
        hold_addresses(self._connection, entry.tenant_id, [entry.address])
        values = {"active": False, "lifted_at": func.now(), "author": author, "updated_at": func.now()}
        values["note"] = func.coalesce(note, _column.note)
        active = (_column.e_id == entry.e_id, _column.tenant_id == entry.tenant_id, _column.active)
        statement = update(suppression_entry).where(*active).values(values).returning(suppression_entry)
        row = first_of(self._connection, statement)
        if row is None:
            return self._as_it_is(entry)
        lifted = entry_of(row)
        self._remember(replace(lifted, note=note), None, occurred_at=row["lifted_at"])
        return lifted

    def apply(self, tenant_id: UUID, states: Mapping[str, SuppressionState]) -> int:
        share_list(self._connection, tenant_id)
        hold_addresses(self._connection, tenant_id, states)
        return apply_states(self._connection, self._new_id, tenant_id, states)

    def import_many(self, tenant_id: UUID, entries: Sequence[SuppressionEntry]) -> ImportResult:
        if len(entries) > IMPORT_MAX or any(entry.tenant_id != tenant_id for entry in entries):
            raise ValueError(f"an import is of one tenant, and of at most {IMPORT_MAX} addresses")
        hold_list(self._connection, tenant_id)
        added = import_entries(self._connection, self._new_id, entries)
        return ImportResult(added, active_already=len(entries) - added)

    def export(
        self, tenant_id: UUID, *, after: str | None, limit: int, lifted: bool = False
    ) -> list[SuppressionEntry]:
        given = {"tenant_id": tenant_id, "after": after or "", "limit": limit}
        rows = rows_of(self._connection, _EXPORT_ALL if lifted else _EXPORT_ACTIVE, given)
        return [entry_of(row) for row in rows]

    def _as_it_is(self, entry: SuppressionEntry) -> SuppressionEntry:
        held = self.get(entry.tenant_id, entry.e_id)
        if held is None:
            raise NotFound("no such suppression")
        return held

    def _remember(
        self, entry: SuppressionEntry, reason: SuppressionReason | None, *, occurred_at: datetime
    ) -> None:
        values: dict[str, Any] = {
            "e_id": self._new_id(),
            "tenant_id": entry.tenant_id,
            "address": entry.address,
            "occurred_at": occurred_at,
            "reason": reason and reason.value,
            "author": entry.author,
            "note": entry.note,
            "recorded_at": func.now(),
        }
        self._connection.execute(insert(suppression_fact).values(values))
