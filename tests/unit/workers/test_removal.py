"""Taking a retired configuration down."""

from datetime import timedelta

import pytest

from shared.domain.drift import Drift, FindingState
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Operational, Trigger
from tests import factories
from tests.unit.workers.provisioning_world import OPERATOR, POLICY, World

AWAY = ProviderUnavailable("connect_timeout", "no connection to the provider")


@pytest.fixture
def world() -> World:
    world = World().provisioned()
    world.signal(Trigger.REMOVE)
    return world


def test_removal_deletes_everything_and_frees_the_slug(world: World) -> None:
    assert world.remove()
    assert world.nothing_is_left()
    assert world.configuration.provisioned.nothing_left
    assert world.configuration.provisioned.server_token is None
    with world.store.begin() as tx:
        tx.configurations.add(factories.configuration(slug="acme"), OPERATOR)


def test_the_slug_is_not_free_before_removal_is_done(world: World) -> None:
    world.postmark.fail_next("delete_domain", AWAY)
    assert not world.remove()
    assert world.configuration.retired
    assert world.lease_seconds() == POLICY.retry_base_seconds


def test_removal_never_gives_up(world: World) -> None:
    for _ in range(3 * POLICY.attempts_max):
        world.postmark.fail_next("delete_server", AWAY)
        assert not world.remove()
        world.after_the_lease()
    assert world.remove()
    assert world.nothing_is_left()


def test_what_the_provider_refuses_to_delete_is_tried_again_later(world: World) -> None:
    world.postmark.fail_next("delete_server", ProviderRefused("605", "unable to delete"))
    assert not world.remove()
    assert world.is_leased()
    world.after_the_lease()
    assert world.remove()


def test_a_server_that_may_not_be_deleted_is_kept_as_a_finding_and_the_slug_is_free(world: World) -> None:
    world.postmark.server_deletion_allowed = False
    assert world.remove()
    kept = world.configuration
    assert list(world.postmark.servers) == [kept.provisioned.server_id]
    assert kept.failure is not None
    assert kept.failure.code == "604"
    with world.store.begin() as tx:
        [finding] = tx.findings.find(states=[FindingState.OPEN], limit=10)
    assert finding.discrepancy.tag is Drift.ORPHAN_SERVER
    assert finding.discrepancy.configuration_id == kept.e_id
    assert finding.discrepancy.subject == str(kept.provisioned.server_id)
    assert str(kept.provisioned.server_id) in kept.failure.message


def test_what_is_gone_already_counts_as_deleted(world: World) -> None:
    world.postmark.servers.clear()
    world.postmark.signatures.clear()
    world.postmark.domains.clear()
    world.zone.records.clear()
    assert world.remove()


def test_a_configuration_that_was_never_provisioned_is_removed_without_a_call() -> None:
    world = World()
    world.signal(Trigger.REMOVE)
    assert world.remove()
    assert not world.postmark.calls


def test_the_words_of_an_old_failure_do_not_hold_up_a_removal() -> None:
    world = World()
    world.signal(Trigger.PROVISION)
    world.postmark.fail_next("create_webhook", ProviderRefused("1364", "0/4 triggers verified"))
    assert world.provision() is Operational.MISSING
    world.signal(Trigger.REMOVE)
    assert world.remove()
    assert world.configuration.failure is None


def test_a_configuration_that_is_not_retired_is_left_alone() -> None:
    world = World().provisioned()
    assert not world.remove()
    assert not world.nothing_is_left()


def test_a_second_ring_after_the_removal_makes_no_call(world: World) -> None:
    world.remove()
    calls = world.postmark.calls.copy()
    assert world.remove()
    assert world.postmark.calls == calls


def test_removal_waits_for_results_that_only_the_server_knows_of_but_not_for_ever(world: World) -> None:
    job = factories.new_job(
        world.configuration,
        status=JobStatus.IN_DOUBT,
        claim_id=world.new_id(),
        in_doubt_since=factories.LONG_AGO,
    )
    with world.store.begin() as tx:
        tx.jobs.accept([job])
    assert not world.remove()
    assert world.postmark.calls["delete_server"] == 0
    assert world.lease_seconds() == POLICY.polling_interval_seconds
    world.store.advance(timedelta(hours=1))
    assert world.remove()
