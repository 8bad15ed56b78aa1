"""Drift from the command line: asked for, waited for, shown, snoozed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.domain.drift import Assertion, Discrepancy, Drift, Problem, Verdict
from shared.domain.errors import ProviderRefused
from shared.messaging.messages import CheckDrift
from shared.persistence.ids import new_id
from tests import factories
from tests.unit.cli.world import OPERATOR, World

WHY = ("--reason", "asked support, ticket 4711")
DKIM = "_domainkey.acme.dev.ardamails.com"


def check(world: World, assertion: Assertion, verdict: Verdict = Verdict.CLEAN) -> None:
    """As a worker makes one round."""
    with world.store.begin() as tx:
        round = tx.rounds.begin(assertion.e_id, lease_seconds=60)
        assert round is not None
    world.store.advance(seconds=1)
    with world.store.begin() as tx:
        if verdict is Verdict.COULD_NOT_TELL:
            tx.rounds.give_up(round, fault="http_500", again_in_seconds=120)
        else:
            tx.rounds.finish(round, verdict=verdict, checked=3, calls=1)


def begin(world: World, assertion: Assertion) -> None:
    """And dies."""
    with world.store.begin() as tx:
        assert tx.rounds.begin(assertion.e_id, lease_seconds=60) is not None


def find(world: World, tag: Drift = Drift.DKIM_MISMATCH, **given: Any) -> UUID:
    fields: dict[str, Any] = {
        "problem": Problem.ABSENT,
        "configuration_id": new_id(),
        "tenant_id": factories.TENANT,
        "record_name": DKIM,
    }
    discrepancy = Discrepancy(tag=tag, **{**fields, **given})
    with world.store.begin() as tx:
        tx.findings.observe([discrepancy])
    return max(world.store._state.findings)


# --- asked for -------------------------------------------------------------------------


def test_run_asks_for_every_assertion_and_rings(world: World) -> None:
    told = world.run("drift", "run")
    assert told.exit_code == 0
    with world.store.begin() as tx:
        assert set(tx.rounds.due()) == {assertion.e_id for assertion in Assertion}
    assert world.doorbell.rung == [CheckDrift(assertion.e_id) for assertion in Assertion]


def test_run_of_some_leaves_the_others(world: World) -> None:
    assert world.run_json("drift", "run", "dns", "registry", "dns")["askedFor"] == ["dns", "registry"]
    with world.store.begin() as tx:
        assert set(tx.rounds.due()) == {Assertion.DNS.e_id, Assertion.REGISTRY.e_id}
    assert world.run("drift", "run", "everything").exit_code == 2


def test_a_wait_ends_when_each_has_its_verdict(world: World) -> None:
    world.meanwhile = [
        lambda: check(world, Assertion.DNS),
        lambda: None,
        lambda: check(world, Assertion.REGISTRY),
    ]
    rows = world.run_json("drift", "run", "registry", "dns", "--wait")
    assert [(row["assertion"], row["verdict"]) for row in rows] == [("registry", "clean"), ("dns", "clean")]
    assert len(world.waited) == 3


@pytest.mark.parametrize(
    ("verdicts", "code", "said"),
    [
        ((Verdict.CLEAN, Verdict.CLEAN), 0, "clean"),
        ((Verdict.CLEAN, Verdict.DRIFTED), 8, "drift ls"),
        ((Verdict.COULD_NOT_TELL, Verdict.CLEAN), 4, "could not tell"),
        ((Verdict.COULD_NOT_TELL, Verdict.DRIFTED), 8, "drift ls"),
    ],
)
def test_a_wait_ends_by_what_was_found(
    world: World, verdicts: tuple[Verdict, Verdict], code: int, said: str
) -> None:
    def both() -> None:
        for assertion, verdict in zip((Assertion.REGISTRY, Assertion.DNS), verdicts, strict=True):
            check(world, assertion, verdict)

    world.meanwhile = [both]
    told = world.run("drift", "run", "registry", "dns", "--wait")
    assert (told.exit_code, said in told.output) == (code, True), told.output


def test_what_was_found_before_is_not_waited_for(world: World) -> None:
    for verdict in (Verdict.DRIFTED, Verdict.COULD_NOT_TELL):
        world.run("drift", "run", "dns")
        check(world, Assertion.DNS, verdict)
        world.hour_passes()
    told = world.run("drift", "run", "dns", "--wait", "--timeout", "1m")
    assert told.exit_code == 4
    assert "does the drift worker run" in told.stderr


def test_a_round_whose_worker_died_is_no_verdict(world: World) -> None:
    world.run("drift", "run", "dns")
    check(world, Assertion.DNS, Verdict.COULD_NOT_TELL)
    world.meanwhile = [lambda: begin(world, Assertion.DNS)]
    told = world.run("drift", "run", "dns", "--wait", "--timeout", "5m")
    assert told.exit_code == 4
    assert "The time is over" in told.stderr


def test_what_runs_while_it_is_asked_for_is_run_again(world: World) -> None:
    world.run("drift", "run", "dns")
    with world.store.begin() as tx:
        before = tx.rounds.begin(Assertion.DNS.e_id, lease_seconds=600)
    assert before is not None
    world.store.advance(seconds=1)

    def finish() -> None:
        with world.store.begin() as tx:
            tx.rounds.finish(before, verdict=Verdict.DRIFTED, checked=1, calls=1)

    world.meanwhile = [finish, lambda: check(world, Assertion.DNS)]
    assert world.run("drift", "run", "dns", "--wait").exit_code == 0


def test_status_is_well_when_nothing_stands(world: World) -> None:
    world.run("drift", "run")
    for assertion in Assertion:
        check(world, assertion)
    told = world.run_json("drift", "status")
    assert [row["verdict"] for row in told["assertions"]] == ["clean"] * 3
    assert [row["enabled"] for row in told["assertions"]] == [False] * 3


def test_status_ends_with_8_when_a_finding_is_open_or_one_could_not_tell(world: World) -> None:
    find(world)
    told = world.run("drift", "status")
    assert (told.exit_code, "1 findings are open" in told.stderr) == (8, True)
    world.run("drift", "run", "dns")
    check(world, Assertion.DNS, Verdict.COULD_NOT_TELL)
    assert "dns could not tell" in world.run("drift", "status").stderr


# --- shown -----------------------------------------------------------------------------


def test_ls_shows_what_is_open_unless_told_otherwise(world: World) -> None:
    dkim, young = find(world), find(world, grace_seconds=300.0)
    server = find(world, Drift.ORPHAN_SERVER, server_id=7, server_name="ardamails-dev-old", record_name=None)
    assert [row["eId"] for row in world.run_json("drift", "ls")] == [str(dkim), str(server)]
    assert [row["eId"] for row in world.run_json("drift", "ls", "--state", "young")] == [str(young)]
    assert len(world.run_json("drift", "ls", "--state", "all")) == 3
    assert len(world.run_json("drift", "ls", "--state", "all", "--limit", 2)) == 2
    people = world.run("drift", "ls").stdout
    assert DKIM in people
    assert "ardamails-dev-old" in people


@pytest.mark.parametrize("tag", ["postmark_orphan_server", "email.drift.postmark_orphan_server"])
def test_a_tag_may_be_short_or_whole(world: World, tag: str) -> None:
    find(world)
    server = find(world, Drift.ORPHAN_SERVER, server_id=7)
    assert [row["eId"] for row in world.run_json("drift", "ls", "--tag", tag)] == [str(server)]
    told = world.run("drift", "ls", "--tag", "orphans")
    assert (told.exit_code, "dns_dkim_mismatch" in told.stderr) == (2, True)


def test_more_findings_than_a_page_are_shown(world: World) -> None:
    for _ in range(505):
        find(world)
    assert len({row["eId"] for row in world.run_json("drift", "ls", "--limit", 600)}) == 505


def test_show_has_what_helps_to_look_it_up_and_who_saw_it(world: World) -> None:
    found = find(world)
    world.run("drift", "snooze", found, "--for", "7d", *WHY)
    told = world.run_json("drift", "show", found)
    assert (told["recordName"], told["tenantId"], told["snoozedBy"]) == (
        DKIM,
        str(factories.TENANT),
        OPERATOR,
    )
    assert [(deed["action"], deed["reason"]) for deed in told["actions"]] == [("drift.snooze", WHY[1])]
    assert WHY[1] in world.run("drift", "show", found).stdout
    assert world.run("drift", "show", factories.TENANT).exit_code == 6


# --- snoozed ---------------------------------------------------------------------------


def test_a_snooze_lasts_as_long_as_it_says_and_is_kept_with_who_and_why(world: World) -> None:
    found = find(world)
    told = world.run_json("drift", "snooze", found, "--for", "7d", *WHY)
    assert told["state"] == "snoozed"
    with world.store.begin() as tx:
        (deed,) = tx.audit.of(found)
    assert (deed.action, deed.author, deed.tenant_id) == ("drift.snooze", OPERATOR, factories.TENANT)
    world.store.advance(timedelta(days=7, seconds=-1))
    assert world.run_json("drift", "ls") == []
    world.store.advance(seconds=1)
    assert len(world.run_json("drift", "ls")) == 1


def test_waking_ends_it_at_once(world: World) -> None:
    found = find(world)
    world.run("drift", "snooze", found, "--for", "7d", *WHY)
    assert world.run_json("drift", "wake", found, "--reason", "support has answered")["state"] == "open"
    with world.store.begin() as tx:
        assert [deed.action for deed in tx.audit.of(found)] == ["drift.snooze", "drift.wake"]


def test_what_is_resolved_or_not_there_is_not_snoozed(world: World) -> None:
    found = find(world)
    world.store.advance(seconds=1)
    world.run("drift", "run", "dns")
    with world.store.begin() as tx:
        round = tx.rounds.begin(Assertion.DNS.e_id, lease_seconds=60)
        assert round is not None
    with world.store.begin() as tx:
        assert tx.findings.settle(round) == 1
    assert world.run("drift", "snooze", found, "--for", "7d", *WHY).exit_code == 5
    assert world.run("drift", "wake", factories.TENANT, *WHY).exit_code == 6
    with world.store.begin() as tx:
        assert tx.audit.of(found) == []


def test_a_snooze_wants_to_know_how_long_and_why(world: World) -> None:
    found = find(world)
    assert world.run("drift", "snooze", found, *WHY).exit_code == 2
    assert world.run("drift", "snooze", found, "--for", "7d").exit_code == 2
    assert world.run("drift", "snooze", found, "--for", "forever", *WHY).exit_code == 2
    assert world.run_json("drift", "show", found)["state"] == "open"


# --- the provider's servers ------------------------------------------------------------


def test_servers_are_those_of_this_partition_with_their_configurations(world: World) -> None:
    acme = world.add_configuration()
    server = world.postmark.servers[acme.provisioned.server_id or 0]
    server.name = f"ardamails-dev-{acme.slug}"
    world.postmark.add_server("ardamails-dev-left")
    world.postmark.add_server("somebody-elses")
    world.postmark.add_server("ardamails-dev-north-x")
    world.settings = world.settings.model_copy(
        update={
            "drift": world.settings.drift.model_copy(update={"other_zones": ("north.dev.ardamails.com",)})
        }
    )
    found = {row["slug"]: row["configurationEId"] for row in world.run_json("drift", "servers")}
    assert found == {acme.slug: str(acme.e_id), "left": None}
    others = [row["name"] for row in world.run_json("drift", "servers", "--others")]
    assert others == ["ardamails-dev-north-x", "somebody-elses"]


def test_a_server_of_a_configuration_s_name_that_is_not_its_own_has_none(world: World) -> None:
    acme = world.add_configuration()
    world.postmark.add_server(f"ardamails-dev-{acme.slug}")
    (row,) = world.run_json("drift", "servers")
    assert (row["slug"], row["configurationEId"]) == (acme.slug, None)


def test_a_provider_that_refuses_is_told_in_a_sentence(world: World) -> None:
    world.postmark.fail_next("server_pages", ProviderRefused("10", "bad token"))
    told = world.run("drift", "servers")
    assert told.exit_code == 5
    assert "refused" in told.stderr
