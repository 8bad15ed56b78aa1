"""Rounds of the three assertions: what they find, what they do not, and what they say when they cannot tell."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY as REGISTRY_OF_METRICS

from shared.domain.configuration import EmailConfiguration, Provisioned, Step
from shared.domain.dns import DnsRecord
from shared.domain.drift import Assertion, Discrepancy, Drift, FindingState, Problem, Round, Verdict
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.lifecycle import Operational
from tests import factories
from tests.factories import LONG_AGO
from tests.fakes.inventory import FakeMailInventory, FakeZoneInventory
from tests.unit.workers.drift_world import LEASE_SECONDS, RETRY_SECONDS, ZONE, DriftWorld
from workers.drift.handler import check_drift
from workers.drift.policy import DriftPolicy

INVENTORY, REGISTRY, DNS = Assertion
AWAY = ProviderUnavailable("http_503", "maintenance")


@pytest.fixture
def world() -> DriftWorld:
    """Five tenants in order: more than a page of anything."""
    world = DriftWorld()
    for number, slug in enumerate(("acme", "acme2", "bolt", "core", "dune"), start=11):
        world.tenant(slug, number)
    return world


def save(world: DriftWorld, configuration: EmailConfiguration, **changes: Any) -> EmailConfiguration:
    with world.store.begin() as tx:
        held = tx.configurations.get(configuration.e_id)
        assert held is not None
        return tx.configurations.save(replace(held, **changes), factories.CREATED)


def of_slug(world: DriftWorld, slug: str) -> EmailConfiguration:
    with world.store.begin() as tx:
        return tx.drift_rows.by_slug({slug})[slug]


@pytest.mark.parametrize("assertion", Assertion)
def test_a_world_in_order_is_clean(world: DriftWorld, assertion: Assertion) -> None:
    report = world.check(assertion)
    assert (report.verdict, report.fault) == (Verdict.CLEAN, None)
    assert report.finished_at == world.store.clock.now()
    assert world.findings() == []


def test_the_inventory_of_a_clean_world_is_one_call_a_page(world: DriftWorld) -> None:
    report = world.check(INVENTORY)
    assert (report.calls, report.checked) == (3, 5)


def test_the_zone_is_read_by_pages_and_not_by_names(world: DriftWorld) -> None:
    report = world.check(DNS)
    assert (report.calls, report.checked) == (4, 10)


def test_a_row_whose_server_was_deleted_is_an_orphan(world: DriftWorld) -> None:
    del world.postmark.servers[13]
    report = world.check(INVENTORY)
    assert report.verdict is Verdict.DRIFTED
    assert world.found() == {(Drift.ORPHAN_DB_ROW, str(of_slug(world, "bolt").e_id))}


def test_a_server_of_our_pattern_that_no_row_has_is_an_orphan(world: DriftWorld) -> None:
    world.server("ardamails-dev-stray", 99)
    world.check(INVENTORY)
    [finding] = world.findings()
    assert (finding.discrepancy.tag, finding.discrepancy.subject) == (Drift.ORPHAN_SERVER, "99")
    assert finding.discrepancy.context()["postmarkServerName"] == "ardamails-dev-stray"


@pytest.mark.parametrize(
    "name", ["playground", "ardamails-stage-acme", "ardamails-dev", "ardamails-dev-Test"]
)
def test_a_server_of_another_pattern_is_not_looked_at(world: DriftWorld, name: str) -> None:
    world.server(name, 99)
    assert world.check(INVENTORY).verdict is Verdict.CLEAN


def test_a_server_of_a_partition_below_ours_is_theirs(world: DriftWorld) -> None:
    world.server("ardamails-dev-eu-acme", 99)
    world.other_zones = (f"eu.{ZONE}",)
    assert world.check(INVENTORY).verdict is Verdict.CLEAN


def test_a_server_made_anew_by_hand_is_two_findings(world: DriftWorld) -> None:
    del world.postmark.servers[13]
    world.server("ardamails-dev-bolt", 99)
    world.check(INVENTORY)
    assert world.found() == {
        (Drift.ORPHAN_DB_ROW, str(of_slug(world, "bolt").e_id)),
        (Drift.ORPHAN_SERVER, "99"),
    }


def test_a_server_that_was_renamed_by_hand_is_still_the_rows(world: DriftWorld) -> None:
    world.server("customer acme", 11)
    assert world.check(INVENTORY).verdict is Verdict.CLEAN


def test_a_server_whose_create_has_no_answer_yet_is_no_orphan(world: DriftWorld) -> None:
    under_way = Provisioned(intent=Step.CREATE_SERVER)
    save(world, of_slug(world, "bolt"), operational=Operational.PROVISIONING, provisioned=under_way)
    assert world.check(INVENTORY).verdict is Verdict.CLEAN


def test_what_is_being_removed_is_no_drift_in_either_direction(world: DriftWorld) -> None:
    save(world, of_slug(world, "bolt"), retired_at=LONG_AGO)
    save(world, of_slug(world, "core"), retired_at=LONG_AGO)
    del world.postmark.servers[14]
    assert world.check(INVENTORY).verdict is Verdict.CLEAN


def test_a_server_that_outlived_its_removal_names_the_configuration_it_was_of(world: DriftWorld) -> None:
    removed = save(world, of_slug(world, "bolt"), retired_at=LONG_AGO, cleaned_up_at=LONG_AGO)
    world.check(INVENTORY)
    [finding] = world.findings()
    assert finding.discrepancy.subject == "13"
    assert finding.discrepancy.configuration_id == removed.e_id


def test_a_server_that_paging_skipped_is_not_taken_for_gone(world: DriftWorld) -> None:
    """Postmark counts pages off: one that is deleted meanwhile shifts the rest."""

    class Shifting(FakeMailInventory):
        def server_pages(self) -> Iterator[Sequence[Any]]:
            for number, page in enumerate(super().server_pages()):
                yield page
                if number == 0:
                    world.postmark.servers.pop(99, None)

    # Sorts first, so that its end moves everything that comes after.
    world.server("aaa", 99)
    world.mail_inventory = Shifting(world.postmark, page_size=2)
    report = world.check(INVENTORY)
    assert report.verdict is Verdict.CLEAN


def test_a_server_whose_row_came_after_the_page_was_read_is_no_orphan(world: DriftWorld) -> None:
    made: list[EmailConfiguration] = []

    class Slow(FakeMailInventory):
        def server_name(self, server_id: int) -> str | None:
            if not made:
                made.append(world.tenant("fresh", 99))
            return super().server_name(server_id)

    world.server("ardamails-dev-fresh", 99)
    world.mail_inventory = Slow(world.postmark, page_size=2)
    assert world.check(INVENTORY).verdict is Verdict.CLEAN


def test_a_finding_that_stands_is_not_asked_about_again(world: DriftWorld) -> None:
    del world.postmark.servers[13]
    world.server("ardamails-dev-stray", 99)
    assert world.check(INVENTORY).calls == 3 + 2
    assert world.check(INVENTORY).calls == 3


def test_questions_beyond_a_rounds_number_are_left_for_the_next(world: DriftWorld) -> None:
    world.policy = DriftPolicy(lease_seconds=LEASE_SECONDS, retry_seconds=RETRY_SECONDS, questions_max=2)
    world.postmark.servers.clear()
    found = []
    for _ in range(4):
        world.check(INVENTORY)
        found.append(len(world.findings()))
    assert found == [2, 4, 5, 5]


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_list_that_breaks_off_finds_no_row_orphaned(world: DriftWorld, page: int) -> None:
    world.postmark.servers.clear()
    world.server("ardamails-dev-acme", 11)
    world.server("ardamails-dev-acme2", 12)
    world.server("ardamails-dev-bolt", 13)
    world.server("ardamails-dev-core", 14)
    world.mail_inventory.fail_on_page(page, AWAY)
    report = world.check(INVENTORY)
    assert (report.verdict, report.fault) == (Verdict.COULD_NOT_TELL, "http_503")
    assert report.finished_at is None
    assert world.found() == set()


def test_an_account_that_refuses_us_is_a_round_that_could_not_tell(world: DriftWorld) -> None:
    world.mail_inventory.fail_on_page(1, ProviderRefused("10", "bad token", account_wide=True))
    assert world.check(INVENTORY).verdict is Verdict.COULD_NOT_TELL


def test_a_round_that_could_not_tell_resolves_nothing_and_comes_again_soon(world: DriftWorld) -> None:
    world.server("ardamails-dev-stray", 99)
    world.check(INVENTORY)
    finished_at = world.report(INVENTORY).finished_at
    del world.postmark.servers[99]
    world.store.advance(seconds=60)
    world.mail_inventory.fail_on_page(1, AWAY)
    report = world.check(INVENTORY)
    assert world.found(FindingState.OPEN) == {(Drift.ORPHAN_SERVER, "99")}
    assert report.finished_at == finished_at
    assert report.due_at == world.store.clock.now() + timedelta(seconds=RETRY_SECONDS)


def test_what_is_mended_is_resolved_by_the_next_whole_round(world: DriftWorld) -> None:
    world.server("ardamails-dev-stray", 99)
    world.check(INVENTORY)
    del world.postmark.servers[99]
    assert world.check(INVENTORY).verdict is Verdict.CLEAN
    assert world.found() == set()
    assert world.found(FindingState.RESOLVED) == {(Drift.ORPHAN_SERVER, "99")}


def test_a_key_version_that_is_not_mounted_is_found_for_every_row_that_needs_it(world: DriftWorld) -> None:
    world.keys.current, world.keys.versions = "v2", {"v2"}
    report = world.check(REGISTRY)
    assert (report.verdict, report.checked, report.calls) == (Verdict.DRIFTED, 5, 0)
    assert len(world.findings()) == 5
    assert {finding.discrepancy.key_version for finding in world.findings()} == {"v1"}


def test_an_old_version_that_is_still_mounted_is_no_finding(world: DriftWorld) -> None:
    world.keys.current, world.keys.versions = "v2", {"v1", "v2"}
    assert world.check(REGISTRY).verdict is Verdict.CLEAN


def test_a_key_file_that_cannot_be_read_finds_nothing_missing(world: DriftWorld) -> None:
    world.keys.usable = False
    report = world.check(REGISTRY)
    assert report.verdict is Verdict.COULD_NOT_TELL
    assert world.findings() == []


def dkim(world: DriftWorld, slug: str) -> tuple[str, str]:
    dns = of_slug(world, slug).dns
    assert dns is not None
    return dns.dkim_host, "TXT"


def test_a_record_that_is_gone_or_different_is_a_mismatch_once_it_is_older_than_its_ttl(
    world: DriftWorld,
) -> None:
    bolt, core = of_slug(world, "bolt"), of_slug(world, "core")
    assert core.dns is not None
    world.zone.delete([dkim(world, "bolt")])
    world.zone.upsert([DnsRecord(core.dns.return_path_host, "CNAME", "elsewhere.example.com")])
    wrong = {(Drift.DKIM_MISMATCH, str(bolt.e_id)), (Drift.RETURN_PATH_MISMATCH, str(core.e_id))}
    world.check(DNS)
    assert world.found(FindingState.OPEN) == set()
    assert world.found(FindingState.YOUNG) == wrong
    world.store.advance(seconds=299)
    world.check(DNS)
    assert world.found(FindingState.OPEN) == set()
    world.store.advance(seconds=1)
    assert world.check(DNS).verdict is Verdict.DRIFTED
    assert world.found(FindingState.OPEN) == wrong


def test_a_mismatch_that_is_gone_within_its_ttl_was_never_one(world: DriftWorld) -> None:
    name, type = dkim(world, "bolt")
    right = world.zone.find(name, type)
    assert right is not None
    world.zone.delete([(name, type)])
    world.check(DNS)
    world.zone.upsert([right])
    world.store.advance(seconds=400)
    assert world.check(DNS).verdict is Verdict.CLEAN
    assert world.found(*FindingState) == set()


def test_records_that_no_row_asks_for_are_nobodys_business(world: DriftWorld) -> None:
    world.zone.upsert(
        [
            DnsRecord(f"old._domainkey.acme.{ZONE}", "TXT", "k=rsa;p=before"),
            DnsRecord(f"stranger.{ZONE}", "TXT", "hello"),
            DnsRecord(f"20260102pm._domainkey.stranger.{ZONE}", "TXT", "k=rsa;p=none"),
        ]
    )
    assert world.check(DNS).verdict is Verdict.CLEAN


def test_records_are_not_missed_while_they_are_being_written_or_taken_down(world: DriftWorld) -> None:
    changed: dict[str, dict[str, Any]] = {
        "acme": {"operational": Operational.PROVISIONING},
        "acme2": {"retired_at": LONG_AGO},
        "bolt": {"provisioned": factories.provisioned(server_id=13, undoing=True)},
        "core": {"provisioned": factories.provisioned(server_id=14, records_written=False)},
        "dune": {"dns": None},
    }
    for slug, changes in changed.items():
        save(world, of_slug(world, slug), **changes)
    world.zone.records.clear()
    assert world.check(DNS).verdict is Verdict.CLEAN


def test_a_zone_that_breaks_off_finds_no_record_gone(world: DriftWorld) -> None:
    world.zone_inventory.fail_on_page(3, AWAY)
    assert world.check(DNS).verdict is Verdict.COULD_NOT_TELL
    assert world.findings() == []


@pytest.mark.parametrize("assertion", [INVENTORY, DNS])
def test_a_worker_that_was_stopped_for_longer_than_its_lease_writes_nothing_any_more(
    world: DriftWorld, assertion: Assertion
) -> None:
    """Another round has begun meanwhile; the first one's sheet is not its own."""
    world.server("ardamails-dev-stray", 99)
    world.zone.records.clear()
    begun: list[Round | None] = []

    def overtake(*_: object) -> None:
        if not begun:
            world.store.advance(seconds=LEASE_SECONDS + 1)
            with world.store.begin() as tx:
                begun.append(tx.rounds.begin(assertion.e_id, lease_seconds=LEASE_SECONDS))

    class Stopped(FakeMailInventory):
        def server_pages(self) -> Iterator[Sequence[Any]]:
            for page in super().server_pages():
                overtake()
                yield page

    class StoppedZone(FakeZoneInventory):
        def record_pages(self) -> Iterator[Sequence[Any]]:
            for page in super().record_pages():
                overtake()
                yield page

    world.mail_inventory = Stopped(world.postmark, page_size=2)
    world.zone_inventory = StoppedZone(world.zone, page_size=3)
    report = world.check(assertion)
    assert begun[0] is not None
    assert report.running
    assert world.findings() == []


