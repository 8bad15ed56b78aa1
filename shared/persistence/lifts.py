"""Lifts the provider is to be asked for: a row until it has agreed, or for good with its refusal."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Integer, Text, and_, delete, func, literal_column, null, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.persistence.due import configurations_waiting, due_now
from shared.persistence.sets import after, any_of, given_rows, ids_of, parameter, rows_of, run
from shared.persistence.tables import email_configuration, provider_lift
from shared.ports.lifts import Lift

_column = provider_lift.c
_configuration = email_configuration.c
_OF_CONFIGURATION = _column.configuration_id == parameter("configuration_id")
_WAITING = _column.due_at.is_not(None)


def _want() -> Any:
    given = given_rows(address=Text)
    wanted = (
        select(_configuration.e_id, given.c.address, _configuration.tenant_id, func.now(), func.now())
        .select_from(email_configuration.join(given, literal_column("true")))
        .where(
            _configuration.tenant_id == parameter("tenant_id"),
            _configuration.cleaned_up_at.is_(None),
            _configuration.server_token.is_not(None),
        )
        # Two with the same addresses wait for one another in one direction only.
        .order_by(_configuration.e_id, given.c.address)
    )
    columns = ["configuration_id", "address", "tenant_id", "wanted_at", "due_at"]
    first = insert(provider_lift).from_select(columns, wanted)
    again = first.on_conflict_do_update(
        index_elements=[_column.configuration_id, _column.address],
        set_={"wanted_at": func.now(), "due_at": func.now(), "tries": 0, "message": null()},
    )
    return again.returning(_column.configuration_id)


def _take() -> Any:
    due = (
        select(_column.address, _column.due_at)
        .where(_OF_CONFIGURATION, _WAITING, _column.due_at <= func.now())
        .order_by(_column.due_at, _column.address)
        .limit(parameter("limit", Integer))
        .with_for_update(skip_locked=True, key_share=True)
    )
    found = due.cte("due")
    taken = update(provider_lift).where(_OF_CONFIGURATION, _column.address == found.c.address)
    return taken.values(due_at=after("lease")).returning(found.c.due_at, _column.address, _column.tries)


def _held(*conditions: Any) -> Any:
    """Locked in the order of the addresses."""
    named = and_(_OF_CONFIGURATION, any_of(_column.address, "addresses"), *conditions)
    locked = select(_column.address).where(named).order_by(_column.address).with_for_update(key_share=True)
    return locked.cte("held")


# Past the lease it has been wanted anew, or is somebody else's by now: that one ends it.
_leased = _held(_column.due_at > func.now())
_waiting = _held(_WAITING)

_WANT, _TAKE = _want(), _take()
_DUE = due_now(configurations_waiting(_column.configuration_id, _column.due_at, _WAITING))
_DONE = delete(provider_lift).where(_OF_CONFIGURATION, _column.address == _leased.c.address)
_REFUSED = (
    update(provider_lift)
    .where(_OF_CONFIGURATION, _column.address == parameter("address", Text))
    .values(message=parameter("message", Text), due_at=null())
)
_PUT_OFF = (
    update(provider_lift)
    .where(_OF_CONFIGURATION, _column.address == _waiting.c.address)
    .values(due_at=after("pause"), tries=_column.tries + 1)
)
_REFUSALS = (
    select(_column.address, _column.message)
    .where(
        _column.tenant_id == parameter("tenant_id"),
        any_of(_column.address, "addresses"),
        _column.message.is_not(None),
    )
    .order_by(_column.wanted_at, _column.configuration_id)
)
_STILL_WAITING = (
    select(_column.address)
    .where(_column.tenant_id == parameter("tenant_id"), any_of(_column.address, "addresses"), _WAITING)
    .distinct()
)


class PostgresLifts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def want(self, tenant_id: UUID, addresses: Collection[str]) -> list[UUID]:
        wanted = {"tenant_id": tenant_id, "address": sorted(set(addresses))}
        return sorted(set(ids_of(self._connection, _WANT, wanted)))

    def due(self, limit: int) -> list[UUID]:
        return ids_of(self._connection, _DUE.limit(limit))

    def take(self, configuration_id: UUID, *, limit: int, lease_seconds: float) -> list[Lift]:
        lease = timedelta(seconds=lease_seconds)
        given = {"configuration_id": configuration_id, "limit": limit, "lease": lease}
        taken = sorted(run(self._connection, _TAKE, given), key=lambda row: (row.due_at, row.address))
        return [Lift(configuration_id, row.address, row.tries) for row in taken]

    def done(self, configuration_id: UUID, addresses: Collection[str]) -> None:
        """Of those whose lease holds: one that was wanted again meanwhile is asked for again."""
        run(self._connection, _DONE, {"configuration_id": configuration_id, "addresses": list(addresses)})

    def refused(self, configuration_id: UUID, address: str, message: str) -> None:
        given = {"configuration_id": configuration_id, "address": address, "message": message}
        run(self._connection, _REFUSED, given)

    def put_off(self, configuration_id: UUID, addresses: Collection[str], *, seconds: float) -> None:
        given = {"configuration_id": configuration_id, "addresses": list(addresses)}
        run(self._connection, _PUT_OFF, {**given, "pause": timedelta(seconds=seconds)})

    def waiting(self, tenant_id: UUID, addresses: Collection[str]) -> set[str]:
        given = {"tenant_id": tenant_id, "addresses": list(addresses)}
        return set(run(self._connection, _STILL_WAITING, given).scalars())

    def refusals(self, tenant_id: UUID, addresses: Collection[str]) -> dict[str, str]:
        """Where several servers refused, the one that was asked last."""
        given = {"tenant_id": tenant_id, "addresses": list(addresses)}
        return {row["address"]: row["message"] for row in rows_of(self._connection, _REFUSALS, given)}
