"""A partition that is in order, with fakes on all sides: each test makes something of it drift."""

from dataclasses import dataclass, field
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.dns import records_for
from shared.domain.drift import Assertion, Drift, Finding, FindingState
from shared.domain.naming import names_for
from shared.ports.drift import AssertionReport
from tests import factories
from tests.fakes.dns import FakeZone
from tests.fakes.inventory import FakeMailInventory, FakeZoneInventory
from tests.fakes.key_material import FakeCipher
from tests.fakes.postmark import FakePostmark, FakeServer
from tests.fakes.store import MemoryStore
from workers.drift.deps import DriftDeps
from workers.drift.handler import check_drift
from workers.drift.policy import DriftPolicy

ZONE = "dev.ardamails.com"
LEASE_SECONDS = 60.0
RETRY_SECONDS = 30.0
UNRESOLVED = (FindingState.YOUNG, FindingState.OPEN, FindingState.SNOOZED)


@dataclass
class DriftWorld:
    store: MemoryStore = field(default_factory=MemoryStore)
    postmark: FakePostmark = field(default_factory=FakePostmark)
    zone: FakeZone = field(default_factory=lambda: FakeZone(ZONE))
    keys: FakeCipher = field(default_factory=FakeCipher)
    other_zones: tuple[str, ...] = ()
    policy: DriftPolicy = field(
        default_factory=lambda: DriftPolicy(
            lease_seconds=LEASE_SECONDS, retry_seconds=RETRY_SECONDS, page_rows=2
        )
    )

    def __post_init__(self) -> None:
        self.mail_inventory = FakeMailInventory(self.postmark, page_size=2)
        self.zone_inventory = FakeZoneInventory(self.zone, page_size=3)

    @property
    def deps(self) -> DriftDeps:
        return DriftDeps(
            store=self.store,
            mail=self.mail_inventory,
            zone=self.zone_inventory,
            keys=self.keys,
            zone_name=ZONE,
            other_zones=self.other_zones,
            policy=self.policy,
        )

    def tenant(self, slug: str, server_id: int, **given: object) -> EmailConfiguration:
        """Everything of it is where it belongs."""
        names = names_for(slug, "noreply", ZONE)
        dns = factories.mail_dns(
            dkim_host=f"20260102pm._domainkey.{names.sending_domain}",
            return_path_host=names.return_path_domain,
        )
        made = factories.sendable(
            **{
                "slug": slug,
                "tenant_id": UUID(int=server_id),
                "provisioned": factories.provisioned(server_id=server_id, server_token="a1.kv1:AAAA"),
                "dns": dns,
                **given,
            }
        )
        with self.store.begin() as tx:
            tx.configurations.add(made, factories.CREATED)
        self.server(names.server_name, server_id)
        self.zone.upsert(records_for(dns))
        return made

    def server(self, name: str, server_id: int) -> None:
        self.postmark.servers[server_id] = FakeServer(name, f"token-{server_id}")

    def check(self, assertion: Assertion) -> AssertionReport:
        """One round, asked for."""
        with self.store.begin() as tx:
            tx.rounds.ask(assertion)
        check_drift(assertion.e_id, self.deps)
        return self.report(assertion)

    def report(self, assertion: Assertion) -> AssertionReport:
        with self.store.begin() as tx:
            return next(report for report in tx.rounds.reports() if report.assertion is assertion)

    def findings(self, *states: FindingState) -> list[Finding]:
        with self.store.begin() as tx:
            return tx.findings.find(states=states or UNRESOLVED, limit=1000)

    def found(self, *states: FindingState) -> set[tuple[Drift, str]]:
        found = [finding.discrepancy for finding in self.findings(*states)]
        return {(one.tag, one.subject) for one in found}
