"""A configuration as a row, and as the snapshot that its history keeps."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, DateTime, Uuid, cast, collate, func

from shared.domain.configuration import EmailConfiguration, Provisioned, Step, StepFailure
from shared.domain.dns import MailDns
from shared.domain.lifecycle import Administrative, Operational
from shared.persistence import locators
from shared.persistence.tables import email_configuration

# Never in a record: what a history shows, it shows for ever and to more people.
SECRET = ("server_token", "routing_token_hash")

_PLAIN = (
    "e_id",
    "tenant_id",
    "slug",
    "from_local_part",
    "from_name",
    "reply_to_email",
    "operational_since",
    "administrative_since",
    "retired_at",
    "cleaned_up_at",
    "recovering",
    "routing_token_hash",
    "verification_started_at",
    "verification_due_at",
    "send_faults_in_a_row",
    "version",
    "created_at",
    "updated_at",
)
_PROVISIONED = (
    "server_id",
    "server_token",
    "signature_id",
    "domain_id",
    "webhook_id",
    "records_written",
    "undoing",
    "tries",
)
_DNS = ("dkim_host", "dkim_value", "return_path_host", "return_path_target")


def row_of(configuration: EmailConfiguration) -> dict[str, Any]:
    provisioned, failure, dns = configuration.provisioned, configuration.failure, configuration.dns
    return {
        **{name: getattr(configuration, name) for name in _PLAIN},
        **{name: getattr(provisioned, name) for name in _PROVISIONED},
        **{name: dns and getattr(dns, name) for name in _DNS},
        "operational": configuration.operational.value,
        "administrative": configuration.administrative.value,
        "intent": provisioned.intent and provisioned.intent.value,
        "failure_step": failure and failure.step.value,
        "failure_code": failure and failure.code,
        "failure_message": failure and failure.message,
    }


def configuration_of(row: Mapping[str, Any]) -> EmailConfiguration:
    return EmailConfiguration(
        **{name: row[name] for name in _PLAIN},
        operational=Operational(row["operational"]),
        administrative=Administrative(row["administrative"]),
        provisioned=Provisioned(
            **{name: row[name] for name in _PROVISIONED},
            intent=Step(row["intent"]) if row["intent"] is not None else None,
        ),
        dns=MailDns(*(row[name] for name in _DNS)) if row["dkim_host"] is not None else None,
        failure=_failure_of(row),
    )


def _failure_of(row: Mapping[str, Any]) -> StepFailure | None:
    if row["failure_step"] is None:
        return None
    return StepFailure(Step(row["failure_step"]), row["failure_code"], row["failure_message"])


def snapshot_of(configuration: EmailConfiguration) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row_of(configuration).items() if name not in SECRET}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


# A snapshot lives longer than the code that wrote it: a field it does not know yet has the value it has when new,
_WHEN_NEW = {
    "undoing": False,
    "tries": 0,
    "recovering": False,
    "records_written": False,
    "send_faults_in_a_row": 0,
}
# or the value of another that comes nearest.
_NEAREST = {"operational_since": "updated_at", "administrative_since": "updated_at"}


def configuration_of_snapshot(snapshot: Mapping[str, Any]) -> EmailConfiguration:
    names = email_configuration.c.keys()
    return configuration_of({name: _typed(name, _value_in(snapshot, name)) for name in names})


def _value_in(snapshot: Mapping[str, Any], name: str) -> Any:
    if name in snapshot:
        return snapshot[name]
    return snapshot[_NEAREST[name]] if name in _NEAREST else _WHEN_NEW.get(name)


def snapshot_columns(snapshot: ColumnElement[Any]) -> dict[str, ColumnElement[Any]]:
    """What may be asked of a snapshot, as it would be asked of the row it was taken of."""
    names = {locator.field for locator in locators.CONFIGURATION.values()} - {"retired"}
    return {
        **{name: _column_in(snapshot, name) for name in names},
        "retired": snapshot["retired_at"].astext.is_not(None),
    }


def _column_in(snapshot: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    held = snapshot[name].astext
    if name in _NEAREST:
        held = func.coalesce(held, snapshot[_NEAREST[name]].astext)
    kind = email_configuration.c[name].type
    collation = getattr(kind, "collation", None)
    return collate(held, collation) if collation else cast(held, kind)


def _typed(name: str, value: Any) -> Any:
    kind = email_configuration.c[name].type
    if value is None:
        return None
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    return UUID(value) if isinstance(kind, Uuid) else value
