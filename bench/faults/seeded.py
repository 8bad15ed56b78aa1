"""Configurations by the hundred, put where provisioning would have put them, and taken away again.

Provisioning them would take as long as Route 53 allows. Rows, servers and records are written straight; none of them
sends, and none has a webhook.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from uuid import UUID, uuid4

from bench.faults.provider import Provider
from bench.faults.rows import Database
from shared.domain.dns import DnsRecord, MailDns, records_for
from shared.domain.naming import names_for

_COLUMNS = (
    "e_id, tenant_id, slug, from_local_part, from_name, operational, administrative, recovering, server_id,"
    " server_token, records_written, undoing, tries, dkim_host, dkim_value, return_path_host, return_path_target,"
    " send_faults_in_a_row, version, created_at, updated_at"
)
_INSERT = (
    f"INSERT INTO email_configuration ({_COLUMNS}) VALUES (%s, %s, %s, 'noreply', 'Rehearsal', 'OK', 'LOCKED', false,"
    " %s, %s, true, false, 0, %s, %s, %s, %s, 0, 1, now(), now())"
)


@dataclass(frozen=True)
class Seed:
    """`token`: the envelope of its server token."""

    slug: str
    zone: str
    e_id: UUID = field(default_factory=uuid4)
    tenant_id: UUID = field(default_factory=uuid4)
    server_id: int = 0
    token: str = field(default="", repr=False)

    @property
    def server_name(self) -> str:
        return names_for(self.slug, "noreply", self.zone).server_name

    @property
    def dns(self) -> MailDns:
        names = names_for(self.slug, "noreply", self.zone)
        return MailDns(
            dkim_host=f"20261122pm._domainkey.{names.sending_domain}",
            dkim_value=f"k=rsa;p={self.e_id.hex * 6}",
            return_path_host=names.return_path_domain,
            return_path_target="pm.mtasv.net",
        )

    @property
    def records(self) -> tuple[DnsRecord, DnsRecord]:
        return records_for(self.dns)


def seeds(count: int, zone: str) -> list[Seed]:
    run = token_hex(3)
    return [Seed(f"seed-{run}-{number:05d}", zone) for number in range(count)]


def insert_rows(database: Database, made: Sequence[Seed]) -> None:
    rows = [
        (
            one.e_id,
            one.tenant_id,
            one.slug,
            one.server_id or None,
            one.token or None,
            one.dns.dkim_host,
            one.dns.dkim_value,
            one.dns.return_path_host,
            one.dns.return_path_target,
        )
        for one in made
    ]
    with database.connect() as connection, connection.transaction():
        connection.cursor().executemany(_INSERT, rows)


def delete_rows(database: Database, made: Sequence[Seed]) -> None:
    ids = [one.e_id for one in made]
    with database.connect() as connection, connection.transaction():
        for table in ("drift_finding", "drift_sighting"):
            connection.execute(f"DELETE FROM {table} WHERE configuration_id = ANY(%s)", [ids])
        connection.execute("DELETE FROM email_configuration WHERE e_id = ANY(%s)", [ids])


@contextmanager
def servers_made(
    provider: Provider, names: Sequence[str], tell: Callable[[str], None]
) -> Iterator[dict[str, int]]:
    """Name to id, while it lasts."""
    ids: dict[str, int] = {}
    try:
        for number, name in enumerate(names):
            if number % 100 == 0:
                tell(f"server {number} of {len(names)}")
            ids[name] = provider.make_server(name)
        yield ids
    finally:
        for server_id in ids.values():
            provider.drop_server(server_id)


@contextmanager
def records_made(provider: Provider, records: Sequence[DnsRecord]) -> Iterator[None]:
    provider.change_records("UPSERT", records)
    try:
        yield
    finally:
        provider.drop_records(records)
