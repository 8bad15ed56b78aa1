"""Making entries say what the facts about their addresses come to.

An address has one row that follows its facts, whatever their order of arrival: the active one, or else the last one
that was added. A reason that holds again revives it, so that a rebuild from the events changes nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Executable, func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from shared.domain.suppression import SuppressionEntry, SuppressionState
from shared.persistence.sets import any_of, as_arrays, given_rows, parameter, rows_of, run
from shared.persistence.suppression_rows import ENTRY_KINDS, entry_of, row_of_entry
from shared.persistence.tables import suppression_entry, suppression_fact
from shared.ports.clock import NewId

# The author of what events say; what an operator did keeps the operator's name.
PROVIDER = "provider"

_column = suppression_entry.c
_fact = suppression_fact.c

_FOLLOWING = (
    select(suppression_entry)
    .where(_column.tenant_id == parameter("tenant_id"), any_of(_column.address, "addresses"))
    .ext(distinct_on(_column.address))
    .order_by(_column.address, _column.active.desc(), _column.created_at.desc(), _column.e_id.desc())
)
_TOLD = select(_fact.address, _fact.occurred_at, _fact.author, _fact.note).where(
    _fact.tenant_id == parameter("tenant_id"),
    any_of(_fact.address, "addresses"),
    _fact.reason.is_not(None),
)
_given = given_rows(**ENTRY_KINDS)
_STATE = ("active", "reason", "since", "source_event_id", "lifted_at")
_CHANGED = (*_STATE, "author", "note", "updated_at")
_INSERT = insert(suppression_entry).from_select(list(ENTRY_KINDS), select(_given))
_UPDATE = (
    update(suppression_entry)
    .where(_column.e_id == _given.c.e_id)
    .values({name: _given.c[name] for name in _CHANGED})
)


def apply_states(
    connection: Connection, new_id: NewId, tenant_id: UUID, states: Mapping[str, SuppressionState]
) -> int:
    wanted = {"tenant_id": tenant_id, "addresses": list(states)}
    held = {row["address"]: entry_of(row) for row in rows_of(connection, _FOLLOWING, wanted)}
    changed = {address: state for address, state in states.items() if not _says(held.get(address), state)}
    if not changed:
        return 0
    told = {
        (row.address, row.occurred_at): (row.author, row.note)
        for row in run(connection, _TOLD, {"tenant_id": tenant_id, "addresses": list(changed)})
    }
    now = connection.execute(select(func.now())).scalar_one()
    entries = [
        entry_saying(
            state,
            held.get(address) or fresh_entry(new_id(), tenant_id, address, state, now),
            told=told.get((address, state.since)),
            now=now,
        )
        for address, state in changed.items()
    ]
    _write(connection, _UPDATE, [entry for entry in entries if entry.address in held])
    _write(connection, _INSERT, [entry for entry in entries if entry.address not in held])
    return len(changed)


def _says(entry: SuppressionEntry | None, state: SuppressionState) -> bool:
    return entry is not None and all(getattr(entry, name) == getattr(state, name) for name in _STATE)


def fresh_entry(
    e_id: UUID, tenant_id: UUID, address: str, state: SuppressionState, now: datetime
) -> SuppressionEntry:
    return SuppressionEntry(
        e_id=e_id,
        tenant_id=tenant_id,
        address=address,
        reason=state.reason,
        since=state.since,
        author=PROVIDER,
        created_at=now,
        updated_at=now,
    )


def entry_saying(
    state: SuppressionState, entry: SuppressionEntry, *, told: tuple[str, str | None] | None, now: datetime
) -> SuppressionEntry:
    """`told` is who said so and why, of a fact that no event tells."""
    author, note = told if told and state.source_event_id is None else (PROVIDER, None)
    said = {name: getattr(state, name) for name in _STATE}
    return replace(entry, **said, author=author, note=note, updated_at=now)


def _write(connection: Connection, statement: Executable, entries: list[SuppressionEntry]) -> None:
    if entries:
        run(connection, statement, as_arrays(ENTRY_KINDS, map(row_of_entry, entries)))
