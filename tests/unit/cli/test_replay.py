"""Replays from the command line: planned, asked for, followed, left alone, stopped, looked at."""

import signal
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared import replaying
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from shared.domain.replay import Replay, ReplayState
from shared.messaging.messages import RunReplay
from tests import factories
from tests.unit.cli.world import OPERATOR, World
from tests.unit.replaying.dead_letter_world import World as Letters
from workers.provisioning.replaying import run_replay

WHY = ("--reason", "the template is mended")
REPLAY = ("dead-letter", "replay", "--all", *WHY, "--yes")
NOBODY = "019b0000-0000-7000-8000-00000000dead"


@pytest.fixture
def letters(world: World) -> Letters:
    return Letters(store=world.store, doorbell=world.doorbell)


def due_work(world: World, letters: Letters) -> None:
    """One worker, once around."""
    with world.store.begin() as tx:
        due = tx.replays.due(10)
    # What a worker logs is not on the operator's terminal.
    with capture_logs():
        for e_id in due:
            run_replay(e_id, letters.deps())


def has_workers(world: World, letters: Letters, times: int = 100) -> None:
    """While the command waits, they work."""
    world.meanwhile = [lambda: due_work(world, letters)] * times


def in_slices(world: World, letters: Letters, after_each: Callable[[], object]) -> None:
    """A worker that is at it while the command looks: a slice, and then whatever happens."""
    letters.meanwhile = [after_each]
    has_workers(world, letters)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def newest(world: World) -> Replay:
    with world.store.begin() as tx:
        (found,) = tx.replays.newest(before=None, limit=1)
    return found


# --- planned -----------------------------------------------------------------------------


def test_a_dry_run_tells_each_fate_and_changes_nothing(world: World, letters: Letters) -> None:
    jobs = letters.fails(2)
    letters.parks_an_event()
    letters.change(administrative=Administrative.LOCKED)
    rows = world.run_json("dead-letter", "replay", "--all", "--dry-run")
    assert [(row["subject"], row["errorClass"], row["fate"], row["count"]) for row in rows] == [
        ("event", "unjoined", "put_back", 1),
        ("job", "300", "locked", 2),
    ]
    assert letters.statuses(jobs) == [JobStatus.FAILED] * 2
    assert not world.store._state.replays
    assert not world.doorbell.rung


# --- asked for and followed ------------------------------------------------------------------


def test_a_replay_is_asked_for_and_followed_to_its_end(world: World, letters: Letters) -> None:
    mended, others = letters.fails(2, code="300"), letters.fails(2, code="expired")
    has_workers(world, letters)
    told = world.run_json("dead-letter", "replay", "--filter", "class=300", *WHY, "--yes", "--rate", 5)
    assert (told["state"], told["found"], told["done"], told["putBack"]) == ("done", 2, 2, 2)
    assert (told["wanted"], told["perSecond"], told["author"]) == ("class=300", 5.0, OPERATOR)
    assert letters.statuses(mended) == [JobStatus.QUEUED] * 2
    assert letters.statuses(others) == [JobStatus.FAILED] * 2
    assert world.doorbell.rung[0] == RunReplay(UUID(told["eId"]))
    with world.store.begin() as tx:
        (action,) = tx.jobs.actions(factories.TENANT, mended[0])
    assert (action.action, action.author, action.reason) == ("dead_letter.replay", OPERATOR, WHY[1])


def test_messages_of_one_actor_may_be_put_back_alone(world: World, letters: Letters) -> None:
    letters.fails(2)
    letters.buries_a_message("VerifyConfiguration")
    has_workers(world, letters)
    chosen = ("--filter", "actor=VerifyConfiguration")
    told = world.run_json("dead-letter", "replay", *chosen, *WHY, "--yes")
    assert (told["putBack"], told["wanted"]) == (1, "actor=VerifyConfiguration")
    assert letters.open() == 2


def test_progress_is_told_while_it_goes_on(world: World, letters: Letters) -> None:
    letters.fails(30)
    seen: list[int] = []
    letters.meanwhile = [lambda: seen.append(newest(world).done)] * 2
    has_workers(world, letters)
    told = world.run(*REPLAY)
    assert told.exit_code == 0
    assert seen == [10, 20]
    assert "putting back: 30 of 30" in told.stderr
    assert "put_back" in told.stdout


def test_what_stays_open_is_said_with_what_to_do(world: World, letters: Letters) -> None:
    letters.fails(2)
    letters.change(administrative=Administrative.LOCKED)
    has_workers(world, letters)
    told = world.run(*REPLAY)
    assert told.exit_code == 7
    assert "unlock its configuration" in told.stdout
    assert f"dead-letter result {newest(world).e_id}" in told.stderr
    assert letters.open() == 2


