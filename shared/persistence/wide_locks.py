"""Advisory locks on more than one thing at a time, held until the transaction ends.

Whoever takes one of them alone takes it before anything else; whoever shares one may have locked rows already, for
which nobody waits who holds it alone.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import BigInteger, Connection, Text, func, select

from shared.persistence.locks import hold_projection
from shared.persistence.sets import parameter, run

# Seeds, as in locks.py and none of those: the same in every release.
_LIST = 3
_GAPS = 4

_KEY = func.hashtextextended(parameter("name", Text), parameter("kind", BigInteger))
_SHARE = select(func.pg_advisory_xact_lock_shared(_KEY))
_HOLD = select(func.pg_advisory_xact_lock(_KEY))


def share_list(connection: Connection, tenant_id: UUID) -> None:
    """By whoever makes entries of facts: none of the tenant's facts and entries come in bulk meanwhile."""
    run(connection, _SHARE, {"name": str(tenant_id), "kind": _LIST})


def hold_list(connection: Connection, tenant_id: UUID) -> None:
    """By whoever brings many addresses. A lock on each would use up the server's table of locks.

    That has room for some 64 a connection (`max_locks_per_transaction`), and all sessions share it.
    """
    run(connection, _HOLD, {"name": str(tenant_id), "kind": _LIST})


def hold_gaps(connection: Connection) -> None:
    """Two that notice the same outage at once open its gaps once."""
    run(connection, _HOLD, {"name": "", "kind": _GAPS})


def hold_projections(connection: Connection, configuration_ids: Collection[UUID]) -> None:
    """Nobody else holds more than one of them, and everybody here takes them in one order."""
    for configuration_id in sorted(configuration_ids):
        hold_projection(connection, configuration_id)
