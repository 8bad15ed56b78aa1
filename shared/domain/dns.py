"""The two records that make a tenant's domain sendable, and what a zone may hold."""

from dataclasses import dataclass

from shared.domain.errors import InvalidValue

TTL_SECONDS = 300
# RFC 1035 3.3: one character-string of a TXT record.
TXT_CHUNK_BYTES = 255


@dataclass(frozen=True, slots=True)
class MailDns:
    """What Postmark wants to find: the DKIM TXT and the Return-Path CNAME. Names without a last dot."""

    dkim_host: str
    dkim_value: str
    return_path_host: str
    return_path_target: str


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """`value` is plain text: quoting and splitting belong to whoever writes the zone."""

    name: str
    type: str
    value: str
    ttl_seconds: int = TTL_SECONDS

    def holds(self, value: str) -> bool:
        """Whether `value` means the same: the target of a CNAME is a name, the text of a TXT is not."""
        if self.type == "CNAME":
            return canonical(value) == canonical(self.value)
        return value == self.value


def records_for(mail_dns: MailDns) -> tuple[DnsRecord, DnsRecord]:
    return (
        DnsRecord(mail_dns.dkim_host, "TXT", mail_dns.dkim_value),
        DnsRecord(mail_dns.return_path_host, "CNAME", mail_dns.return_path_target),
    )


def checked_in_zone(record: DnsRecord, zone_name: str) -> DnsRecord:
    """Refuse a name outside the partition's zone: it would be another partition's, or nobody's."""
    zone = canonical(zone_name)
    if not canonical(record.name).endswith("." + zone):
        raise InvalidValue("record", f"{record.name} is not inside the zone {zone}")
    return record


def canonical(name: str) -> str:
    return name.rstrip(".").lower()


def txt_chunks(value: str) -> list[str]:
    """Split at 255 bytes. DKIM values are ASCII, so bytes are characters; `InvalidValue` for anything else."""
    if not value.isascii():
        raise InvalidValue("record", "a TXT value of ours is ASCII")
    return [value[start : start + TXT_CHUNK_BYTES] for start in range(0, len(value), TXT_CHUNK_BYTES)] or [""]
