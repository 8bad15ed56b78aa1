"""One look at everything: what is asked, what counts as well, and that no failure hides another."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from shared.cli import examination
from shared.cli.doctor_checks import BOUNDS
from shared.cli.examination import Check, Finding, Verdict
from shared.domain.dns import DnsRecord
from shared.domain.errors import OutOfTurn, ProviderRefused, ProviderUnavailable
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.recovery import Recovery
from shared.persistence.ids import new_id
from shared.ports.broker import BrokerSeen
from shared.ports.waits import Waiting
from tests import factories
from tests.fakes.dns import FakeZone
from tests.unit.cli.neighbours import HEAD
from tests.unit.cli.world import World
from tests.unit.replaying.dead_letter_world import World as Letters

ROOT = Path(__file__).parents[3]


def examined(world: World, *, code: int = 8) -> dict[str, dict[str, Any]]:
    return {row["about"]: row for row in world.run_json("doctor", code=code)}


def verdicts(world: World, *, code: int = 8) -> dict[str, str]:
    return {about: row["verdict"] for about, row in examined(world, code=code).items()}


def test_all_is_well_when_everything_answers(world: World) -> None:
    assert set(verdicts(world, code=0).values()) == {"ok"}
    told = world.run("doctor")
    assert told.exit_code == 0
    for name in ("database", "schema", "clock", "scheduler", "broker", "provider", "DNS zone", "key file"):
        assert name in told.stdout
    assert "asking: 9 of 9" in told.stderr


def test_no_failure_stops_the_other_checks(world: World) -> None:
    world.store.down = world.database.down = world.broker.down = True
    world.postmark.fail_next("find_server", ProviderUnavailable("http_500", "no"))
    world.zone.fail_next(ProviderUnavailable("Timeout", "no"))
    world.cipher.usable = False
    told = examined(world)
    assert {row["verdict"] for row in told.values()} == {"fail"}
    assert told.keys() == {
        *("database", "broker", "provider", "DNS zone", "key file", "keys of tokens", "account", "waits"),
        "dead letters",
    }
    assert "EMAIL_DATABASE_URL" in told["database"]["advice"]
    assert "EMAIL_KEY_MATERIAL_FILE" in told["key file"]["advice"]
    assert "try again later" in told["provider"]["advice"]


@pytest.mark.parametrize(
    ("revision", "known", "verdict"),
    [(HEAD, True, "ok"), ("0003", True, "fail"), ("0099", False, "warn"), (None, False, "fail")],
)
def test_the_schema_is_the_one_that_this_code_brings_along(
    world: World, revision: str | None, known: bool, verdict: str
) -> None:
    world.database.seen = replace(world.database.seen, revision=revision, revision_known=known)
    assert verdicts(world, code=0 if verdict == "ok" else 8)["schema"] == verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(1.9, "ok"), (-1.9, "ok"), (2.1, "warn"), (-2.1, "warn"), (31, "fail")]
)
def test_clocks_that_differ_are_told_of(world: World, seconds: float, verdict: str) -> None:
    world.database.ahead = timedelta(seconds=seconds)
    row = examined(world, code=0 if verdict == "ok" else 8)["clock"]
    assert row["verdict"] == verdict
    assert ("behind" if seconds < 0 else "ahead") in row["seen"]


def test_a_scheduler_that_nobody_leads_or_that_is_silent_is_told_of(world: World) -> None:
    world.database.silent = timedelta(seconds=7)
    assert verdicts(world)["scheduler"] == "warn"
    world.database.seen = replace(world.database.seen, lead=None)
    assert verdicts(world)["scheduler"] == "fail"


def test_a_broker_that_may_drop_keys_is_told_of(world: World) -> None:
    world.broker.seen = replace(world.broker.seen, eviction="allkeys-lru", append_only=False)
    row = examined(world)["broker"]
    assert (row["verdict"], "append-only file off" in row["seen"]) == ("warn", True)


def test_a_broker_that_does_not_tell_of_itself_is_well_if_it_answers(world: World) -> None:
    world.broker.seen = BrokerSeen()
    assert examined(world, code=0)["broker"]["seen"] == "answers"


def test_an_account_token_that_is_not_taken_is_named_as_the_setting(world: World) -> None:
    world.postmark.fail_next("find_server", ProviderRefused("10", "Bad or missing API token."))
    row = examined(world)["provider"]
    assert (row["verdict"], "EMAIL_POSTMARK_ACCOUNT_TOKEN" in row["advice"]) == ("fail", True)


def test_a_zone_of_another_name_is_told_of_with_both_names(world: World) -> None:
    world.zone = FakeZone("stage.ardamails.com")
    row = examined(world)["DNS zone"]
    assert row["verdict"] == "fail"
    assert "stage.ardamails.com" in row["seen"]
    assert "dev.ardamails.com" in row["advice"]


def test_a_zone_that_may_not_be_read_is_a_matter_of_permissions(world: World) -> None:
    world.zone.fail_next(ProviderRefused("AccessDenied", "no"))
    row = examined(world)["DNS zone"]
    assert (row["verdict"], "permissions" in row["advice"]) == ("fail", True)


def test_records_of_others_in_the_zone_do_not_matter(world: World) -> None:
    world.zone.place(DnsRecord("aaa.dev.ardamails.com", "SOA", "x", 900))
    assert verdicts(world, code=0)["DNS zone"] == "ok"


def test_a_key_version_that_a_token_needs_and_nobody_mounted_is_told_of(world: World) -> None:
    world.add_configuration()
    world.cipher.versions = {"v2"}
    row = examined(world)["keys of tokens"]
    assert (row["verdict"], row["seen"]) == ("fail", "not mounted: v1 of 1")


def test_a_paused_account_is_told_of(world: World) -> None:
    with world.store.begin() as tx:
        tx.account.pause(seconds=300, longest_seconds=3600, reason="405")
    row = examined(world)["account"]
    assert (row["verdict"], "2026-11-02 09:05:00Z" in row["seen"]) == ("fail", True)


def test_an_open_recovery_is_told_of(world: World) -> None:
    recovery = Recovery(
        e_id=new_id(),
        gap_from=factories.LONG_AGO,
        gap_until=factories.later(hours=1),
        author="op",
        reason="disk",
        begun_at=world.store.clock.now(),
    )
    with world.store.begin() as tx:
        tx.recoveries.begin(recovery)
    row = examined(world)["account"]
    assert (row["verdict"], "a recovery is open" in row["seen"]) == ("fail", True)


def test_open_dead_letters_are_counted(world: World) -> None:
    letters = Letters(store=world.store, doorbell=world.doorbell)
    letters.fails(2)
    letters.buries_a_message()
    assert examined(world)["dead letters"]["seen"] == "2 of jobs, 1 of messages"


@pytest.mark.parametrize(
    ("minutes", "verdict"),
    [(14, None), (16, "warn"), (15 * 20 + 1, "fail")],
    ids=["early", "late", "far too late"],
)
def test_what_waits_for_longer_than_its_bound_is_told_of(
    world: World, minutes: int, verdict: str | None
) -> None:
    since = world.store.clock.now()
    world.cipher.versions.add("1")
    locking = factories.sendable(administrative=Administrative.LOCKING, administrative_since=since)
    with world.store.begin() as tx:
        tx.configurations.add(locking, factories.CREATED)
    world.store.advance(timedelta(minutes=minutes))
    told = verdicts(world, code=8 if verdict else 0)
    assert told.get("waits: locking") == verdict
    assert ("waits" in told) is (verdict is None)


def test_a_state_that_wants_an_operator_is_told_of_at_once(world: World) -> None:
    failed = factories.sendable(
        operational=Operational.FAILURE, operational_since=world.store.clock.now() - timedelta(days=9)
    )
    with world.store.begin() as tx:
        tx.configurations.add(failed, factories.CREATED)
    row = examined(world)["waits: failure"]
    assert (row["verdict"], row["advice"]) == ("warn", "docs/runbooks/failure-state.md")


def test_every_state_that_waits_has_a_bound_and_a_runbook_that_is_there() -> None:
    assert BOUNDS.keys() == set(Waiting)
    missing = {bound.runbook for bound in BOUNDS.values()} - {
        path.stem for path in (ROOT / "docs/runbooks").glob("*.md")
    }
    assert missing == set()


# --- the examination itself ------------------------------------------------------------


def examine(*checks: Check, limit_seconds: float = 30.0) -> list[Finding]:
    return examination.examine(checks, limit_seconds=limit_seconds, advance=lambda _: None)


def well(name: str) -> Check:
    return Check(name, lambda: [Finding(name, Verdict.OK, "well")])


def test_findings_come_in_the_order_of_the_checks_whoever_was_first() -> None:
    first_is_asked = Event()

    def late() -> list[Finding]:
        assert first_is_asked.wait(30)
        return [Finding("late", Verdict.OK, "well")]

    def early() -> list[Finding]:
        first_is_asked.set()
        return [Finding("early", Verdict.OK, "well")]

    assert [found.about for found in examine(Check("late", late), Check("early", early))] == ["late", "early"]


def test_what_hangs_is_left_behind_when_its_time_is_over() -> None:
    released = Event()

    def hang() -> list[Finding]:
        released.wait(60)
        return []

    hanging, other = examine(Check("hangs", hang), well("other"), limit_seconds=0.2)
    released.set()
    assert (hanging.verdict, hanging.seen) == (Verdict.FAIL, "no answer within 0.2 s")
    assert other.verdict is Verdict.OK


def test_a_fault_of_a_check_shows_its_kind_and_not_its_words() -> None:
    def fault() -> list[Finding]:
        raise KeyError("a secret")

    (found,) = examine(Check("faulty", fault))
    assert found.verdict is Verdict.FAIL
    assert "KeyError" in found.seen
    assert "a secret" not in f"{found}"


def test_a_neighbour_that_our_own_pace_keeps_from_being_asked_is_no_failure() -> None:
    def busy() -> list[Finding]:
        raise OutOfTurn("route53", retry_after_seconds=3)

    (found,) = examine(Check("DNS zone", busy))
    assert (found.verdict, found.advice) == (Verdict.WARN, "run it again")
