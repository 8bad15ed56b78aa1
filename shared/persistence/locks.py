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

_names = given_rows(name=Text)
_key = func.hashtextextended(_names.c.name, parameter("kind", BigInteger)).label("key")
# In the order of the keys: whoever wants some of the same waits in one direction only.
_ordered = select(_key).select_from(_names).distinct().order_by(_key).subquery("ordered")
_HOLD = select(func.pg_advisory_xact_lock(_ordered.c.key))


def hold_projection(connection: Connection, configuration_id: UUID) -> None:
    _hold(connection, PROJECTION, [str(configuration_id)])


def hold_addresses(connection: Connection, tenant_id: UUID, addresses: Collection[str]) -> None:
    """What is made of the facts about an address is written before anybody else reads them to do the same."""
    _hold(connection, ADDRESS, [f"{tenant_id} {address}" for address in addresses])


def _hold(connection: Connection, kind: int, names: list[str]) -> None:
    run(connection, _HOLD, {"kind": kind, "name": names})
