"""Where our rows and the world may differ: three assertions, five findings. Judged here, never repaired."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.domain.configuration import EmailConfiguration, Step
from shared.domain.dns import DnsRecord, canonical, records_for
from shared.domain.lifecycle import Operational

# A record with a longer TTL than this is reported all the same: somebody may have set a week.
GRACE_MAX_SECONDS = 3600.0


class Assertion(StrEnum):
    """Spelled as the settings that switch them on."""

    POSTMARK_INVENTORY = "postmarkInventory"
    REGISTRY = "registry"
    DNS = "dns"

    @property
    def e_id(self) -> UUID:
        """Of its row: the same in every database, so that whoever rings need not look it up."""
        return uuid5(NAMESPACE_URL, f"shop-access.email/drift/{self}")


class Drift(StrEnum):
    """The tags of findings."""

    ORPHAN_DB_ROW = "email.drift.postmark_orphan_db_row"
    ORPHAN_SERVER = "email.drift.postmark_orphan_server"
    MISSING_KEY = "email.drift.registry_missing_key"
    DKIM_MISMATCH = "email.drift.dns_dkim_mismatch"
    RETURN_PATH_MISMATCH = "email.drift.dns_return_path_mismatch"


FINDINGS: Mapping[Assertion, tuple[Drift, ...]] = {
    Assertion.POSTMARK_INVENTORY: (Drift.ORPHAN_DB_ROW, Drift.ORPHAN_SERVER),
    Assertion.REGISTRY: (Drift.MISSING_KEY,),
    Assertion.DNS: (Drift.DKIM_MISMATCH, Drift.RETURN_PATH_MISMATCH),
}


class Verdict(StrEnum):
    """Of one round of an assertion."""

    CLEAN = "clean"
    DRIFTED = "drifted"
    # The other side did not answer: nothing is found, and nothing is taken for mended.
    COULD_NOT_TELL = "could_not_tell"


class Problem(StrEnum):
    ABSENT = "absent"
    # There is one, with another value or id.
    DIFFERENT = "different"
    # Nothing of ours accounts for it.
    UNACCOUNTED = "unaccounted"


class FindingState(StrEnum):
    # Seen, and not told of before it is as old as the record may live in caches.
    YOUNG = "young"
    OPEN = "open"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class ServerListed:
    """As the provider lists it; its tokens stay in the gateway."""

    server_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One difference. Tag and subject are its identity: the same one is found again under them."""

    tag: Drift
    problem: Problem
    configuration_id: UUID | None = None
    tenant_id: UUID | None = None
    server_id: int | None = None
    server_name: str | None = None
    key_version: str | None = None
    record_name: str | None = None
    # Younger than this it is not told of.
    grace_seconds: float = 0.0

    @property
    def subject(self) -> str:
        """A server without a row is itself the subject; everything else is a configuration's."""
        return str(self.server_id if self.tag is Drift.ORPHAN_SERVER else self.configuration_id)

    def context(self) -> dict[str, Any]:
        """What a person needs to look it up, by the names of the API; what is not known is left out."""
        named = {
            "eId": self.configuration_id and str(self.configuration_id),
            "postmarkServerId": self.server_id,
            "postmarkServerName": self.server_name,
            "keyVersionId": self.key_version,
            "recordName": self.record_name,
            "problem": self.problem.value,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A discrepancy as a row. `since_at`: when it was first seen this time; `first_seen_at`: ever."""

    e_id: UUID
    discrepancy: Discrepancy
    first_seen_at: datetime
    since_at: datetime
    last_seen_at: datetime
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str | None = None
    snooze_reason: str | None = None

    def state(self, now: datetime) -> FindingState:
        if self.resolved_at is not None:
            return FindingState.RESOLVED
        if self.opened_at is None:
            return FindingState.YOUNG
        snoozed = self.snoozed_until is not None and self.snoozed_until > now
        return FindingState.SNOOZED if snoozed else FindingState.OPEN


@dataclass(frozen=True, slots=True)
class Round:
    """One run of an assertion; `token` fences what it writes."""

    assertion: Assertion
    token: UUID


def judge_server(server: ServerListed, row: EmailConfiguration | None) -> Discrepancy | None:
    """`row`: the one that has the slug in the server's name, None when no row has it (any more)."""
    if row is not None and _accounts_for(row, server):
        return None
    return Discrepancy(
        tag=Drift.ORPHAN_SERVER,
        problem=Problem.UNACCOUNTED,
        configuration_id=row.e_id if row else None,
        tenant_id=row.tenant_id if row else None,
        server_id=server.server_id,
        server_name=server.name,
    )


def _accounts_for(row: EmailConfiguration, server: ServerListed) -> bool:
    """By its id, or by the intent of a create whose answer is not here yet."""
    made = row.provisioned
    if made.server_id is None:
        return made.intent is Step.CREATE_SERVER
    return made.server_id == server.server_id and row.cleaned_up_at is None


def expects_server(row: EmailConfiguration) -> bool:
    made = row.provisioned
    return not row.retired and not made.undoing and made.server_id is not None


def judge_row_without_server(row: EmailConfiguration) -> Discrepancy | None:
    """Of a row whose server was in no page of the list."""
    if not expects_server(row):
        return None
    return Discrepancy(
        tag=Drift.ORPHAN_DB_ROW,
        problem=Problem.ABSENT,
        configuration_id=row.e_id,
        tenant_id=row.tenant_id,
        server_id=row.provisioned.server_id,
    )


def judge_key(row: EmailConfiguration, key_version: str, mounted: Collection[str]) -> Discrepancy | None:
    if key_version in mounted:
        return None
    return Discrepancy(
        tag=Drift.MISSING_KEY,
        problem=Problem.ABSENT,
        configuration_id=row.e_id,
        tenant_id=row.tenant_id,
        server_id=row.provisioned.server_id,
        key_version=key_version,
    )


def expects_records(row: EmailConfiguration) -> bool:
    made = row.provisioned
    at_rest = row.operational is not Operational.PROVISIONING and not made.undoing
    return not row.retired and at_rest and made.records_written and row.dns is not None


def expected_records(row: EmailConfiguration) -> Iterator[tuple[Drift, DnsRecord]]:
    """Each record that has to be in the zone, and what it is called when it is not."""
    if expects_records(row) and row.dns is not None:
        yield from zip(FINDINGS[Assertion.DNS], records_for(row.dns), strict=True)


def is_of(record: DnsRecord, expected: DnsRecord) -> bool:
    """Whether `record`, as the zone has it, is the one expected, with whatever value."""
    return record.type == expected.type and canonical(record.name) == canonical(expected.name)


def judge_record(
    row: EmailConfiguration, tag: Drift, expected: DnsRecord, found: DnsRecord | None
) -> Discrepancy | None:
    """`found`: what the zone has under this name and type."""
    if found is not None and expected.holds(found.value):
        return None
    ttl_seconds = expected.ttl_seconds if found is None else found.ttl_seconds
    return Discrepancy(
        tag=tag,
        problem=Problem.ABSENT if found is None else Problem.DIFFERENT,
        configuration_id=row.e_id,
        tenant_id=row.tenant_id,
        record_name=canonical(expected.name),
        grace_seconds=min(float(ttl_seconds), GRACE_MAX_SECONDS),
    )
