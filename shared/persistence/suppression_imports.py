"""Many addresses at once: entries and the facts behind them, in one statement."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Uuid, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or

from shared.domain.suppression import SuppressionEntry
from shared.persistence.sets import as_arrays, given_rows, run
from shared.persistence.suppression_rows import ENTRY_KINDS, row_of_entry
from shared.persistence.tables import suppression_entry, suppression_fact
from shared.ports.clock import NewId

_column = suppression_entry.c
_KINDS = {**ENTRY_KINDS, "fact_id": Uuid}
_FACT = ("e_id", "tenant_id", "address", "occurred_at", "reason", "author", "note", "recorded_at")


def _import() -> Any:
    given = given_rows(**_KINDS)
    entries = insert_or(suppression_entry).from_select(
        list(ENTRY_KINDS), select(*(given.c[name] for name in ENTRY_KINDS))
    )
    fresh = entries.on_conflict_do_nothing(
        index_elements=[_column.tenant_id, _column.address], index_where=_column.active
    )
    added = fresh.returning(_column.e_id).cte("added")
    told = select(
        given.c.fact_id,
        given.c.tenant_id,
        given.c.address,
        given.c.since,
        given.c.reason,
        given.c.author,
        given.c.note,
        func.now(),
    ).join_from(given, added, added.c.e_id == given.c.e_id)
    kept = insert(suppression_fact).from_select(_FACT, told).returning(suppression_fact.c.e_id)
    return select(func.count()).select_from(kept.cte("kept"))


_IMPORT = _import()


def import_entries(connection: Connection, new_id: NewId, entries: Iterable[SuppressionEntry]) -> int:
    """Returns how many were added. In the order of the addresses: whoever adds some of the same waits one way only."""
    ordered = sorted(entries, key=lambda entry: entry.address)
    rows = [{**row_of_entry(entry), "fact_id": new_id()} for entry in ordered]
    return int(run(connection, _IMPORT, as_arrays(_KINDS, rows)).scalar_one())
