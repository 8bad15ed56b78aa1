"""Putting a webhook back that is missing or was changed by hand."""

from dataclasses import replace
from hashlib import sha256
from uuid import UUID

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import OutcomeUnknown, ProviderUnavailable
from shared.persistence.ids import new_id
from tests.unit.cli.world import OPERATOR, World, token_of
from tests.unit.web.api import KEY, PREVIOUS_KEY

WHY = ("--reason", "deleted by hand", "--yes")


@pytest.fixture
def acme(world: World) -> EmailConfiguration:
    """Its webhook is gone."""
    made = world.add_configuration()
    world.postmark.server_of(world.server_token(made)).webhooks.clear()
    return made


def held(world: World, one: EmailConfiguration) -> EmailConfiguration:
    with world.store.begin() as tx:
        found = tx.configurations.get(one.e_id)
    assert found is not None
    return found


def assert_it_is_back(world: World, one: EmailConfiguration) -> None:
    now, hooks = held(world, one), world.webhooks(one)
    assert now.provisioned.webhook_id in hooks
    assert {spec.bearer for spec in hooks.values()} == {KEY}
    digests = {sha256(spec.routing_token.encode()).digest() for spec in hooks.values()}
    assert digests == {now.routing_token_hash}
    assert world.behind() == 0


def test_a_missing_webhook_is_made_anew_with_a_token_of_its_own(
    world: World, acme: EmailConfiguration
) -> None:
    told = world.run("webhooks", "reinstall", acme.e_id, *WHY)
    assert told.exit_code == 0, told.output
    assert_it_is_back(world, acme)
    assert [spec.routing_token for spec in world.webhooks(acme).values()] != [token_of(acme)]
    with world.store.begin() as tx:
        record = tx.configurations.current_record(acme.e_id)
        assert tx.configurations.take_lease(acme.e_id, token=new_id(), lease_seconds=1.0)
    assert (record.author, record.reason) == (OPERATOR, "deleted by hand")


def test_one_without_our_routing_token_is_mended_in_place(world: World) -> None:
    one = world.add_configuration()
    hooks = world.postmark.server_of(world.server_token(one)).webhooks
    hooks.update({key: replace(spec, routing_token="changed") for key, spec in hooks.items()})
    assert world.run("webhooks", "reinstall", one.e_id, *WHY).exit_code == 0
    assert_it_is_back(world, one)
    assert world.postmark.calls["create_webhook"] == 0


def test_the_token_is_known_before_the_provider_tries_it(world: World, acme: EmailConfiguration) -> None:
    known: list[bool] = []

    def receive(token: str) -> bool:
        with world.store.begin() as tx:
            known.append(tx.configurations.id_by_routing_hash(sha256(token.encode()).digest()) is not None)
        return True

    world.postmark.test_posts_succeed = lambda spec: receive(spec.routing_token)
    assert world.run("webhooks", "reinstall", acme.e_id, *WHY).exit_code == 0
    assert known == [True]


def test_a_lost_answer_is_looked_at_and_makes_no_second_webhook(
    world: World, acme: EmailConfiguration
) -> None:
    world.postmark.fail_next("create_webhook", OutcomeUnknown("timeout", "?"), after_effect=True)
    assert world.run("webhooks", "reinstall", acme.e_id, *WHY).exit_code == 0
    assert_it_is_back(world, acme)
    assert len(world.webhooks(acme)) == 1


def test_what_failed_is_done_by_the_next_run(world: World, acme: EmailConfiguration) -> None:
    world.postmark.fail_next("create_webhook", ProviderUnavailable("1364", "0/4 triggers verified"))
    told = world.run("webhooks", "reinstall", acme.e_id, *WHY)
    assert (told.exit_code, "1364" in told.stderr) == (4, True)
    assert world.run("webhooks", "reinstall", acme.e_id, *WHY).exit_code == 0
    assert_it_is_back(world, acme)


def test_one_that_is_well_is_left_alone(world: World) -> None:
    one = world.add_configuration()
    told = world.run("webhooks", "reinstall", one.e_id, *WHY)
    assert told.exit_code == 0
    assert "nothing was changed" in told.stdout
    assert world.shown_keys(one) == [PREVIOUS_KEY]
    assert held(world, one) == one


def test_one_that_a_worker_has_is_refused(world: World, acme: EmailConfiguration) -> None:
    with world.store.begin() as tx:
        tx.configurations.take_lease(acme.e_id, token=new_id(), lease_seconds=60)
    assert world.run("webhooks", "reinstall", acme.e_id, *WHY).exit_code == 5
    assert world.webhooks(acme) == {}


def test_one_that_is_not_there_is_not_found(world: World) -> None:
    assert world.run("webhooks", "reinstall", UUID(int=5), *WHY).exit_code == 6
