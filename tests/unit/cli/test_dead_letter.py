"""Dead letters from the command line: found, and laid to rest. Putting them back: `test_replay`."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from shared import replaying
from shared.domain.job import JobStatus
from shared.ports.store import Transaction
from tests import factories
from tests.fakes.store import MemoryStore
from tests.unit.cli.world import OPERATOR, World
from tests.unit.replaying.dead_letter_world import World as Letters

WHY = ("--reason", "the template is mended")


@pytest.fixture
def letters(world: World) -> Letters:
    return Letters(store=world.store, doorbell=world.doorbell)


def fates(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {f"{row['subject']} {row['errorClass']} {row['fate']}": row["count"] for row in rows}


# --- looking ---------------------------------------------------------------------------


def test_ls_shows_what_is_open_by_what_it_is_about(world: World, letters: Letters) -> None:
    jobs = letters.fails(2)
    event = letters.parks_an_event()
    letters.buries_a_message()
    rows = world.run_json("dead-letter", "ls")
    assert [(row["subject"], row["subjectId"]) for row in rows] == [
        *(("job", str(e_id)) for e_id in jobs),
        ("event", str(event)),
        ("message", str(letters.configuration.e_id)),
    ]
    assert world.run_json("dead-letter", "ls", "--rest", "replayed") == []
    assert len(world.run_json("dead-letter", "ls", "--limit", 1)) == 1


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("subject=job",), 3),
        (("subject=job", "class=expired"), 1),
        (("actor=ProvisionConfiguration",), 1),
        (("actor=SendJobs",), 0),
        ((f"tenant={factories.OTHER_TENANT}",), 0),
        (("since=1h",), 4),
        (("since=2026-11-02T08:59Z", "until=2026-11-02T09:00:01Z"), 2),
    ],
)
def test_filters_all_hold_and_do_so_for_groups_too(
    world: World, letters: Letters, filters: tuple[str, ...], count: int
) -> None:
    letters.fails(2, code="300")
    letters.fails(1, code="expired")
    letters.buries_a_message()
    given = [part for one in filters for part in ("--filter", one)]
    assert len(world.run_json("dead-letter", "ls", *given)) == count
    assert sum(row["count"] for row in world.run_json("dead-letter", "ls", "--by", "class", *given)) == count


@pytest.mark.parametrize(
    ("filters", "advice"),
    [
        (("subject",), "key=value"),
        (("colour=red",), "configuration"),
        (("subject=mail",), "job, event, message"),
        (("tenant=acme",), "an id"),
        (("since=yesterday",), "such as"),
        (("class=300", "class=expired"), "class once"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_advice(
    world: World, filters: tuple[str, ...], advice: str
) -> None:
    told = world.run("dead-letter", "ls", *(part for one in filters for part in ("--filter", one)))
    assert (told.exit_code, advice in told.stderr) == (2, True), told.stderr


def test_show_has_the_places_that_a_handler_raised_at(world: World, letters: Letters) -> None:
    letters.buries_a_message()
    (row,) = world.run_json("dead-letter", "ls")
    assert "steps.py:7" in world.run("dead-letter", "show", row["eId"]).stdout
    told = world.run_json("dead-letter", "show", row["eId"])
    assert (told["traceback"], told["rest"], told["actor"]) == (
        "steps.py:7",
        "open",
        "ProvisionConfiguration",
    )


def test_show_finds_what_rests_and_nothing_that_is_not_there(world: World, letters: Letters) -> None:
    letters.fails()
    (row,) = world.run_json("dead-letter", "ls")
    world.run("dead-letter", "discard", "--all", *WHY, "--yes")
    assert world.run_json("dead-letter", "show", row["eId"])["rest"] == "discarded"
    assert world.run("dead-letter", "show", factories.TENANT).exit_code == 6


# --- laying to rest --------------------------------------------------------------------


def test_what_is_laid_to_rest_stays_as_it_is_and_is_counted(world: World, letters: Letters) -> None:
    jobs = letters.fails(2, code="300")
    letters.fails(1, code="expired")
    told = world.run_json("dead-letter", "discard", "--filter", "class=300", *WHY, "--yes")
    assert fates(told) == {"job 300 discarded": 2}
    assert letters.statuses(jobs) == [JobStatus.FAILED] * 2
    assert letters.open() == 1
    with world.store.begin() as tx:
        (action,) = tx.jobs.actions(factories.TENANT, jobs[0])
    assert (action.action, action.author) == ("dead_letter.discard", OPERATOR)


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_everything_has_to_be_meant(world: World, letters: Letters, command: str) -> None:
    letters.fails()
    for given in ((), ("--all", "--filter", "class=300")):
        told = world.run("dead-letter", command, *given, *WHY, "--yes")
        assert (told.exit_code, "either --filter or --all" in told.stderr) == (2, True)
    assert letters.open() == 1


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


class Interrupting(MemoryStore):
    """Somebody presses Ctrl-C after so many transactions, `times` times."""

    def __init__(self, after: int, times: int = 1) -> None:
        super().__init__()
        self._left, self._times = after, times

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with super().begin() as tx:
            yield tx
        self._left -= 1
        if self._left == 0:
            for _ in range(self._times):
                interrupt()


def test_ctrl_c_ends_it_after_the_one_in_hand_and_says_what_was_done(world: World) -> None:
    before = signal.getsignal(signal.SIGINT)
    world.store = Interrupting(after=1000)
    letters = Letters(store=world.store, doorbell=world.doorbell)
    letters.fails(5)
    # Counted, the filter closed, a page, and two letters.
    world.store._left = 5
    told = world.run("dead-letter", "discard", "--all", *WHY, "--yes")
    assert told.exit_code == 1
    assert "Stopping after the one in hand" in told.stderr
    assert "2 of 5 were looked at; run it again for the rest" in told.stderr
    assert "discarded" in told.stdout
    assert letters.open() == 3
    assert signal.getsignal(signal.SIGINT) is before
    assert fates(world.run_json("dead-letter", "discard", "--all", *WHY, "--yes")) == {"job 300 discarded": 3}


def test_ctrl_c_twice_breaks_off_at_once(world: World) -> None:
    world.store = Interrupting(after=1000, times=2)
    letters = Letters(store=world.store, doorbell=world.doorbell)
    letters.fails(3)
    world.store._left = 4
    told = world.run("dead-letter", "discard", "--all", *WHY, "--yes")
    assert told.exit_code == 1
    assert letters.open() == 2


def test_nothing_to_lay_to_rest_is_a_good_end(world: World) -> None:
    told = world.run("dead-letter", "discard", "--all", *WHY, "--yes")
    assert told.exit_code == 0
    assert "None is open that this holds for." in told.stderr


def test_more_than_a_page_is_shown(world: World, letters: Letters) -> None:
    count = replaying._PAGE + 5
    letters.fails(count)
    rows = world.run_json("dead-letter", "ls", "--limit", 1000)
    assert len({UUID(row["eId"]) for row in rows}) == count
