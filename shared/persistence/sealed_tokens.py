"""Server tokens by the key version that their envelopes name."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Connection, Text, func, select, update

from shared.persistence.sets import first_of, ids_of, parameter, rows_of, run
from shared.persistence.tables import email_configuration
from shared.ports.sealed_tokens import SealedToken, VersionUse

_column = email_configuration.c

# As the cipher writes it: a1.k{version}:{text}. A regular expression, for a version may have dots of its own.
KEY_VERSION = func.coalesce(func.substring(_column.server_token, r"^a[0-9]+\.k([A-Za-z0-9._-]+):"), "")
SEALED = _column.server_token.is_not(None)
_USES = (
    select(
        KEY_VERSION.label("version"), func.count().label("rows"), func.min(_column.created_at).label("oldest")
    )
    .where(SEALED)
    .group_by(KEY_VERSION)
)
_BEHIND = select(_column.e_id).where(SEALED, parameter("version", Text) != KEY_VERSION).order_by(_column.e_id)
_GET = select(_column.e_id, _column.tenant_id, _column.server_token).where(
    _column.e_id == parameter("e_id"), SEALED
)
_RESEAL = (
    update(email_configuration)
    .where(_column.e_id == parameter("e_id"), _column.server_token == parameter("old", Text))
    .values(server_token=parameter("new", Text))
)


class PostgresSealedTokens:
    """The envelope is no part of a record, and the token in it stays the same: no version is counted for it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def uses(self) -> Mapping[str, VersionUse]:
        uses = rows_of(self._connection, _USES)
        return {use["version"]: VersionUse(use["rows"], use["oldest"]) for use in uses}

    def behind(self, version: str, *, after: UUID | None, limit: int) -> list[UUID]:
        wanted = _BEHIND if after is None else _BEHIND.where(_column.e_id > parameter("after"))
        given = {"version": version} if after is None else {"version": version, "after": after}
        return ids_of(self._connection, wanted.limit(limit), given)

    def get(self, configuration_id: UUID) -> SealedToken | None:
        row = first_of(self._connection, _GET, {"e_id": configuration_id})
        return None if row is None else SealedToken(row["e_id"], row["tenant_id"], row["server_token"])

    def reseal(self, token: SealedToken, envelope: str) -> bool:
        given = {"e_id": token.configuration_id, "old": token.envelope, "new": envelope}
        return run(self._connection, _RESEAL, given).rowcount == 1
