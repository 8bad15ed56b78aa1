"""Configurations, looked at and steered over the API; workers do their part while the command waits."""

from uuid import UUID

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import ProviderRefused
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.steering import finish_drain
from tests import factories
from tests.unit.cli.world import OPERATOR, World
from tests.unit.workers.provisioning_world import World as Provisioning

SIGNAL = ("configuration", "signal")


@pytest.fixture
def world(world: World) -> World:
    return world.with_api()


@pytest.fixture
def acme(world: World) -> Provisioning:
    """A new configuration, with the workers that see to it."""
    made = Provisioning(zone=world.zone, store=world.store, doorbell=world.doorbell, cipher=world.cipher)
    made.postmark = world.postmark
    return made


def sendable(world: World, *, jobs: int = 0) -> EmailConfiguration:
    configuration = factories.sendable()
    with world.store.begin() as tx:
        tx.configurations.add(configuration, factories.CREATED)
        tx.jobs.accept([factories.new_job(configuration) for _ in range(jobs)])
    return configuration


def held(world: World, e_id: UUID) -> EmailConfiguration:
    with world.store.begin() as tx:
        found = tx.configurations.get(e_id)
    assert found is not None
    return found


def drain(world: World, configuration: EmailConfiguration) -> None:
    """Nothing is in flight any more, and whoever ended the last of it has seen that."""
    with world.store.begin() as tx:
        tx.jobs.cancel_queued(configuration.e_id)
    assert finish_drain(world.store, configuration.e_id, author="worker")


# --- looking ---------------------------------------------------------------------------


def test_ls_shows_what_is_not_removed_unless_told_otherwise(world: World) -> None:
    here = sendable(world)
    gone = factories.configuration(slug="gone", retired_at=factories.LONG_AGO)
    with world.store.begin() as tx:
        tx.configurations.add(gone, factories.CREATED)
    assert [row["eId"] for row in world.run_json("configuration", "ls")] == [str(here.e_id)]
    assert len(world.run_json("configuration", "ls", "--removed")) == 2
    assert world.run_json("configuration", "ls", "--slug", "nobody") == []
    assert len(world.run_json("configuration", "ls", "--operational", "OK", "--operational", "FAILURE")) == 1
    assert world.run_json("configuration", "ls", "--administrative", "LOCKED") == []


def test_ls_shows_people_names_and_states(world: World) -> None:
    configuration = sendable(world)
    told = world.run("configuration", "ls")
    assert told.exit_code == 0
    assert {configuration.slug, "OK", "UNLOCKED", str(configuration.e_id)} <= set(told.stdout.split())


def test_show_tells_why_it_waits_and_what_its_zone_should_hold(world: World, acme: Provisioning) -> None:
    acme.provisioned()
    told = world.run_json("configuration", "show", acme.e_id)
    assert told["operational"] == "AWAITING_VERIFICATION"
    assert told["waitsFor"]
    assert [record["type"] for record in told["records"]] == ["TXT", "CNAME"]
    assert "history" not in told
    people = world.run("configuration", "show", acme.e_id)
    assert told["waitsFor"] in people.stdout
    assert told["records"][0]["name"] in people.stdout


def test_show_has_the_whole_history_where_it_is_asked_for(world: World, acme: Provisioning) -> None:
    acme.provisioned()
    causes = [
        one["cause"] for one in world.run_json("configuration", "show", acme.e_id, "--history")["history"]
    ]
    assert causes == acme.causes
    assert causes[-1] in world.run("configuration", "show", acme.e_id, "--history").stdout


def test_another_tenant_s_configuration_is_not_found(world: World, acme: Provisioning) -> None:
    world.env["EMAIL_TENANT"] = str(factories.OTHER_TENANT)
    for args in (
        ("show", acme.e_id),
        ("signal", acme.e_id, "provision"),
        ("signal", acme.e_id, "lock", "-y"),
    ):
        assert world.run("configuration", *args).exit_code == 6


# --- making ----------------------------------------------------------------------------


def test_create_makes_it_pending_and_locked_with_what_was_given(world: World) -> None:
    made = world.run_json(
        *("configuration", "create", "acme", "--from-name", "Acme", "--from-local-part", "orders"),
        *("--reply-to", "help@acme.example"),
    )
    assert (made["operational"], made["administrative"]) == ("PENDING", "LOCKED")
    assert made["fromAddress"] == "orders@acme.dev.ardamails.com"
    assert made["signatureRequest"]["replyToEmail"] == "help@acme.example"
    assert made["author"] == OPERATOR
    assert held(world, UUID(made["eId"])).from_name == "Acme"


def test_create_of_a_slug_in_use_is_refused_with_advice(world: World) -> None:
    world.run("configuration", "create", "acme", "--from-name", "Acme")
    told = world.run("configuration", "create", "acme", "--from-name", "Acme")
    assert told.exit_code == 5
    assert "sendingDomainSlug: choose another" in told.stderr


# --- signals ---------------------------------------------------------------------------


def test_a_signal_is_carried_out_with_author_and_reason(world: World, acme: Provisioning) -> None:
    told = world.run(*SIGNAL, acme.e_id, "provision", "--reason", "new customer")
    assert told.exit_code == 0
    assert "Work follows" in told.stderr
    with world.store.begin() as tx:
        record = tx.configurations.current_record(acme.e_id)
    assert (record.author, record.cause, record.reason) == (OPERATOR, "signal:provision", "new customer")
    assert held(world, acme.e_id).operational is Operational.PROVISIONING


def test_a_signal_that_makes_no_sense_names_those_that_do(world: World, acme: Provisioning) -> None:
    told = world.run(*SIGNAL, acme.e_id, "unlock")
    assert told.exit_code == 5
    assert "PENDING and LOCKED" in told.stderr
    assert "Allowed now: provision, remove." in told.stderr


