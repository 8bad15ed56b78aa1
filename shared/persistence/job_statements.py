"""The other statements about jobs, made once: accepting, finding, counting, and what the scheduler looks for."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, cast, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert

from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.persistence import locators
from shared.persistence.account import SHUT
from shared.persistence.claims import IN_DOUBT, QUEUED, SENDING
from shared.persistence.due import configurations_waiting, due_now
from shared.persistence.held import HELD
from shared.persistence.job_rows import CONTENT_KINDS, JOB_KINDS
from shared.persistence.pressure import BLOCKED
from shared.persistence.query import Asked
from shared.persistence.sets import Kind, any_of, constant, given_rows, parameter
from shared.persistence.tables import (
    email_configuration,
    email_job,
    email_job_content,
    send_pressure,
    suppression_entry,
)

_job = email_job.c
_configuration = email_configuration.c
_entry = suppression_entry.c
_LIMIT = parameter("limit", Integer)

ASKED = Asked(locators.JOB, {**_job}, default="acceptedAt")

BY_KEYS = select(email_job).where(
    _job.tenant_id == parameter("tenant_id"), any_of(_job.idempotency_key, "keys")
)

ACCEPT = (
    insert(email_job)
    .from_select(list(JOB_KINDS), select(given_rows(**JOB_KINDS)))
    .on_conflict_do_nothing(index_elements=[_job.tenant_id, _job.idempotency_key])
    .returning(_job.e_id)
)

_JSON = ("metadata", "attachments")
ADD_CONTENTS = insert(email_job_content).from_select(
    list(CONTENT_KINDS),
    select(
        *(cast(given, JSONB) if given.name in _JSON else given for given in given_rows(**CONTENT_KINDS).c),
    ),
)


# Of a job that is offered: as array parameters, like those of JOB_KINDS.
OFFER_KINDS: dict[str, Kind] = {
    name: {**JOB_KINDS, **CONTENT_KINDS}[name]
    for name in (
        *("tenant_id", "author", "e_id", "configuration_id"),
        *("recipient", "idempotency_key", "body_hash", "tag", "trace"),
        *("subject", "html_body", "text_body", "reply_to_email", "metadata", "attachments"),
    )
}


def _offer(rows: Select[Any], *, waits: bool) -> Select[Any]:
    """Takes what passes all gates. `waits`: for whoever changes a configuration; else its jobs are passed over."""
    given = rows.cte("offered").prefix_with("MATERIALIZED")
    # Shared with other offers, and not with whoever is about to lock it: in one order, so that none waits for two.
    sendable = (
        select(_configuration.e_id, _configuration.tenant_id)
        .where(
            tuple_(_configuration.e_id, _configuration.tenant_id).in_(
                select(given.c.configuration_id, given.c.tenant_id)
            ),
            _configuration.retired_at.is_(None),
            _configuration.operational.in_([constant(Operational.OK), constant(Operational.DEGRADED)]),
            _configuration.administrative == constant(Administrative.UNLOCKED),
        )
        .order_by(_configuration.e_id)
        .with_for_update(read=True, skip_locked=not waits)
        .cte("sendable")
        .prefix_with("MATERIALIZED")
    )
    own = (sendable.c.e_id == given.c.configuration_id, sendable.c.tenant_id == given.c.tenant_id)
    listed = select(_entry.e_id).where(
        _entry.tenant_id == given.c.tenant_id, _entry.address == given.c.recipient, _entry.active
    )
    job = {
        **{name: given.c[name] for name in OFFER_KINDS if name in JOB_KINDS},
        "status": constant(JobStatus.QUEUED),
        **dict.fromkeys(("accepted_at", "updated_at", "due_at"), func.now()),
        **dict.fromkeys(("attempts", "late_looks", "worker_deaths", "version"), literal_column("0", Integer)),
    }
    passing = (
        select(*job.values())
        .select_from(given.join(sendable, and_(*own)))
        .where(~HELD, ~listed.exists())
        # Two batches with the same keys wait for one another in one direction only.
        .order_by(given.c.idempotency_key, given.c.tenant_id)
    )
    added = (
        insert(email_job)
        .from_select(list(job), passing)
        .on_conflict_do_nothing(index_elements=[_job.tenant_id, _job.idempotency_key])
        .returning(_job.e_id, _job.accepted_at)
        .cte("added")
    )
    content: dict[str, ColumnElement[Any]] = {"job_id": given.c.e_id}
    for name in OFFER_KINDS:
        if name in CONTENT_KINDS:
            content[name] = cast(given.c[name], JSONB) if name in _JSON else given.c[name]
    contents = insert(email_job_content).from_select(
        list(content), select(*content.values()).join(added, added.c.e_id == given.c.e_id)
    )
    return select(added.c.e_id, added.c.accepted_at).add_cte(contents.cte("contents"))


_OFFERED = select(given_rows(**OFFER_KINDS))
OFFER = _offer(_OFFERED, waits=True)
# Of whoever came at the same time: nobody waits for what another one's configuration waits for.
OFFER_TOGETHER = _offer(_OFFERED, waits=False)
# Of one job: arrays of one element each take longer to write and to read.
OFFER_ONE = _offer(
    select(*(parameter(name, kind).label(name) for name, kind in OFFER_KINDS.items())), waits=False
)


def _count(status: ColumnElement[bool]) -> ColumnElement[int]:
    counted = select(func.count()).select_from(email_job)
    return counted.where(_job.configuration_id == parameter("configuration_id"), status).scalar_subquery()


# Three counts, each from its own partial index: an OR of the three would not be.
IN_FLIGHT = select(_count(QUEUED) + _count(SENDING) + _count(IN_DOUBT))
IN_FLIGHT_BY_STATUS = select(
    _count(QUEUED).label(JobStatus.QUEUED),
    _count(SENDING).label(JobStatus.SENDING),
    _count(IN_DOUBT).label(JobStatus.IN_DOUBT),
)


# Ordered, or a table of which most is due would be read from its beginning, whoever's jobs stand there.
FIRST_DUE = (
    select(_job.e_id)
    .where(_job.configuration_id == parameter("configuration_id"), QUEUED, _job.due_at <= func.now())
    .order_by(_job.due_at)
    .limit(1)
)


def _due_jobs() -> Select[tuple[object]]:
    queued = configurations_waiting(_job.configuration_id, _job.due_at, QUEUED)
    may_claim = (
        _configuration.retired_at.is_(None),
        _configuration.operational.in_([constant(Operational.OK), constant(Operational.DEGRADED)]),
        _configuration.administrative != constant(Administrative.LOCKED),
    )
    # Whom the provider told to wait would be found again and again, and hide those who may go on.
    blocked = BLOCKED.where(send_pressure.c.scope == queued.c.configuration_id)
    joined = due_now(queued).join(email_configuration, _configuration.e_id == queued.c.configuration_id)
    return joined.where(*may_claim, ~blocked.exists(), ~SHUT).limit(_LIMIT)


DUE_JOBS = _due_jobs()
_doubts = due_now(configurations_waiting(_job.configuration_id, _job.due_at, IN_DOUBT))
DUE_DOUBTS = _doubts.where(~HELD).limit(_LIMIT)
