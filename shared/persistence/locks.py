"""Advisory locks, held until the transaction ends: for what no single row stands for.

A key is 64 bits of a hash. Two things with one key would wait for each other now and then, and nothing else.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Text, func, select

from shared.persistence.sets import given_rows, parameter, run

# Each kind of lock hashes with a seed of its own. Any number will do, but the same in every release.
PROJECTION = 1
ADDRESS = 2
_LIST = 3
_GAPS = 4

_names = given_rows(name=Text)
_key = func.hashtextextended(_names.c.name, parameter("kind", BigInteger)).label("key")
# In the order of the keys: whoever wants some of the same waits in one direction only.
_ordered = select(_key).select_from(_names).distinct().order_by(_key).subquery("ordered")
_HOLD = select(func.pg_advisory_xact_lock(_ordered.c.key))

# Of one name. Who holds one alone takes it before anything else; who shares one may have locked rows already, for which
# nobody waits who holds it alone.
_ONE_KEY = func.hashtextextended(parameter("name", Text), parameter("kind", BigInteger))
_SHARE_ONE = select(func.pg_advisory_xact_lock_shared(_ONE_KEY))
_HOLD_ONE = select(func.pg_advisory_xact_lock(_ONE_KEY))


def hold_projection(connection: Connection, configuration_id: UUID) -> None:
    _hold(connection, PROJECTION, [str(configuration_id)])


def hold_addresses(connection: Connection, tenant_id: UUID, addresses: Collection[str]) -> None:
    """What is made of the facts about an address is written before anybody else reads them to do the same."""
    _hold(connection, ADDRESS, [f"{tenant_id} {address}" for address in addresses])


def _hold(connection: Connection, kind: int, names: list[str]) -> None:
    run(connection, _HOLD, {"kind": kind, "name": names})


def share_list(connection: Connection, tenant_id: UUID) -> None:
    """By whoever makes entries of facts: none of the tenant's facts and entries come in bulk meanwhile."""
    run(connection, _SHARE_ONE, {"name": str(tenant_id), "kind": _LIST})


def hold_list(connection: Connection, tenant_id: UUID) -> None:
    """By whoever brings many addresses. A lock on each would use up the server's table of locks.

    That has room for some 64 a connection (`max_locks_per_transaction`), and all sessions share it.
    """
    run(connection, _HOLD_ONE, {"name": str(tenant_id), "kind": _LIST})


def hold_gaps(connection: Connection) -> None:
    """Two that notice the same outage at once open its gaps once."""
    run(connection, _HOLD_ONE, {"name": "", "kind": _GAPS})


def hold_projections(connection: Connection, configuration_ids: Collection[UUID]) -> None:
    """Nobody else holds more than one of them, and everybody here takes them in one order."""
    for configuration_id in sorted(configuration_ids):
        hold_projection(connection, configuration_id)