def test_nothing_to_replay_is_a_good_end_and_nobody_is_asked_for_it(world: World, letters: Letters) -> None:
    told = world.run(*REPLAY)
    assert told.exit_code == 0
    assert "None is open that this holds for." in told.stderr
    assert not world.store._state.replays


def test_whoever_is_asked_is_told_of_how_many_it_is_about(world: World, letters: Letters) -> None:
    letters.fails(2)
    assert world.run("dead-letter", "replay", "--all", "--yes").exit_code == 2, "nobody says why"
    assert world.run("dead-letter", "replay", "--all", *WHY).exit_code == 5, "nobody is there to ask"
    told = world.run("dead-letter", "replay", "--all", *WHY, answer="n\n")
    assert told.exit_code == 1
    assert "job 300: 2" in told.stderr
    assert not world.store._state.replays


def test_a_database_that_is_away_for_a_moment_is_looked_past(world: World, letters: Letters) -> None:
    letters.fails(3)

    def away() -> None:
        world.store.down = True

    def back() -> None:
        world.store.down = False
        due_work(world, letters)

    world.meanwhile = [away, back]
    told = world.run(*REPLAY)
    assert told.exit_code == 0
    assert "No answer" in told.stderr


def test_when_the_time_is_over_it_goes_on_without_whoever_followed(world: World, letters: Letters) -> None:
    letters.fails(3)
    told = world.run(*REPLAY, "--timeout", "30s")
    assert told.exit_code == 4
    assert "it goes on" in told.stderr
    assert newest(world).state is ReplayState.WAITING


def test_what_somebody_else_stopped_is_no_success(world: World, letters: Letters) -> None:
    letters.fails(30)

    def stop() -> None:
        replaying.stop(letters.ports(), newest(world).e_id, author="piet", reason="not mended")

    in_slices(world, letters, stop)
    told = world.run(*REPLAY)
    assert told.exit_code == 8
    assert "piet stopped it: 10 of 30 were looked at." in told.stderr


# --- left to the workers ---------------------------------------------------------------------


def test_with_no_wait_it_is_asked_for_and_left_alone(world: World, letters: Letters) -> None:
    letters.fails(2)
    told = world.run_json(*REPLAY, "--no-wait")
    assert (told["state"], told["found"], told["done"]) == ("waiting", 2, 0)
    assert world.waited == []
    assert newest(world).e_id == UUID(told["eId"])


def test_one_for_later_begins_then(world: World, letters: Letters) -> None:
    letters.fails(2)
    asked_at = world.store.clock.now()
    world.run(*REPLAY, "--in", 600, "--no-wait")
    assert (newest(world).begins_at - asked_at).total_seconds() == 600
    due_work(world, letters)
    assert newest(world).state is ReplayState.WAITING
    world.store.advance(seconds=600)
    due_work(world, letters)
    assert newest(world).state is ReplayState.DONE


@pytest.mark.parametrize(
    "given", [("--rate", 0), ("--rate", 1001), ("--in", -1), ("--in", 86_401), ("--timeout", "10")]
)
def test_numbers_that_make_no_sense_are_usage(world: World, letters: Letters, given: tuple[Any, ...]) -> None:
    letters.fails()
    assert world.run(*REPLAY, *given).exit_code == 2
    assert not world.store._state.replays


def test_run_again_it_follows_the_one_that_is_at_it_already(world: World, letters: Letters) -> None:
    """Or the pace would double with each time."""
    letters.fails(5)
    first = world.run_json(*REPLAY, "--no-wait", "--rate", 2)["eId"]
    has_workers(world, letters)
    again = world.run(*REPLAY, "--rate", 500, "-o", "json")
    assert again.exit_code == 0, again.stderr
    assert f"Replay {first} of {OPERATOR} is at it already, 2 a second." in again.stderr
    assert list(world.store._state.replays) == [UUID(first)]
    assert letters.open() == 0


def test_other_words_or_one_at_its_end_make_another_one(world: World, letters: Letters) -> None:
    letters.fails(2)
    first = world.run_json(*REPLAY, "--no-wait")["eId"]
    narrower = ("dead-letter", "replay", "--filter", "subject=job", *WHY, "--yes", "--no-wait")
    assert world.run_json(*narrower)["eId"] != first
    due_work(world, letters)
    letters.refuse()
    assert world.run_json(*REPLAY, "--no-wait")["found"] == 2
    assert len(world.store._state.replays) == 3


# --- Ctrl-C ------------------------------------------------------------------------------------


def test_ctrl_c_without_a_terminal_leaves_it_running_and_says_so(world: World, letters: Letters) -> None:
    letters.fails(5)
    world.meanwhile = [interrupt]
    told = world.run(*REPLAY)
    assert told.exit_code == 1
    assert f"dead-letter stop {newest(world).e_id}" in told.stderr
    assert newest(world).finished_at is None
    due_work(world, letters)
    assert letters.open() == 0


