"""Who made what at the provider and in DNS: whatever a configuration has there, its row has to know of."""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from shared.domain.configuration import EmailConfiguration, Step
from shared.domain.lifecycle import Operational
from shared.domain.naming import Names, names_for
from tests.fakes.dns import FakeZone
from tests.fakes.postmark import FakePostmark

Thing = tuple[str, int]
# In these states a configuration has everything that it needs at the provider.
WHOLE = (
    Operational.AWAITING_VERIFICATION,
    Operational.OK,
    Operational.DEGRADED,
    Operational.UNVERIFIED,
    Operational.FAILURE,
)
_INTENT = {
    "server": Step.CREATE_SERVER,
    "signature": Step.CREATE_SIGNATURE,
    "domain": Step.CREATE_SIGNATURE,
    "webhook": Step.INSTALL_WEBHOOK,
}


@dataclass
class Ledger:
    """`owners` has everything that was ever made for a configuration; what a stranger made is in `strange`."""

    postmark: FakePostmark
    zone: FakeZone
    owners: dict[Thing, UUID] = field(default_factory=dict)
    strange: set[Thing] = field(default_factory=set)
    servers_of_webhooks: dict[int, int] = field(default_factory=dict)

    def things(self) -> set[Thing]:
        servers = self.postmark.servers
        for server_id, server in servers.items():
            self.servers_of_webhooks.update(dict.fromkeys(server.webhooks, server_id))
        return (
            {("server", key) for key in servers}
            | {("signature", key) for key in self.postmark.signatures}
            | {("domain", key) for key in self.postmark.domains}
            | {("webhook", key) for server in servers.values() for key in server.webhooks}
        )

    def made_by(self, e_id: UUID) -> None:
        """What is new since the last call was made for this configuration."""
        for thing in self.things() - self.owners.keys() - self.strange:
            self.owners[thing] = e_id

    def strangers_make(self, what: str, names: Names) -> None:
        """Somebody makes something of that name by hand, or another installation does."""
        before = self.things()
        if what == "server":
            self.postmark.add_server(names.server_name)
        else:
            self.postmark.add_domain(names.sending_domain, names.return_path_domain)
        self.strange |= self.things() - before

    def strangers_leave(self) -> None:
        for what, key in self.strange:
            (self.postmark.servers if what == "server" else self.postmark.domains).pop(key, None)
        self.strange.clear()

    def names(self, row: EmailConfiguration) -> Names:
        return names_for(row.slug, row.from_local_part, self.zone.name)

    def of(self, e_id: UUID) -> set[Thing]:
        return {thing for thing in self.things() if self.owners.get(thing) == e_id}

    def in_the_way(self, row: EmailConfiguration) -> bool:
        """Something of this configuration's name that is not its own."""
        names = self.names(row)
        named = {
            ("server", key) for key, one in self.postmark.servers.items() if one.name == names.server_name
        }
        domains = self.postmark.domains.items()
        named |= {("domain", key) for key, one in domains if one.name == names.sending_domain}
        return any(self.owners.get(thing) != row.e_id for thing in named)

    def records_of(self, row: EmailConfiguration) -> int:
        domain = self.names(row).sending_domain
        return sum(name.endswith(f".{domain}") for name, _ in self.zone.records)

    def is_whole(self, row: EmailConfiguration) -> bool:
        there = row.provisioned
        named = {
            ("server", there.server_id),
            ("signature", there.signature_id),
            ("domain", there.domain_id),
            ("webhook", there.webhook_id),
        }
        return self.of(row.e_id) == named and self.records_of(row) == 2

    def is_gone(self, row: EmailConfiguration) -> bool:
        """But for a server that the provider does not let us delete, which is a finding, with what hangs on it."""
        left = self.of(row.e_id)
        if row.failure is not None and row.failure.code == "604":
            kept = row.provisioned.server_id
            left -= {("server", kept)} if kept is not None else set()
            left -= {thing for thing in left if thing[0] == "webhook" and self._server_of(thing) == kept}
        return not left

    def check(self, row: EmailConfiguration) -> None:
        """Never lost unseen, and never two of anything."""
        mine = self.of(row.e_id)
        for what, count in Counter(what for what, _ in mine).items():
            assert count == 1, f"{row.slug} has {count} of {what}"
        for what, key in mine:
            assert self._is_known(row, what, key), f"{row.slug}: {what} {key} is not in {row.provisioned}"
        there = row.provisioned
        known = there.records_written or there.intent is Step.WRITE_RECORDS
        if self.records_of(row) and row.cleaned_up_at is None:
            assert known, f"{row.slug}: records in the zone that the row does not know of"
        if row.operational in WHOLE and not row.retired:
            assert self.is_whole(row), f"{row.slug}: {row.operational} with {mine} and {there}"
            self._check_webhook(row)

    def _is_known(self, row: EmailConfiguration, what: str, key: int) -> bool:
        there = row.provisioned
        ids = {
            "server": there.server_id,
            "signature": there.signature_id,
            "domain": there.domain_id,
            "webhook": there.webhook_id,
        }
        if ids[what] == key or there.intent is _INTENT[what]:
            return True
        # A webhook that cannot be deleted by itself goes with its server, or is found again on it.
        server = self._server_of((what, key))
        return server is not None and self._is_known(row, "server", server)

    def _server_of(self, thing: Thing) -> int | None:
        return self.servers_of_webhooks.get(thing[1]) if thing[0] == "webhook" else None

    def _check_webhook(self, row: EmailConfiguration) -> None:
        """What the provider shows us is what we know it by, or every event would be turned away."""
        server_id, webhook_id = row.provisioned.server_id, row.provisioned.webhook_id
        assert server_id is not None
        assert webhook_id is not None
        spec = self.postmark.servers[server_id].webhooks[webhook_id]
        assert sha256(spec.routing_token.encode()).digest() == row.routing_token_hash, f"{row.slug}: token"
