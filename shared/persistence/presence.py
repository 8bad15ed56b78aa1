"""When each role was last there."""

from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.persistence.sets import parameter, run
from shared.persistence.tables import KEY, presence

_column = presence.c
_ROLE = parameter("role", KEY)
# Not now(): whoever waited for the row's lock would note a time before the one that is there.
_NOW = func.clock_timestamp()

_HELD = select(_column.seen_at).where(_column.role == _ROLE).with_for_update(key_share=True)
_NOTE = (
    insert(presence)
    .values(role=_ROLE, seen_at=_NOW)
    .on_conflict_do_update(
        index_elements=[_column.role], set_={"seen_at": func.greatest(_column.seen_at, _NOW)}
    )
)


class PostgresPresence:
    """The row stays locked until the transaction ends: of two that were away, one learns of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seen(self, role: str) -> datetime | None:
        before: datetime | None = run(self._connection, _HELD, {"role": role}).scalar()
        run(self._connection, _NOTE, {"role": role})
        return before
