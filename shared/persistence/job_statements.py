"""The other statements about jobs, made once: accepting, finding, counting, and what the scheduler looks for."""

from sqlalchemy import ColumnElement, Integer, Select, cast, func, select
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
from shared.persistence.sets import any_of, constant, given_rows, parameter
from shared.persistence.tables import email_configuration, email_job, email_job_content, send_pressure

_job = email_job.c
_configuration = email_configuration.c
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
