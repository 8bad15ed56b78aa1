"""Jobs as operators look for them: a statement for each search, whose cost does not grow with the table."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, ScalarSelect, Select, or_, select, tuple_

from shared.domain.job import JobStatus
from shared.domain.suppression import normalised
from shared.persistence.searches import FEW, check_jobs, id_in, of_tenant
from shared.persistence.sets import constant
from shared.persistence.tables import email_configuration, email_job
from shared.ports.operators import JobSearch

_job = email_job.c
_configuration = email_configuration.c

Condition = ColumnElement[bool]


def jobs_asked(wanted: JobSearch, *, before: UUID | None, limit: int) -> Select[Any]:
    """Raises `InvalidValue` for what no index answers."""
    check_jobs(wanted)
    order = _order(wanted)
    conditions = [*_conditions(wanted)]
    if before is not None:
        conditions.append(_is_before(before, order))
    found = _few(conditions, order) if _finds_few(wanted) else _newest(conditions, order)
    page = found.limit(limit).subquery("page")
    # Rows are read of the page only: what a search leaves out may be millions, told from an index alone.
    return select(email_job).where(_job.e_id.in_(select(page.c.e_id))).order_by(*_newest_first(order))


def _few(conditions: list[Condition], order: list[Column[Any]]) -> Select[Any]:
    """Found first and sorted then: along an index that has the order, the few might be at its very end."""
    found = select(*order).where(*conditions).cte("found").prefix_with("MATERIALIZED")
    return select(found.c.e_id).order_by(*(found.c[column.name].desc() for column in order))


def _newest(conditions: list[Condition], order: list[Column[Any]]) -> Select[Any]:
    return select(_job.e_id).where(*conditions).order_by(*_newest_first(order))


def _newest_first(order: list[Column[Any]]) -> list[ColumnElement[Any]]:
    return [column.desc() for column in order]


def _finds_few(wanted: JobSearch) -> bool:
    return bool(wanted.text or normalised(wanted.recipient) or wanted.status in FEW)


def _order(wanted: JobSearch) -> list[Column[Any]]:
    """As the indexes are: a tenant's is by acceptance; across tenants there is the primary key."""
    return [_job.accepted_at, _job.e_id] if of_tenant(wanted) else [_job.e_id]


def _is_before(e_id: UUID, order: list[Column[Any]]) -> Condition:
    if len(order) == 1:
        return _job.e_id < e_id
    last = email_job.alias("last").c
    accepted_at = select(last.accepted_at).where(last.e_id == e_id).scalar_subquery()
    return tuple_(*order) < tuple_(accepted_at, e_id)


def _conditions(wanted: JobSearch) -> list[Condition]:
    tenant_id = _tenant_id(wanted)
    conditions = [*_within(wanted.accepted_from, wanted.accepted_until)]
    if tenant_id is not None:
        conditions.append(_job.tenant_id == tenant_id)
    if wanted.configuration_id is not None:
        conditions.append(_job.configuration_id == wanted.configuration_id)
    if normalised(wanted.recipient):
        conditions.append(_job.recipient == normalised(wanted.recipient))
    if wanted.status is not None:
        conditions.append(_has(wanted.status))
    if wanted.text:
        conditions.append(_is_called(wanted.text, tenant_id))
    return conditions


def _tenant_id(wanted: JobSearch) -> UUID | ScalarSelect[UUID] | None:
    """Also where only the configuration is named: the indexes are by tenant, who has hardly any other."""
    if wanted.tenant_id is not None or wanted.configuration_id is None:
        return wanted.tenant_id
    of_configuration = select(_configuration.tenant_id).where(_configuration.e_id == wanted.configuration_id)
    return of_configuration.scalar_subquery()


def _within(accepted_from: datetime | None, accepted_until: datetime | None) -> list[Condition]:
    since = [] if accepted_from is None else [_job.accepted_at >= accepted_from]
    until = [] if accepted_until is None else [_job.accepted_at < accepted_until]
    return since + until


def _has(status: JobStatus) -> Condition:
    return _job.status == constant(status)


def _is_called(text: str, tenant_id: UUID | ScalarSelect[UUID] | None) -> Condition:
    called = [_job.provider_message_id == text]
    if (e_id := id_in(text)) is not None:
        called.append(_job.e_id == e_id)
    if tenant_id is not None:
        # Whose it is, `_conditions` says. Said here again, it would count as another condition, and any index that
        # begins with the tenant would look as good as the one of the keys.
        called.append(_job.idempotency_key == text)
    return or_(*called)
