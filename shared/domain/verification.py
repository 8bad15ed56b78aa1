"""What a check of a tenant's domain found: what the provider says, and what the zone holds beside what it should."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.dns import DnsRecord, MailDns, records_for


class Seen(StrEnum):
    """A record in the zone, compared with the one that has to be there."""

    MATCHES = "matches"
    DIFFERS = "differs"
    MISSING = "missing"
    # The zone was not asked, or did not answer.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look. None: nobody answered.

    `dkim_seen` and `return_path_seen` are what the zone held, "" when it held nothing. `provider_fault` and
    `zone_fault` are the codes of answers that did not come.
    """

    dkim_verified: bool | None = None
    return_path_verified: bool | None = None
    dkim_seen: str | None = None
    return_path_seen: str | None = None
    provider_fault: str | None = None
    zone_fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """Checks in a row that found the same, the first and the last of them."""

    check: Check
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Compared:
    """`verified` is the provider's word, None when it gave none."""

    expected: DnsRecord
    seen: str | None
    state: Seen
    verified: bool | None


def compare(dns: MailDns, check: Check | None) -> tuple[Compared, Compared]:
    """The DKIM record and the Return-Path record, each as expected and as last seen."""
    dkim, return_path = records_for(dns)
    found = check or Check()
    return (
        _compared(dkim, found.dkim_seen, found.dkim_verified),
        _compared(return_path, found.return_path_seen, found.return_path_verified),
    )


def _compared(expected: DnsRecord, seen: str | None, verified: bool | None) -> Compared:
    if seen is None:
        return Compared(expected, None, Seen.UNKNOWN, verified)
    if not seen:
        return Compared(expected, None, Seen.MISSING, verified)
    same = expected.holds(seen)
    return Compared(expected, seen, Seen.MATCHES if same else Seen.DIFFERS, verified)
