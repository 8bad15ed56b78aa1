"""What was known of a configuration, and when: records are appended and never changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, insert, select, true

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import NotFound
from shared.domain.query import Query
from shared.persistence import locators
from shared.persistence.configuration_rows import (
    configuration_of_snapshot,
    snapshot_columns,
    snapshot_of,
)
from shared.persistence.query import Asked
from shared.persistence.sets import first_of, rows_of
from shared.persistence.tables import email_configuration, email_configuration_record
from shared.ports.clock import NewId
from shared.ports.configurations import Change, ConfigurationRecord
from shared.ports.rows import Page

_configuration = email_configuration.c
_record = email_configuration_record.c

_ASKED = Asked(
    locators.CONFIGURATION,
    {**_configuration, "retired": _configuration.retired_at.is_not(None)},
    default="createdAt",
)
_CURRENT = select(email_configuration_record).join(
    email_configuration,
    (_record.configuration_id == _configuration.e_id) & (_record.version == _configuration.version),
)


class ConfigurationRecords:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def current_record(self, e_id: UUID) -> ConfigurationRecord:
        row = self._first(_CURRENT.where(_configuration.e_id == e_id))
        if row is None:
            raise NotFound("no such configuration")
        return row

    def record_as_of(
        self, e_id: UUID, *, effective: datetime | None, recorded: datetime | None
    ) -> ConfigurationRecord | None:
        return self._first(_as_of(effective, recorded).where(_record.configuration_id == e_id))

    def history(self, e_id: UUID) -> list[ConfigurationRecord]:
        wanted = select(email_configuration_record).where(_record.configuration_id == e_id)
        return [record_of(row) for row in rows_of(self._connection, wanted.order_by(_record.version))]

    def query(self, tenant_id: UUID, query: Query) -> Page[ConfigurationRecord]:
        return self._page(_ASKED.page(_CURRENT.where(_configuration.tenant_id == tenant_id), query), query)

    def query_as_of(
        self, tenant_id: UUID, query: Query, *, effective: datetime | None, recorded: datetime | None
    ) -> Page[ConfigurationRecord]:
        """One look at its records, by index, for each configuration of the tenant."""
        own = _as_of(effective, recorded).where(_record.configuration_id == _configuration.e_id)
        held = own.correlate(email_configuration).lateral("held")
        rows = select(held).join_from(email_configuration, held, true())
        asked = Asked(locators.CONFIGURATION, snapshot_columns(held.c.snapshot), default="createdAt")
        return self._page(asked.page(rows.where(_configuration.tenant_id == tenant_id), query), query)

    def _append(self, configuration: EmailConfiguration, change: Change, *, recorded_at: datetime) -> None:
        values: dict[str, Any] = {
            "r_id": self._new_id(),
            "configuration_id": configuration.e_id,
            "version": configuration.version,
            "snapshot": snapshot_of(configuration),
            "effective_at": change.effective_at or recorded_at,
            "recorded_at": recorded_at,
            "author": change.author,
            "cause": change.cause,
            "reason": change.reason,
        }
        values["previous"] = _last_id(configuration.e_id).scalar_subquery()
        self._connection.execute(insert(email_configuration_record).values(values))

    def _page(self, asked: Select[Any], query: Query) -> Page[ConfigurationRecord]:
        rows = [record_of(row) for row in rows_of(self._connection, asked)]
        return Page(tuple(rows[: query.size]), more=len(rows) > query.size)

    def _first(self, statement: Select[Any]) -> ConfigurationRecord | None:
        row = first_of(self._connection, statement)
        return None if row is None else record_of(row)


def _as_of(effective: datetime | None, recorded: datetime | None) -> Select[Any]:
    """Of a configuration's records the one that held at `effective`, by what was known at `recorded`."""
    wanted = select(email_configuration_record)
    if effective is not None:
        wanted = wanted.where(_record.effective_at <= effective)
    if recorded is not None:
        wanted = wanted.where(_record.recorded_at <= recorded)
    return wanted.order_by(_record.effective_at.desc(), _record.version.desc()).limit(1)


def _last_id(configuration_id: UUID) -> Select[tuple[UUID]]:
    recorded = select(_record.r_id).where(_record.configuration_id == configuration_id)
    return recorded.order_by(_record.version.desc()).limit(1)


def record_of(row: Mapping[str, Any]) -> ConfigurationRecord:
    return ConfigurationRecord(
        r_id=row["r_id"],
        configuration=configuration_of_snapshot(row["snapshot"]),
        effective_at=row["effective_at"],
        recorded_at=row["recorded_at"],
        author=row["author"],
        cause=row["cause"],
        reason=row["reason"],
        previous=row["previous"],
    )
