"""Which servers there are, as drift checks read them: all of them or an error, and never a token."""

import logging
from collections.abc import Callable

import pytest

from shared.domain.drift import ServerListed
from shared.domain.errors import Conflict, ProviderUnavailable
from shared.ports.drift import MailInventory
from shared.ports.lease import looked_after
from shared.ports.store import transaction_open
from tests.contract.mail.worlds import Account, World


def _listed(inventory: MailInventory) -> list[ServerListed]:
    return [server for page in inventory.server_pages() for server in page]


def _create(world: World, count: int) -> list[ServerListed]:
    """In the order in which they are listed."""
    names = [f"ardamails-dev-t{number:04}" for number in range(count)]
    return [ServerListed(world.account.create_server(name).server_id, name) for name in names]


def test_a_created_server_is_listed_and_named_until_it_is_deleted(
    provider: Account, clean_up: Callable[..., None]
) -> None:
    name = f"ardamails-dev-{provider.suffix}"
    server_id = provider.account.create_server(name).server_id
    clean_up(lambda: provider.account.delete_server(server_id))
    assert ServerListed(server_id, name) in _listed(provider.inventory)
    assert provider.inventory.server_name(server_id) == name
    provider.account.delete_server(server_id)
    assert server_id not in {server.server_id for server in _listed(provider.inventory)}
    assert provider.inventory.server_name(server_id) is None


def test_a_server_that_never_was_has_no_name(provider: Account) -> None:
    assert provider.inventory.server_name(1) is None


def test_an_empty_account_has_one_empty_page(world: World) -> None:
    assert [list(page) for page in world.inventory.server_pages()] == [[]]


def test_servers_of_other_patterns_and_of_nearly_equal_names_are_listed_too(world: World) -> None:
    names = ["ardamails-dev-acme", "ardamails-dev-acme2", "ardamails-prod-acme", "Somebody's own"]
    ids = {name: world.account.create_server(name).server_id for name in names}
    assert {server.name: server.server_id for server in _listed(world.inventory)} == ids


@pytest.mark.parametrize(("more", "last_pages"), [(0, [0]), (1, [1])])
def test_all_pages_together_have_every_server_once(world: World, more: int, last_pages: list[int]) -> None:
    servers = _create(world, world.page_size + more)
    pages = [list(page) for page in world.inventory.server_pages()]
    assert [server for page in pages for server in page] == servers
    assert [len(page) for page in pages] == [min(len(servers), world.page_size), *last_pages]


def test_a_provider_that_fails_in_the_middle_is_an_error_and_not_an_end(world: World) -> None:
    servers = _create(world, world.page_size + 1)
    world.fail_on_page(2)
    pages = world.inventory.server_pages()
    assert list(next(pages)) == servers[: world.page_size]
    with pytest.raises(ProviderUnavailable) as unavailable:
        next(pages)
    assert unavailable.value.code == "100"
    assert _listed(world.inventory) == servers


def test_a_server_that_moved_between_two_pages_is_known_by_its_id(world: World) -> None:
    """The list is counted off: what is deleted before lets one slip past."""
    servers = _create(world, world.page_size + 2)
    pages = world.inventory.server_pages()
    seen = [*next(pages)]
    world.account.delete_server(servers[0].server_id)
    seen += [server for page in pages for server in page]
    slipped = servers[world.page_size]
    assert seen == [server for server in servers if server != slipped]
    assert world.inventory.server_name(slipped.server_id) == slipped.name


def test_no_token_is_shown_by_what_is_listed_or_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    created = [world.account.create_server(f"ardamails-dev-{slug}") for slug in ("acme", "globex")]
    with caplog.at_level(logging.DEBUG):
        pages = list(world.inventory.server_pages())
        name = world.inventory.server_name(created[0].server_id)
    shown = f"{pages!r} {name!r} {world.inventory!r} {caplog.text}"
    assert "ardamails-dev-globex" in shown
    assert not any(server.token in shown for server in created)


def test_the_lease_is_looked_at_before_every_page_and_name(world: World) -> None:
    looks: list[None] = []
    with looked_after(lambda: looks.append(None)):
        pages = list(world.inventory.server_pages())
        world.inventory.server_name(1)
    assert len(looks) == len(pages) + 1


def test_without_the_lease_nothing_is_read(world: World) -> None:
    def lost() -> None:
        raise Conflict("the lease is another's")

    with looked_after(lost):
        with pytest.raises(Conflict):
            _listed(world.inventory)
        with pytest.raises(Conflict):
            world.inventory.server_name(1)


def test_a_call_inside_a_transaction_is_a_fault_of_ours(world: World) -> None:
    reset = transaction_open.set(True)
    try:
        with pytest.raises(RuntimeError, match="transaction"):
            _listed(world.inventory)
        with pytest.raises(RuntimeError, match="transaction"):
            world.inventory.server_name(1)
    finally:
        transaction_open.reset(reset)
