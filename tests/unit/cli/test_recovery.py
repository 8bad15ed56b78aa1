"""`emailctl recovery`: from a restored database to one that knows what was sent."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.cli.recovery_run import HOPELESS
from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import ProviderUnavailable
from shared.domain.job import JobStatus
from shared.domain.mail import OutboundMessage
from shared.persistence.ids import new_id
from tests import factories
from tests.fakes.postmark import TakenMessage
from tests.unit.cli.world import OPERATOR, World

AWAY = ProviderUnavailable("timeout", "away")


@pytest.fixture
def restored(world: World) -> World:
    world.postmark.now = world.store.clock.now
    return world


def begin(world: World, *, minutes: float = 30) -> None:
    until = world.store.clock.now()
    from_ = until - timedelta(minutes=minutes)
    arguments = ("--from", from_.isoformat(), "--until", until.isoformat(), "--reason", "disk lost")
    assert world.run("recovery", "begin", *arguments).exit_code == 0


def sent(world: World, configuration: EmailConfiguration, job_id: UUID) -> None:
    message = OutboundMessage(
        job_id=job_id,
        claim_id=new_id(),
        sender="orders@acme.dev.ardamails.com",
        recipient="person@example.com",
        content=factories.content(),
    )
    token, message_id = world.server_token(configuration), f"message-of-{job_id}"
    world.postmark.taken.append(TakenMessage(message_id, token, message, world.store.clock.now()))


def queued(world: World, configuration: EmailConfiguration) -> UUID:
    new = factories.new_job(configuration)
    with world.store.begin() as tx:
        tx.jobs.accept([new])
    return new.job.e_id


def is_open(world: World) -> bool:
    with world.store.begin() as tx:
        return tx.recovering()


def status(world: World, *, code: int = 8) -> dict[str, Any]:
    shown = world.run_json("recovery", "status", code=code)
    assert isinstance(shown, dict)
    return shown


def actions(world: World) -> list[tuple[str, str, str]]:
    with world.store.begin() as tx:
        newest = tx.recoveries.newest()
        assert newest is not None
        return [(one.action, one.author, one.reason) for one in tx.audit.of(newest.e_id)]


def exported(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_from_the_beginning_to_the_end(restored: World) -> None:
    acme = restored.add_configuration()
    gone, waiting, lost = queued(restored, acme), queued(restored, acme), new_id()
    for job_id in (gone, lost):
        sent(restored, acme, job_id)
    begin(restored)
    assert is_open(restored)
    assert restored.run_json("recovery", "run") == {
        "left": [],
        "settled": 1,
        "adopted": 1,
        "contradicted": 0,
    }
    assert status(restored)["askedTwice"] == 1
    assert restored.run("recovery", "end").exit_code == 0
    assert not is_open(restored)
    with restored.store.begin() as tx:
        found = tx.recoveries.jobs([gone, waiting, lost])
    assert [found[e_id].status for e_id in (gone, waiting, lost)] == [
        JobStatus.SENT,
        JobStatus.QUEUED,
        JobStatus.SENT,
    ]
    assert actions(restored) == [
        ("recovery.begin", OPERATOR, "disk lost"),
        ("recovery.end", OPERATOR, "the provider was asked twice, and all that it told is written down"),
    ]


def test_what_the_index_knows_only_later_is_found_by_the_second_look(restored: World) -> None:
    acme, lost = restored.add_configuration(), new_id()
    sent(restored, acme, lost)
    begin(restored)
    restored.postmark.search_sees_new = False
    restored.meanwhile = [lambda: setattr(restored.postmark, "search_sees_new", True)]
    assert restored.run_json("recovery", "run")["adopted"] == 1
    assert sum(restored.waited) >= restored.settings.send.index_lag_grace_seconds


def test_run_again_it_asks_only_those_that_are_left(restored: World) -> None:
    first, _ = sorted((restored.add_configuration() for _ in range(2)), key=lambda one: one.e_id)
    begin(restored)
    for _ in range(4):
        restored.postmark.fail_next("between", AWAY)
    (left,) = restored.run_json("recovery", "run", code=7)["left"]
    assert (left["configurationEId"], left["fault"]) == (str(first.e_id), "timeout")
    calls = restored.postmark.calls["between"]
    assert restored.run("recovery", "run").exit_code == 0
    assert restored.postmark.calls["between"] == calls + 1
    assert status(restored)["askedTwice"] == 2


def test_a_provider_that_is_away_ends_the_run_before_it_has_tried_everybody(restored: World) -> None:
    for _ in range(HOPELESS + 3):
        restored.add_configuration()
    begin(restored)
    for _ in range(4 * (HOPELESS + 3)):
        restored.postmark.fail_next("between", AWAY)
    broken_off = restored.run("recovery", "run")
    assert broken_off.exit_code == 7
    assert f"{HOPELESS} in a row failed" in broken_off.stderr
    assert restored.postmark.calls["between"] == 4 * HOPELESS
    assert is_open(restored)


def test_it_is_not_ended_while_somebody_was_not_asked(restored: World) -> None:
    acme = restored.add_configuration()
    begin(restored)
    refused = restored.run("recovery", "end", "--yes")
    assert refused.exit_code == 5
    assert str(acme.e_id) in refused.stdout
    assert is_open(restored)


def test_a_server_that_is_gone_is_named_and_its_end_is_forced_with_a_reason(restored: World) -> None:
    acme = restored.add_configuration()
    restored.postmark.servers.clear()
    begin(restored)
    assert restored.run_json("recovery", "run", code=7)["left"][0]["fault"] == "10"
    assert restored.run("recovery", "end", "--force", "--yes").exit_code == 2
    unattended = restored.run("recovery", "end", "--force", "--reason", "gone")
    assert unattended.exit_code == 5
    assert is_open(restored)
    forced = restored.run("recovery", "end", "--force", "--reason", "gone", "--yes")
    assert forced.exit_code == 0
    assert str(acme.e_id) in forced.stdout
    assert actions(restored)[-1] == ("recovery.end", OPERATOR, "gone")


def test_only_one_is_begun(restored: World) -> None:
    begin(restored)
    now = restored.store.clock.now()
    again = restored.run(
        "recovery",
        "begin",
        "--from",
        (now - timedelta(hours=1)).isoformat(),
        "--until",
        now.isoformat(),
        "--reason",
        "again",
    )
    assert again.exit_code == 5
    assert OPERATOR in again.stderr


def test_a_gap_that_ends_before_it_begins_is_refused(restored: World) -> None:
    times = ("--from", "2026-01-02T00:00Z", "--until", "2026-01-01T00:00Z")
    assert restored.run("recovery", "begin", *times, "--reason", "x").exit_code == 2
    assert not is_open(restored)


@pytest.mark.parametrize("command", ["run", "end"])
def test_without_one_there_is_nothing_to_do(restored: World, command: str) -> None:
    assert restored.run("recovery", command).exit_code == 6


@pytest.mark.parametrize("command", ["status", "export"])
def test_without_any_there_is_nothing_to_tell(restored: World, command: str) -> None:
    assert restored.run("recovery", command).exit_code == 6


def test_the_status_of_one_that_has_ended_is_no_finding(restored: World) -> None:
    begin(restored)
    assert status(restored, code=8)["state"] == "open"
    restored.run("recovery", "end")
    ended = status(restored, code=0)
    assert (ended["state"], ended["endedBy"]) == ("ended", OPERATOR)


def test_what_was_adopted_is_exported(restored: World, tmp_path: Path) -> None:
    acme = restored.add_configuration()
    lost = sorted(new_id() for _ in range(3))
    for job_id in (*lost, queued(restored, acme)):
        sent(restored, acme, job_id)
    begin(restored)
    restored.run("recovery", "run")
    rows = exported(restored.run("recovery", "export").stdout)
    assert [row["jobId"] for row in rows] == [str(e_id) for e_id in lost]
    assert rows[0] == {
        "jobId": str(lost[0]),
        "tenantId": str(acme.tenant_id),
        "configurationId": str(acme.e_id),
        "found": "adopted",
        "messageId": f"message-of-{lost[0]}",
        "takenAt": restored.postmark.taken[0].taken_at.isoformat(),
    }
    path = tmp_path / "settled.csv"
    assert restored.run("recovery", "export", "--found", "settled", "--file", path).exit_code == 0
    assert len(exported(path.read_text("utf-8"))) == 1
    assert restored.run("recovery", "export", "--file", path).exit_code == 5


def test_another_recoverys_list_is_asked_for_by_its_id(restored: World) -> None:
    begin(restored)
    first = status(restored)["recoveryId"]
    assert exported(restored.run("recovery", "export", "--recovery", first).stdout) == []
    assert restored.run("recovery", "export", "--recovery", new_id()).exit_code == 6
