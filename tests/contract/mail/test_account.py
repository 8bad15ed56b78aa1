"""Servers, signatures and domains: what needs nothing but an account."""

from collections.abc import Callable

import pytest

from shared.domain.errors import ProviderRefused
from tests.contract.mail.worlds import Account


def test_a_created_server_is_found_with_its_token(provider: Account, clean_up: Callable[..., None]) -> None:
    name = f"ardamails-dev-{provider.suffix}"
    created = provider.account.create_server(name)
    clean_up(lambda: provider.account.delete_server(created.server_id))
    assert provider.account.find_server(name) == created


def test_a_server_is_found_by_its_whole_name_only(provider: Account, clean_up: Callable[..., None]) -> None:
    longer = provider.account.create_server(f"ardamails-dev-{provider.suffix}0")
    clean_up(lambda: provider.account.delete_server(longer.server_id))
    assert provider.account.find_server(f"ardamails-dev-{provider.suffix}") is None


def test_a_second_server_of_the_same_name_is_refused(
    provider: Account, clean_up: Callable[..., None]
) -> None:
    name = f"ardamails-dev-{provider.suffix}"
    created = provider.account.create_server(name)
    clean_up(lambda: provider.account.delete_server(created.server_id))
    with pytest.raises(ProviderRefused) as refused:
        provider.account.create_server(name)
    assert (refused.value.code, refused.value.account_wide) == ("603", False)


def test_a_signature_brings_the_records_of_its_domain(
    provider: Account, clean_up: Callable[..., None]
) -> None:
    domain_name = f"{provider.suffix}.{provider.zone}"
    signature = provider.account.create_signature(
        address=f"noreply@{domain_name}",
        name="Acme",
        reply_to="help@example.com",
        return_path_domain=f"pm-bounces.{domain_name}",
    )
    clean_up(lambda: provider.account.delete_signature(signature.signature_id))
    domain = provider.account.find_domain(domain_name)
    assert domain is not None
    clean_up(lambda: provider.account.delete_domain(domain.domain_id))
    assert domain.dns == signature.dns
    assert domain.dns.dkim_host.endswith(f"._domainkey.{domain_name}")
    assert domain.dns.return_path_host == f"pm-bounces.{domain_name}"
    assert not domain.verified
    assert provider.account.find_signature(f"NoReply@{domain_name}") == signature


def test_a_second_signature_of_the_same_address_is_refused(
    provider: Account, clean_up: Callable[..., None]
) -> None:
    domain_name = f"{provider.suffix}.{provider.zone}"

    def create() -> int:
        return provider.account.create_signature(
            address=f"noreply@{domain_name}",
            name="Acme",
            reply_to=None,
            return_path_domain=f"pm-bounces.{domain_name}",
        ).signature_id

    signature_id = create()
    clean_up(lambda: provider.account.delete_signature(signature_id))
    domain = provider.account.find_domain(domain_name)
    assert domain is not None
    clean_up(lambda: provider.account.delete_domain(domain.domain_id))
    with pytest.raises(ProviderRefused) as refused:
        create()
    assert refused.value.code == "504"


def test_what_does_not_exist_is_not_found(provider: Account) -> None:
    assert provider.account.find_server(f"no-such-{provider.suffix}") is None
    assert provider.account.find_signature(f"nobody@{provider.suffix}.{provider.zone}") is None
    assert provider.account.find_domain(f"{provider.suffix}.{provider.zone}") is None


def test_deleting_twice_is_deleting_once(provider: Account) -> None:
    domain_name = f"{provider.suffix}.{provider.zone}"
    server = provider.account.create_server(f"ardamails-dev-{provider.suffix}")
    signature = provider.account.create_signature(
        address=f"noreply@{domain_name}",
        name="Acme",
        reply_to=None,
        return_path_domain=f"pm-bounces.{domain_name}",
    )
    domain = provider.account.find_domain(domain_name)
    assert domain is not None
    for _ in range(2):
        provider.account.delete_signature(signature.signature_id)
        provider.account.delete_domain(domain.domain_id)
        provider.account.delete_server(server.server_id)
    assert provider.account.find_signature(signature.address) is None
    assert provider.account.find_domain(domain_name) is None
    assert provider.account.find_server(f"ardamails-dev-{provider.suffix}") is None


def test_checking_a_domain_that_is_gone_is_refused(provider: Account) -> None:
    with pytest.raises(ProviderRefused) as refused:
        provider.account.check_domain(1)
    assert refused.value.code == "510"
