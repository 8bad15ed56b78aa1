"""Configurations: one row each, changed by compare-and-set, every change recorded."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import Conflict
from shared.domain.lifecycle import Administrative
from shared.persistence.configuration_records import ConfigurationRecords
from shared.persistence.configuration_rows import configuration_of, row_of
from shared.persistence.configuration_work import ConfigurationWork
from shared.persistence.sets import constant, first_of, parameter
from shared.persistence.tables import email_configuration
from shared.ports.clock import NewId
from shared.ports.configurations import Change
from shared.ports.rows import Lock

_column = email_configuration.c

_ONE = select(email_configuration).where(_column.e_id == parameter("e_id"))
# KEY SHARE and NO KEY: the ids never change, so that a lock of ours and the check of a foreign key do not meet.
_GET: dict[Lock, Select[tuple[object, ...]]] = {
    Lock.NONE: _ONE,
    Lock.SHARE: _ONE.with_for_update(read=True),
    Lock.UPDATE: _ONE.with_for_update(key_share=True),
}
# What a save never changes.
_FIXED = ("e_id", "tenant_id", "slug", "created_at")


class PostgresConfigurations(ConfigurationRecords, ConfigurationWork):
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        super().__init__(connection, new_id)

    def add(self, configuration: EmailConfiguration, change: Change) -> None:
        statement = insert(email_configuration).on_conflict_do_nothing().returning(func.clock_timestamp())
        recorded_at = self._connection.execute(statement, row_of(configuration)).scalar()
        if recorded_at is None:
            raise Conflict("the slug belongs to a configuration whose removal is not done")
        self._append(configuration, change, recorded_at=recorded_at)

    def get(
        self, e_id: UUID, *, tenant_id: UUID | None = None, lock: Lock = Lock.NONE
    ) -> EmailConfiguration | None:
        row = first_of(self._connection, _GET[lock], {"e_id": e_id})
        if row is None or tenant_id not in (None, row["tenant_id"]):
            return None
        return configuration_of(row)

    def save(self, configuration: EmailConfiguration, change: Change) -> EmailConfiguration:
        saved = replace(configuration, version=configuration.version + 1)
        recorded_at = self._set(saved)
        if recorded_at is None:
            raise Conflict("the configuration has changed since it was read")
        self._append(saved, change, recorded_at=recorded_at)
        return saved

    def _set(self, saved: EmailConfiguration) -> datetime | None:
        """The moment of the write, read while the row is locked: records are in the order of their times."""
        held = (_column.e_id == saved.e_id, _column.version == saved.version - 1)
        values = {name: value for name, value in row_of(saved).items() if name not in _FIXED}
        statement = update(email_configuration).where(*held).values(values).returning(func.clock_timestamp())
        try:
            with self._connection.begin_nested():
                return self._connection.execute(statement).scalar()
        except IntegrityError as error:
            if isinstance(error.orig, UniqueViolation):
                raise Conflict("another configuration of the tenant may send, or has this token") from None
            raise

    def tenant_has_other_sendable(self, configuration: EmailConfiguration) -> bool:
        others = select(_column.e_id).where(
            _column.tenant_id == configuration.tenant_id,
            _column.e_id != configuration.e_id,
            _column.retired_at.is_(None),
            _column.administrative.in_([constant(Administrative.UNLOCKED), constant(Administrative.LOCKING)]),
        )
        return self._connection.execute(select(others.exists())).scalar_one()

    def id_by_routing_hash(self, routing_token_hash: bytes) -> tuple[UUID, UUID] | None:
        wanted = select(_column.tenant_id, _column.e_id)
        row = self._connection.execute(wanted.where(_column.routing_token_hash == routing_token_hash)).first()
        return None if row is None else (row.tenant_id, row.e_id)
