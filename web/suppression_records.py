"""Suppressions as we answer them."""

from uuid import UUID, uuid5

from shared.domain.suppression import SuppressionReason
from web.intake.suppression import Listed, Provider
from web.moments import milliseconds, milliseconds_or_none
from web.records import AsOf, Metadata, Moment, Output, Record


class SuppressionPayload(Output):
    """`provider`: of an entry that is lifted, whether the provider's own list has let go of the address too."""

    e_id: UUID
    address: str
    reason: SuppressionReason
    active: bool
    since: Moment
    lifted_at: Moment | None
    provider: Provider | None
    provider_message: str | None
    source_event_id: UUID | None
    note: str | None
    created_at: Moment
    updated_at: Moment


def suppression_record(listed: Listed) -> Record[SuppressionPayload]:
    entry = listed.entry
    updated_at = milliseconds(entry.updated_at)
    return Record(
        r_id=uuid5(entry.e_id, entry.updated_at.isoformat()),
        as_of=AsOf(effective=updated_at, recorded=updated_at),
        payload=SuppressionPayload(
            e_id=entry.e_id,
            address=entry.address,
            reason=entry.reason,
            active=entry.active,
            since=milliseconds(entry.since),
            lifted_at=milliseconds_or_none(entry.lifted_at),
            provider=listed.provider,
            provider_message=listed.provider_message,
            source_event_id=entry.source_event_id,
            note=entry.note,
            created_at=milliseconds(entry.created_at),
            updated_at=updated_at,
        ),
        metadata=Metadata(tenant_id=entry.tenant_id),
        author=entry.author,
        previous=None,
        retired=not entry.active,
    )
