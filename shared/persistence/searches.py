"""What operators may search by. Known here without SQL, so that whatever answers refuses the same things."""

from uuid import UUID

from shared.domain.errors import InvalidValue
from shared.domain.job import JobStatus
from shared.domain.suppression import normalised
from shared.persistence.locators import storable
from shared.ports.operators import ConfigurationSearch, JobSearch, SuppressionSearch

# Statuses that a job passes through, or that somebody ends: each has an index that holds nothing else.
FEW = (JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT, JobStatus.INCONSISTENT)
_SERVER_ID_MAX = 2**63 - 1


def check_configurations(wanted: ConfigurationSearch) -> None:
    storable("text", wanted.text)


def check_jobs(wanted: JobSearch) -> None:
    storable("text", wanted.text)
    storable("recipient", wanted.recipient)
    if of_tenant(wanted) or wanted.text or wanted.status in FEW:
        return
    if wanted.recipient:
        raise InvalidValue(
            "recipient", "name a tenant or a configuration too: recipients are found within one"
        )
    few = ", ".join(FEW)
    raise InvalidValue(
        "tenantId", f"name a tenant, a configuration, an id of a job or message, or one of {few}"
    )


def check_suppressions(wanted: SuppressionSearch) -> None:
    storable("address", wanted.address)
    if not normalised(wanted.address) and wanted.tenant_id is None:
        raise InvalidValue("address", "give an address, or name a tenant")


def of_tenant(wanted: JobSearch) -> bool:
    return wanted.tenant_id is not None or wanted.configuration_id is not None


def id_in(text: str) -> UUID | None:
    """In its usual form only: `UUID()` itself also takes braces, a URN and stray hyphens."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


def server_id_in(text: str) -> int | None:
    number = (
        int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_SERVER_ID_MAX)) else None
    )
    return number if number is not None and str(number) == text and number <= _SERVER_ID_MAX else None
