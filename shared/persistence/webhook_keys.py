"""API keys: which one each webhook shows us, and when each was last shown."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, Integer, Text, func, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.persistence.sets import ids_of, parameter, rows_of, run
from shared.persistence.tables import KEY, api_key_use, email_configuration
from shared.ports.webhooks import KeyUse

_configuration = email_configuration.c
_use = api_key_use.c

HAS_LIVE_WEBHOOK = (_configuration.retired_at.is_(None), _configuration.webhook_id.is_not(None))
_FIRST = UUID(int=0)

# The table of configurations is small, and this is a command's: its primary key gives the order.
_BEHIND = (
    select(_configuration.e_id)
    .where(
        *HAS_LIVE_WEBHOOK,
        _configuration.webhook_key.is_distinct_from(parameter("fingerprint", Text)),
        _configuration.e_id > parameter("after"),
    )
    .order_by(_configuration.e_id)
    .limit(parameter("limit", Integer))
)
_SET = (
    update(email_configuration)
    .where(_configuration.e_id == parameter("configuration_id"))
    .values(webhook_key=parameter("fingerprint", Text))
)
_OF = select(_configuration.webhook_key).where(_configuration.e_id == parameter("configuration_id"))
_shown = func.coalesce(_configuration.webhook_key, "").label("shown")
_COUNT = select(_shown, func.count().label("times")).where(*HAS_LIVE_WEBHOOK).group_by(_shown)


class PostgresWebhookKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def behind(self, fingerprint: str, *, after: UUID | None, limit: int) -> list[UUID]:
        wanted = {"fingerprint": fingerprint, "after": after or _FIRST, "limit": limit}
        return ids_of(self._connection, _BEHIND, wanted)

    def set(self, configuration_id: UUID, fingerprint: str) -> None:
        run(self._connection, _SET, {"configuration_id": configuration_id, "fingerprint": fingerprint})

    def of(self, configuration_id: UUID) -> str | None:
        return run(self._connection, _OF, {"configuration_id": configuration_id}).scalar()

    def count(self) -> Mapping[str, int]:
        return {row.shown: row.times for row in run(self._connection, _COUNT)}


_NOW = func.clock_timestamp()
_USED = (
    insert(api_key_use)
    .values(fingerprint=parameter("fingerprint", KEY), purpose=parameter("purpose", Text), last_used_at=_NOW)
    .on_conflict_do_update(
        index_elements=[_use.fingerprint, _use.purpose],
        set_={"last_used_at": func.greatest(_use.last_used_at, _NOW)},
    )
)
_ALL = select(api_key_use).order_by(_use.last_used_at.desc(), _use.fingerprint, _use.purpose)


class PostgresKeyUses:
    """A use locks its row until the transaction ends: not for a transaction that does more."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def used(self, fingerprint: str, purpose: str) -> None:
        run(self._connection, _USED, {"fingerprint": fingerprint, "purpose": purpose})

    def all(self) -> Sequence[KeyUse]:
        return [KeyUse(**row) for row in rows_of(self._connection, _ALL)]