@pytest.mark.parametrize("answer", ["n\n", ""], ids=["no", "no more of it"])
def test_ctrl_c_at_a_terminal_asks_and_leaves_it_running_unless_told_to_stop(
    world: World, letters: Letters, answer: str
) -> None:
    letters.fails(5)
    world.meanwhile = [interrupt]
    told = world.run(*REPLAY, answer=answer)
    assert told.exit_code == 1
    assert "Stop it?" in told.stderr
    assert "It goes on without you" in told.stderr
    assert newest(world).finished_at is None


def test_ctrl_c_at_a_terminal_stops_it_when_told_to_and_says_how_far_it_came(
    world: World, letters: Letters
) -> None:
    jobs = letters.fails(25)
    in_slices(world, letters, interrupt)
    told = world.run(*REPLAY, answer="y\n")
    assert told.exit_code == 1
    assert "Stopped: 10 of 25 were looked at." in told.stderr
    assert "put_back" in told.stdout
    assert (newest(world).state, newest(world).stopped_by) == (ReplayState.STOPPED, OPERATOR)
    world.store.advance(seconds=60)
    due_work(world, letters)
    assert letters.statuses(jobs).count(JobStatus.QUEUED) == 10


# --- looked at -----------------------------------------------------------------------------------


def test_replays_are_shown_the_newest_first_with_how_far_they_came(world: World, letters: Letters) -> None:
    assert "Nobody ever asked" in world.run("dead-letter", "replays").stderr
    letters.fails(3, code="300")
    letters.fails(2, code="expired")
    for code in ("300", "expired"):
        chosen = ("--filter", f"class={code}")
        world.run("dead-letter", "replay", *chosen, *WHY, "--yes", "--no-wait")
    with world.store.begin() as tx:
        second, first = (one.e_id for one in tx.replays.newest(before=None, limit=2))
    run_replay(first, letters.deps())
    rows = world.run_json("dead-letter", "replays")
    assert [(row["eId"], row["state"], row["done"]) for row in rows] == [
        (str(second), "waiting", 0),
        (str(first), "done", 3),
    ]
    assert [row["wanted"] for row in world.run_json("dead-letter", "replays", "--limit", 1)] == [
        "class=expired"
    ]
    assert "class=300" in world.run("dead-letter", "replays").stdout


def test_a_result_says_what_became_of_each_and_may_be_of_one_fate_alone(
    world: World, letters: Letters
) -> None:
    other = letters.tenant(factories.OTHER_TENANT)
    letters.fails(2)
    theirs = letters.fails(1, configuration=other)
    letters.change(administrative=Administrative.LOCKED)
    replay = letters.work(letters.ask(DeadLetterFilter()))
    told = world.run_json("dead-letter", "result", replay.e_id)
    assert (told["state"], told["locked"], told["putBack"]) == ("done", 2, 1)
    assert [row["fate"] for row in told["results"]] == ["locked", "locked", "put_back"]
    put_back = world.run_json("dead-letter", "result", replay.e_id, "--fate", "put_back")["results"]
    assert [row["subjectId"] for row in put_back] == [str(theirs[0])]
    one = world.run_json("dead-letter", "result", replay.e_id, "--fate", "locked", "--limit", 1)["results"]
    assert len(one) == 1
    shown = world.run("dead-letter", "result", replay.e_id)
    assert (shown.exit_code, str(theirs[0]) in shown.stdout) == (0, True)


def test_more_than_a_page_of_results_is_shown(world: World, letters: Letters) -> None:
    letters.fails(510)
    replay = letters.work(letters.ask(per_second=1000.0))
    rows = world.run_json("dead-letter", "result", replay.e_id, "--limit", 1000)["results"]
    assert len({row["eId"] for row in rows}) == 510


@pytest.mark.parametrize("command", [("result", NOBODY), ("stop", NOBODY, *WHY)])
def test_what_nobody_asked_for_is_not_there(world: World, command: tuple[str, ...]) -> None:
    assert world.run("dead-letter", *command).exit_code == 6


def test_stop_ends_it_with_who_and_why(world: World, letters: Letters) -> None:
    letters.fails(2)
    replay = letters.ask()
    assert world.run("dead-letter", "stop", replay.e_id).exit_code == 2, "nobody says why"
    told = world.run_json("dead-letter", "stop", replay.e_id, "--reason", "not mended")
    assert (told["state"], told["stoppedBy"], told["done"]) == ("stopped", OPERATOR, 0)
    with world.store.begin() as tx:
        deed = tx.audit.of(replay.e_id)[-1]
    assert (deed.action, deed.reason) == ("replay.stop", "not mended")
    again = world.run("dead-letter", "stop", replay.e_id, "--reason", "not mended")
    assert again.exit_code == 0
    assert "at its end already: stopped" in again.stderr