def test_a_ring_for_an_assertion_that_is_not_due_does_nothing(world: DriftWorld) -> None:
    world.check(INVENTORY)
    before = world.report(INVENTORY)
    world.store.advance(seconds=10)
    check_drift(INVENTORY.e_id, world.deps)
    assert world.report(INVENTORY) == before


def test_each_finding_is_told_of_once_and_again_when_it_comes_back(world: DriftWorld) -> None:
    def told() -> float:
        value = REGISTRY_OF_METRICS.get_sample_value(
            "email_drift_found_total", {"tag": Drift.ORPHAN_SERVER.value}
        )
        return value or 0.0

    before = told()
    world.server("ardamails-dev-stray", 99)
    world.check(INVENTORY)
    world.check(INVENTORY)
    assert told() == before + 1
    del world.postmark.servers[99]
    world.check(INVENTORY)
    world.server("ardamails-dev-stray", 99)
    world.check(INVENTORY)
    assert told() == before + 2


def test_a_round_leaves_what_another_assertion_found_to_its_own_round(world: DriftWorld) -> None:
    world.server("ardamails-dev-stray", 99)
    stray = Discrepancy(tag=Drift.ORPHAN_SERVER, problem=Problem.UNACCOUNTED, server_id=99)
    with world.store.begin() as tx:
        tx.findings.observe([stray])
    world.check(Assertion.REGISTRY)
    with world.store.begin() as tx:
        assert [finding.discrepancy for finding in tx.findings.untold(tuple(Drift), 10)] == [stray]
    world.check(INVENTORY)
    with world.store.begin() as tx:
        assert tx.findings.untold(tuple(Drift), 10) == []


def test_a_snoozed_finding_that_comes_back_is_not_told_of(world: DriftWorld) -> None:
    world.server("ardamails-dev-stray", 99)
    world.check(INVENTORY)
    [finding] = world.findings()
    with world.store.begin() as tx:
        until = tx.now() + timedelta(days=7)
        tx.findings.snooze(finding.e_id, until=until, author="operator@example.com", reason="made by hand")
    del world.postmark.servers[99]
    world.check(INVENTORY)
    world.server("ardamails-dev-stray", 99)
    world.check(INVENTORY)
    assert world.found(FindingState.SNOOZED) == {(Drift.ORPHAN_SERVER, "99")}
    with world.store.begin() as tx:
        assert tx.findings.untold(tuple(Drift), 10) == []
