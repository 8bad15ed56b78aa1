"""Retention from the command line: shown, counted beforehand, asked for, waited for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.job import JobStatus
from shared.domain.retention import Kind
from shared.messaging.messages import RemoveOldRows
from tests import factories
from tests.unit.cli.world import World


@pytest.fixture(autouse=True)
def kept(world: World) -> None:
    """Contents for 30 days and minutes for 7; everything else for ever."""
    for_ever = dict.fromkeys((f"{kind.name.lower()}_days" for kind in Kind), 0.0)
    days = {**for_ever, "contents_days": 30.0, "traffic_days": 7.0}
    retention = world.settings.retention.model_copy(update={**days, "slice_rows": 2})
    world.settings = world.settings.model_copy(update={"retention": retention})


def add_jobs(world: World, count: int, status: JobStatus = JobStatus.SENT) -> None:
    configuration = world.add_configuration()
    due_at = factories.LONG_AGO if status is JobStatus.QUEUED else None
    with world.store.begin() as tx:
        tx.jobs.accept([factories.new_job(configuration, status=status, due_at=due_at) for _ in range(count)])


def go_through(world: World, kind: Kind) -> None:
    """As a worker does."""
    with world.store.begin() as tx:
        pass_ = tx.retention.begin(kind, keep_days=30, lease_seconds=60)
        assert pass_ is not None
        done = False
        while not done:
            slice_ = tx.retention.remove(pass_, rows=2, lease_seconds=60)
            pass_, done = replace(pass_, cursor=slice_.cursor), slice_.done


def row_of(rows: list[dict[str, Any]], kind: Kind) -> dict[str, Any]:
    return next(row for row in rows if row["kind"] == kind.value)


def test_status_shows_every_kind_and_for_how_long_it_is_kept(world: World) -> None:
    rows = world.run_json("retention", "status")
    assert [row["kind"] for row in rows] == [kind.value for kind in Kind]
    assert row_of(rows, Kind.CONTENTS)["keepDays"] == 30
    assert row_of(rows, Kind.JOBS)["keepDays"] is None
    assert row_of(rows, Kind.CONTENTS)["finishedAt"] is None


def test_status_shows_what_the_last_pass_did(world: World) -> None:
    add_jobs(world, 3)
    add_jobs(world, 1, JobStatus.QUEUED)
    world.run("retention", "run")
    go_through(world, Kind.CONTENTS)
    row = row_of(world.run_json("retention", "status"), Kind.CONTENTS)
    assert (row["looked"], row["removed"], row["removedInAll"], row["behindSeconds"]) == (4, 3, 3, 0)
    assert "contents" in world.run("retention", "status").stdout


def test_status_finds_a_kind_that_is_behind(world: World) -> None:
    world.run("retention", "run")
    go_through(world, Kind.CONTENTS)
    world.store.advance(timedelta(hours=23))
    assert world.run("retention", "status").exit_code == 0
    world.store.advance(timedelta(hours=2))
    told = world.run("retention", "status")
    assert told.exit_code == 8
    assert "contents" in told.stderr


def test_a_dry_run_counts_and_removes_nothing(world: World) -> None:
    add_jobs(world, 5)
    add_jobs(world, 2, JobStatus.QUEUED)
    rows = world.run_json("retention", "run", "--dry-run")
    assert [row["kind"] for row in rows] == ["contents", "traffic"]
    assert (rows[0]["looked"], rows[0]["wouldRemove"]) == (7, 5)
    assert len(world.store._state.contents) == 7
    assert world.doorbell.rung == []
    with world.store.begin() as tx:
        assert tx.retention.due() == []


def test_run_asks_for_what_is_kept_for_a_while_and_rings(world: World) -> None:
    told = world.run_json("retention", "run")
    assert told["askedFor"] == ["contents", "traffic"]
    assert world.doorbell.rung == [RemoveOldRows(kind.e_id) for kind in (Kind.CONTENTS, Kind.TRAFFIC)]


def test_run_of_what_is_kept_for_ever_is_refused(world: World) -> None:
    told = world.run("retention", "run", "contents", "jobs")
    assert told.exit_code == 5
    assert "jobs" in told.stderr
    assert world.doorbell.rung == []
    assert world.run("retention", "run", "everything").exit_code == 2


def test_a_wait_ends_when_each_has_been_gone_through(world: World) -> None:
    add_jobs(world, 3)
    world.meanwhile = [lambda: None, lambda: go_through(world, Kind.CONTENTS)]
    rows = world.run_json("retention", "run", "contents", "--wait")
    assert [(row["kind"], row["removed"]) for row in rows] == [("contents", 3)]
    assert len(world.waited) == 2


def test_a_wait_that_is_over_says_what_has_not_ended(world: World) -> None:
    world.meanwhile = [lambda: go_through(world, Kind.CONTENTS)]
    told = world.run("retention", "run", "--wait", "--timeout", "30s")
    assert told.exit_code == 4
    assert "traffic" in told.stderr
    assert "contents" not in told.stderr
