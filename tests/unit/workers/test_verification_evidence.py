"""What a check leaves for operators to read, and what it does when the provider wants other records than before."""

import contextlib
from dataclasses import replace

import pytest

from shared.domain.dns import DnsRecord, MailDns, records_for
from shared.domain.errors import OutOfTurn, ProviderUnavailable
from shared.domain.lifecycle import Operational, Trigger
from shared.domain.verification import Check, Seen, compare
from tests.unit.workers.breaker import Breaker, Death
from tests.unit.workers.provisioning_world import POLICY, World
from workers.provisioning.verification import verify

AWAITING, OK = Operational.AWAITING_VERIFICATION, Operational.OK


@pytest.fixture
def world() -> World:
    return World().provisioned()


def dns_of(world: World) -> MailDns:
    dns = world.configuration.dns
    assert dns is not None
    return dns


def checks(world: World) -> list[Check]:
    with world.store.begin() as tx:
        return [run.check for run in tx.checks.latest(world.e_id)]


def check_again(world: World) -> Operational:
    world.store.advance(seconds=POLICY.polling_interval_seconds)
    return world.verify()


def rotate(world: World) -> MailDns:
    """As an operator at Postmark does it: a new selector, verified once its record is found."""
    domain_id = world.configuration.provisioned.domain_id
    assert domain_id is not None
    domain = world.postmark.domains[domain_id]
    new = replace(domain.dns, dkim_host=f"next.{domain.dns.dkim_host}", dkim_value="k=rsa; p=NEXT")
    world.postmark.domains[domain_id] = replace(domain, dns=new, dkim_verified=False)
    return new


def held(world: World, dns: MailDns) -> list[bool]:
    return [(record.name, record.type) in world.zone.records for record in records_for(dns)]


def test_a_record_that_was_deleted_is_seen_to_be_missing(world: World) -> None:
    dkim, return_path = records_for(dns_of(world))
    del world.zone.records[dkim.name, dkim.type]
    world.verify()
    [check] = checks(world)
    assert (check.dkim_verified, check.dkim_seen) == (False, "")
    assert (check.return_path_verified, check.return_path_seen) == (True, return_path.value)


def test_a_record_that_somebody_changed_is_seen_as_it_is(world: World) -> None:
    dkim, _ = records_for(dns_of(world))
    world.zone.records[dkim.name, dkim.type] = DnsRecord(dkim.name, dkim.type, "k=rsa; p=OTHER")
    world.verify()
    [check] = checks(world)
    found, _ = compare(dns_of(world), check)
    assert (found.seen, found.state) == ("k=rsa; p=OTHER", Seen.DIFFERS)


def test_a_provider_that_does_not_answer_leaves_its_code_and_what_the_zone_holds(world: World) -> None:
    world.postmark.fail_next("check_domain", ProviderUnavailable("connect_timeout", "away"))
    world.verify()
    [check] = checks(world)
    assert (check.provider_fault, check.dkim_verified) == ("connect_timeout", None)
    assert check.dkim_seen == dns_of(world).dkim_value


def test_a_zone_that_does_not_answer_leaves_its_code_and_stops_nothing(world: World) -> None:
    world.postmark.zone = None
    world.zone.fail_next(ProviderUnavailable("Throttling", "too fast"))
    assert world.verify() is AWAITING
    [check] = checks(world)
    assert (check.zone_fault, check.dkim_seen) == ("Throttling", None)


def test_a_check_out_of_turn_is_made_when_it_is_its_turn(world: World) -> None:
    world.postmark.fail_next("check_domain", OutOfTurn("postmark", retry_after_seconds=4))
    assert world.verify() is AWAITING
    assert checks(world) == []
    due = world.configuration.verification_due_at
    assert due is not None
    assert (due - world.store.clock.now()).total_seconds() == 4


def test_a_rotated_key_is_written_and_then_verified(world: World) -> None:
    before = dns_of(world)
    new = rotate(world)
    assert world.verify() is AWAITING
    assert dns_of(world) == new
    assert held(world, new) == [True, True]
    assert "dns: the provider wants other records" in world.causes
    assert check_again(world) is OK
    assert held(world, before) == [True, True], "mail on its way is still signed with it"


def test_a_key_that_is_still_good_does_not_verify_a_domain_whose_next_key_is_not_written(
    world: World,
) -> None:
    new = rotate(world)
    domain_id = world.configuration.provisioned.domain_id
    assert domain_id is not None
    still_good = replace(world.postmark.domains[domain_id], dkim_verified=True)
    world.postmark.domains[domain_id] = still_good
    world.zone.fail_next(ProviderUnavailable("ServiceUnavailable", "away"))
    assert world.verify() is AWAITING
    assert held(world, new) == [False, True]
    assert check_again(world) is OK
    assert held(world, new) == [True, True]


@pytest.mark.parametrize("dies_at", range(20))
def test_a_rotation_that_dies_anywhere_is_finished_and_undone_whole(world: World, dies_at: int) -> None:
    new = rotate(world)
    world.breaker = Breaker(dies_at)
    with contextlib.suppress(Death):
        verify(world.e_id, world.deps())
    world.breaker = Breaker()
    world.after_the_lease()
    while world.configuration.operational is AWAITING:
        check_again(world)
    assert world.configuration.operational is OK
    assert held(world, new) == [True, True]
    world.signal(Trigger.REMOVE)
    assert world.remove()
    assert world.zone.records == {}


@pytest.mark.parametrize("dies_at", range(20))
def test_a_removal_after_a_broken_rotation_leaves_nothing_in_the_zone(world: World, dies_at: int) -> None:
    rotate(world)
    world.breaker = Breaker(dies_at)
    with contextlib.suppress(Death):
        verify(world.e_id, world.deps())
    world.breaker = Breaker()
    world.after_the_lease()
    world.signal(Trigger.REMOVE)
    assert world.remove()
    assert world.nothing_is_left()


def test_a_record_outside_the_zone_is_not_written_and_does_not_hold_up_what_is_verified(world: World) -> None:
    domain_id = world.configuration.provisioned.domain_id
    assert domain_id is not None
    domain = world.postmark.domains[domain_id]
    moved = replace(domain.dns, return_path_host="pm.elsewhere.example.com")
    world.postmark.domains[domain_id] = replace(domain, dns=moved)
    world.postmark.zone = None
    world.verify()
    assert [check.zone_fault for check in checks(world)] == ["outside_zone"]
    world.postmark.domains[domain_id] = replace(
        domain, dns=moved, dkim_verified=True, return_path_verified=True
    )
    assert check_again(world) is OK
    assert all(name.endswith(".dev.ardamails.com") for name, _ in world.zone.records)