def test_with_a_version_it_is_carried_out_only_at_that_version(world: World, acme: Provisioning) -> None:
    told = world.run(*SIGNAL, acme.e_id, "provision", "--version", 7)
    assert told.exit_code == 5
    assert "Its version is 0." in told.stderr
    assert held(world, acme.e_id).operational is Operational.PENDING
    assert world.run(*SIGNAL, acme.e_id, "provision", "--version", 0).exit_code == 0


def test_provision_is_followed_until_it_can_be_unlocked(world: World, acme: Provisioning) -> None:
    world.meanwhile = [lambda: None, acme.provision, lambda: None, acme.verify]
    told = world.run(*SIGNAL, acme.e_id, "provision", "--wait")
    assert told.exit_code == 0, told.output
    progress = told.stderr.splitlines()
    assert "PROVISIONING, LOCKED. There: nothing." in progress[0]
    assert "It is being provisioned." in progress[0]
    assert progress[1].startswith("AWAITING_VERIFICATION, LOCKED. No check has been made yet.")
    assert progress[-1] == "OK, LOCKED."
    assert "OK" in told.stdout.split()
    assert world.run_json(*SIGNAL, acme.e_id, "unlock", "--wait")["canSend"] is True


def test_a_wait_ends_with_8_when_it_came_to_rest_elsewhere(world: World, acme: Provisioning) -> None:
    world.postmark.fail_next("create_server", ProviderRefused("606", "the plan has no more servers"))
    world.meanwhile = [acme.provision]
    told = world.run(*SIGNAL, acme.e_id, "provision", "--wait")
    assert told.exit_code == 8
    assert "MISSING, LOCKED. createServer: 606 the plan has no more servers." in told.stderr


def test_a_wait_whose_time_is_over_says_what_is_waited_for_and_ends_with_4(
    world: World, acme: Provisioning
) -> None:
    world.meanwhile = [acme.provision]
    told = world.run(*SIGNAL, acme.e_id, "provision", "--wait", "--timeout", "10s")
    assert told.exit_code == 4
    assert "moves still: AWAITING_VERIFICATION" in told.stderr
    assert sum(world.waited) == 10


def test_waiting_goes_on_when_the_api_is_away_for_a_moment(world: World, acme: Provisioning) -> None:
    def away() -> None:
        world.store.down = True

    def back() -> None:
        world.store.down = False
        acme.provision()
        acme.verify()

    world.meanwhile = [away, back]
    told = world.run(*SIGNAL, acme.e_id, "provision", "--wait")
    assert told.exit_code == 0
    assert "looking again" in told.stderr


@pytest.mark.parametrize("signal", ["lock", "force-lock", "remove"])
def test_what_destroys_shows_its_consequence_and_asks(world: World, signal: str) -> None:
    configuration = sendable(world, jobs=3)
    alone = world.run(*SIGNAL, configuration.e_id, signal)
    assert alone.exit_code == 5
    declined = world.run(*SIGNAL, configuration.e_id, signal, answer="n\n")
    assert declined.exit_code == 1
    for told in (alone, declined):
        assert "3 in flight" in told.stderr
        assert f"{configuration.slug}.dev.ardamails.com" in told.stderr
    assert held(world, configuration.e_id) == configuration


def test_a_lock_is_followed_until_nothing_is_in_flight(world: World) -> None:
    configuration = sendable(world, jobs=2)
    world.meanwhile = [lambda: None, lambda: drain(world, configuration)]
    told = world.run(*SIGNAL, configuration.e_id, "lock", "--wait", answer="y\n")
    assert told.exit_code == 0, told.output
    assert "OK, LOCKING. In flight: 2." in told.stderr
    assert held(world, configuration.e_id).administrative is Administrative.LOCKED


def test_a_lock_by_force_cancels_what_is_queued(world: World) -> None:
    configuration = sendable(world, jobs=2)
    told = world.run_json(*SIGNAL, configuration.e_id, "force-lock", "--yes", "--wait")
    assert (told["administrative"], told["inFlight"]) == ("LOCKED", 0)


def test_a_removal_is_followed_until_nothing_is_left_at_the_provider(
    world: World, acme: Provisioning
) -> None:
    acme.provisioned()
    world.meanwhile = [lambda: None, acme.remove]
    told = world.run(*SIGNAL, acme.e_id, "remove", "--yes", "--wait")
    assert told.exit_code == 0, told.output
    assert "removed. There: server, signature, domain, webhook." in told.stderr
    assert world.postmark.servers == {}


def test_a_removal_that_the_provider_does_not_let_finish_is_something_to_look_at(
    world: World, acme: Provisioning
) -> None:
    acme.provisioned()
    world.postmark.server_deletion_allowed = False
    world.meanwhile = [acme.remove]
    told = world.run(*SIGNAL, acme.e_id, "remove", "--yes", "--wait")
    assert told.exit_code == 8
    assert "604" in told.stderr


def test_what_holds_already_is_a_good_end(world: World, acme: Provisioning) -> None:
    acme.provisioned()
    acme.verify()
    for _ in range(2):
        assert world.run(*SIGNAL, acme.e_id, "re-verify", "--wait").exit_code == 0
        assert world.run(*SIGNAL, acme.e_id, "unlock", "--wait").exit_code == 0


def test_a_configuration_that_is_removed_meanwhile_is_not_waited_for(
    world: World, acme: Provisioning
) -> None:
    world.meanwhile = [acme.provision, lambda: acme.signal(Trigger.REMOVE)]
    told = world.run(*SIGNAL, acme.e_id, "provision", "--wait")
    assert told.exit_code == 8
    assert "removed" in told.stderr
