"""How each configuration's webhook does, and when it is to be looked at again."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Integer, Interval, case, func, null, select, union_all
from sqlalchemy.dialects.postgresql import insert

from shared.domain.errors import NotFound
from shared.domain.webhook import WebhookHealth, WebhookReport, WebhookState
from shared.persistence.sets import constant, first_of, ids_of, parameter, rows_of, run
from shared.persistence.tables import MOMENT, email_configuration, webhook_look
from shared.persistence.webhook_keys import HAS_LIVE_WEBHOOK

_column = webhook_look.c
_configuration = email_configuration.c
_LIMIT = parameter("limit", Integer)
_ID = parameter("configuration_id")
_HEALTH = ("state", "webhooks", "paused", "requests", "failures", "reverified", "fault")


def _due() -> Any:
    """Never looked at, found among the few configurations; then the due ones, by their index. Each at most `limit`."""
    due_at = _column.due_at.label("due_at")
    looked_at = select(_column.configuration_id).where(_column.configuration_id == _configuration.e_id)
    never = select(_configuration.e_id, null().cast(MOMENT).label("due_at")).where(
        *HAS_LIVE_WEBHOOK, ~looked_at.exists()
    )
    again = (
        select(_configuration.e_id, due_at)
        .join(webhook_look, _column.configuration_id == _configuration.e_id)
        .where(*HAS_LIVE_WEBHOOK, _column.due_at <= func.now())
        .order_by(_column.due_at)
    )
    both = union_all(never.limit(_LIMIT), again.limit(_LIMIT)).subquery("both")
    return select(both.c.e_id).order_by(both.c.due_at.nulls_first(), both.c.e_id).limit(_LIMIT)


_NEXT = func.clock_timestamp() + parameter("pause", Interval)
_of_one = select(_configuration.e_id).where(_configuration.e_id == _ID)


def _take() -> Any:
    first = insert(webhook_look).from_select(
        ["configuration_id", "due_at"], _of_one.add_columns(_NEXT).where(*HAS_LIVE_WEBHOOK)
    )
    return first.on_conflict_do_update(
        index_elements=[_column.configuration_id],
        set_={"due_at": _NEXT},
        where=_column.due_at <= func.now(),
    ).returning(_column.configuration_id)


def _record() -> Any:
    given = {name: parameter(name, _column[name].type) for name in _HEALTH}
    # Due at once when nobody took it: whoever takes says when the next look is.
    first = insert(webhook_look).from_select(
        ["configuration_id", "due_at", "checked_at", "since", *given],
        _of_one.add_columns(func.now(), func.now(), func.now(), *given.values()),
    )
    same = _column.state == given["state"]
    values = {
        **given,
        "checked_at": func.now(),
        "since": case((same, _column.since), else_=func.now()),
    }
    return first.on_conflict_do_update(index_elements=[_column.configuration_id], set_=values).returning(
        _column.configuration_id
    )


_DUE, _TAKE, _RECORD = _due(), _take(), _record()
_REPORT = select(webhook_look).where(_column.configuration_id == _ID, _column.state.is_not(None))
_LIVE = select(webhook_look).join(email_configuration, _configuration.e_id == _column.configuration_id)
_AILING = (
    _LIVE.where(*HAS_LIVE_WEBHOOK, _column.state != constant(WebhookState.OK))
    .order_by(_column.since, _column.configuration_id)
    .limit(_LIMIT)
)
_COUNT = (
    _LIVE.with_only_columns(_column.state, func.count().label("times"))
    .where(*HAS_LIVE_WEBHOOK, _column.state.is_not(None))
    .group_by(_column.state)
)


class PostgresWebhookLooks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, limit: int) -> list[UUID]:
        return ids_of(self._connection, _DUE, {"limit": limit})

    def take(self, configuration_id: UUID, *, next_due_seconds: float) -> bool:
        wanted = {"configuration_id": configuration_id, "pause": timedelta(seconds=next_due_seconds)}
        return run(self._connection, _TAKE, wanted).scalar() is not None

    def record(self, configuration_id: UUID, health: WebhookHealth) -> None:
        given = {**asdict(health), "state": health.state.value, "paused": list(health.paused)}
        if run(self._connection, _RECORD, {"configuration_id": configuration_id, **given}).scalar() is None:
            raise NotFound("no such configuration")

    def report(self, configuration_id: UUID) -> WebhookReport | None:
        row = first_of(self._connection, _REPORT, {"configuration_id": configuration_id})
        return None if row is None else _report_of(row)

    def ailing(self, limit: int) -> list[tuple[UUID, WebhookReport]]:
        rows = rows_of(self._connection, _AILING, {"limit": limit})
        return [(row["configuration_id"], _report_of(row)) for row in rows]

    def count_by_state(self) -> Mapping[str, int]:
        return {row.state: row.times for row in run(self._connection, _COUNT)}


def _report_of(row: Mapping[str, Any]) -> WebhookReport:
    said = {name: row[name] for name in _HEALTH}
    health = WebhookHealth(**{**said, "state": WebhookState(row["state"]), "paused": tuple(row["paused"])})
    return WebhookReport(health=health, checked_at=row["checked_at"], since=row["since"])
