"""A domain is what its records say."""

from dataclasses import replace

from shared.ports.mail import Domain
from tests.contract.mail.worlds import World


def _new_domain(world: World) -> Domain:
    name = f"acme.{world.zone}"
    world.account.create_signature(
        address=f"noreply@{name}", name="Acme", reply_to=None, return_path_domain=f"pm-bounces.{name}"
    )
    domain = world.account.find_domain(name)
    assert domain is not None
    return domain


def test_a_domain_without_records_stays_unverified(world: World) -> None:
    domain = _new_domain(world)
    assert not world.account.check_domain(domain.domain_id).verified


def test_a_domain_with_both_records_is_verified_and_keeps_its_key(world: World) -> None:
    domain = _new_domain(world)
    world.publish(domain.dns)
    checked = world.account.check_domain(domain.domain_id)
    assert checked.verified
    # The pending pair has become the active one: the records to publish are the same as before.
    assert checked == replace(domain, dkim_verified=True, return_path_verified=True)
    assert world.account.find_domain(domain.name) == checked


def test_a_wrong_key_verifies_the_return_path_only(world: World) -> None:
    domain = _new_domain(world)
    world.publish(replace(domain.dns, dkim_value="k=rsa; p=another"))
    checked = world.account.check_domain(domain.domain_id)
    assert (checked.dkim_verified, checked.return_path_verified) == (False, True)
