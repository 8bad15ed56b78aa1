"""Configurations as drift checks need them: by what the other side shows of them, and what it did not show."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Integer, Select, Text, func, select

from shared.domain.configuration import EmailConfiguration
from shared.domain.drift import FINDINGS, Assertion, Drift, Round
from shared.persistence.configuration_rows import configuration_of
from shared.persistence.drift_rounds import hold, of
from shared.persistence.sealed_tokens import KEY_VERSION, SEALED
from shared.persistence.sets import any_of, first_of, parameter, rows_of
from shared.persistence.tables import drift_sighting, email_configuration

_column = email_configuration.c
_sighting = drift_sighting.c
_FIRST = UUID(int=0)

_BY_SLUG = select(email_configuration).where(any_of(_column.slug, "slugs"), _column.cleaned_up_at.is_(None))
_BY_SERVER = (
    select(email_configuration)
    .where(_column.server_id == parameter("server_id", _column.server_id.type))
    .order_by(_column.created_at.desc(), _column.e_id.desc())
    .limit(1)
)


def _page(wanted: Select[Any]) -> Select[Any]:
    """The table of configurations is small: its primary key gives the order, and the rest is a filter."""
    following = wanted.where(_column.e_id > parameter("after"))
    return following.order_by(_column.e_id).limit(parameter("limit", Integer))


_sighted = select(_sighting.configuration_id).where(
    _sighting.assertion_id == parameter("assertion_id"),
    _sighting.configuration_id == _column.e_id,
    _sighting.tag == parameter("tag", Text),
)
_UNSIGHTED = select(email_configuration).where(_column.retired_at.is_(None), ~_sighted.exists())
_WITH_RECORDS = _page(_UNSIGHTED.where(_column.records_written))
_UNSIGHTED_OF: Mapping[Drift, Select[Any]] = {
    Drift.ORPHAN_DB_ROW: _page(_UNSIGHTED.where(_column.server_id.is_not(None))),
    **dict.fromkeys(FINDINGS[Assertion.DNS], _WITH_RECORDS),
}
_key_version = KEY_VERSION.label("key_version")
_BY_OTHERS = _page(
    select(email_configuration, _key_version).where(
        SEALED, _key_version != func.all(parameter("versions", ARRAY(Text)))
    )
)


class PostgresDriftRows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_slug(self, slugs: Collection[str]) -> Mapping[str, EmailConfiguration]:
        rows = rows_of(self._connection, _BY_SLUG, {"slugs": list(slugs)})
        return {row["slug"]: configuration_of(row) for row in rows}

    def by_server(self, server_id: int) -> EmailConfiguration | None:
        row = first_of(self._connection, _BY_SERVER, {"server_id": server_id})
        return None if row is None else configuration_of(row)

    def unsighted(
        self, round: Round, tag: Drift, *, after: UUID | None, limit: int
    ) -> list[EmailConfiguration]:
        """The sheet of a round that was overtaken is another's: to go by it would be to miss everything."""
        hold(self._connection, round)
        page = {"assertion_id": of(round)["assertion_id"], "tag": tag.value, "after": after or _FIRST}
        rows = rows_of(self._connection, _UNSIGHTED_OF[tag], {**page, "limit": limit})
        return [configuration_of(row) for row in rows]

    def sealed_by_others(
        self, versions: Collection[str], *, after: UUID | None, limit: int
    ) -> list[tuple[EmailConfiguration, str]]:
        page = {"versions": list(versions), "after": after or _FIRST, "limit": limit}
        rows = rows_of(self._connection, _BY_OTHERS, page)
        return [(configuration_of(row), row["key_version"]) for row in rows]
