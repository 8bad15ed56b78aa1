"""The provider account that all tenants share: one row, written when its sending pauses."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.persistence.sets import after, run
from shared.persistence.tables import provider_account

_column = provider_account.c
_ONLY = 1


class PostgresAccountState:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def paused_until(self) -> datetime | None:
        return self._connection.scalar(select(_column.paused_until).where(_column.paused_until > func.now()))

    def pause(self, *, seconds: float, reason: str) -> None:
        """Of two pauses the one that ends later holds, whoever comes second."""
        first = insert(provider_account).values(
            id=_ONLY, paused_until=after("pause"), reason=reason, updated_at=func.now()
        )
        later = first.on_conflict_do_update(
            index_elements=[_column.id],
            set_={
                "paused_until": func.greatest(_column.paused_until, first.excluded.paused_until),
                "reason": first.excluded.reason,
                "updated_at": first.excluded.updated_at,
            },
        )
        run(self._connection, later, {"pause": timedelta(seconds=seconds)})
