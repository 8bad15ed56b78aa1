"""What is counted in a process, and how it comes to be written."""

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared.domain.errors import StoreUnavailable
from shared.domain.event import EventKind
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.traffic import LABELS, OTHER, Counted, bounded
from shared.telemetry import metrics, traffic
from shared.telemetry.traffic import Tally, Writer
from tests.factories import LONG_AGO, configuration
from web.intake.gates import Gate
from web.operation import operation_of
from web.routes.postmark_events import PostmarkEventRoutes

ROOT = Path(__file__).parents[3]
SOME = UUID(int=7)
ACCEPTED, SENT = (Counted.ACCEPTED, ""), (Counted.OUTCOME, "SENT")
Counts = Mapping[tuple[Counted, str], int]


class Table:
    """Where counts are written; `fault` is raised instead while there is one."""

    def __init__(self) -> None:
        self.written: list[dict[tuple[Counted, str], int]] = []
        self.fault: Exception | None = None
        self.tried = threading.Event()

    def write(self, counts: Counts) -> None:
        self.tried.set()
        if self.fault is not None:
            raise self.fault
        self.written.append(dict(counts))


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def table() -> Table:
    return Table()


# --- what is counted -----------------------------------------------------------


def told(tell: Callable[[], None]) -> Counts:
    traffic.drain()
    tell()
    return traffic.drain()


def test_accepted_jobs_are_counted_by_their_number() -> None:
    assert told(lambda: metrics.record_jobs_accepted(SOME, 3)) == {ACCEPTED: 3}


def test_refused_jobs_are_counted_by_their_reason() -> None:
    assert told(lambda: metrics.record_job_refused("locked")) == {(Counted.REFUSED, "locked"): 1}


def test_messages_are_counted_by_their_outcome_whatever_the_providers_code() -> None:
    counts = {("FAILED", "300"): 1, ("FAILED", "406"): 2, ("SENT", ""): 7}
    assert told(lambda: metrics.record_outcomes(SOME, SOME, counts)) == {
        SENT: 7,
        (Counted.OUTCOME, "FAILED"): 3,
    }


def test_callbacks_are_counted_by_their_kind_and_by_why_they_were_turned_away() -> None:
    def tell() -> None:
        metrics.record_webhook_received(kind="Bounce", duplicate=False)
        metrics.record_webhook_received(kind="Bounce", duplicate=True)
        metrics.record_webhook_rejected("auth_mismatch")

    assert told(tell) == {(Counted.RECEIVED, "Bounce"): 2, (Counted.REJECTED, "auth_mismatch"): 1}


def test_of_what_was_projected_only_moves_of_jobs_are_counted() -> None:
    counts = {"projected": 9, "waiting": 2, "parked": 1, "suppressions": 3, "delivered": 5, "bounced": 1}
    assert told(lambda: metrics.record_projected(SOME, counts)) == {
        (Counted.STATUS, "DELIVERED"): 5,
        (Counted.STATUS, "BOUNCED"): 1,
    }


# --- by which words ------------------------------------------------------------


def words_of_refusals() -> set[str]:
    states = [
        (operational, administrative) for operational in Operational for administrative in Administrative
    ]
    held = [configuration(operational=one, administrative=other) for one, other in states]
    refusals = {one.refusal for one in (*held, configuration(retired_at=LONG_AGO))}
    return {word for word in refusals if word is not None} | set(Gate)


def words_of_rejections() -> set[str]:
    return {"auth_mismatch", "not_stored", *operation_of(PostmarkEventRoutes.receive).problems}


def test_every_word_that_the_module_says_has_a_label_and_nothing_else_has() -> None:
    assert {counted: set(labels) for counted, labels in LABELS.items()} == {
        Counted.ACCEPTED: {""},
        Counted.REFUSED: words_of_refusals(),
        Counted.OUTCOME: set(JobStatus),
        Counted.STATUS: set(JobStatus),
        Counted.RECEIVED: set(EventKind),
        Counted.REJECTED: words_of_rejections(),
    }


def test_a_word_that_nobody_knows_is_other(tally: Tally) -> None:
    for number in range(1000):
        tally.count(Counted.REFUSED, f"word {number}")
    assert tally.drain() == {(Counted.REFUSED, OTHER): 1000}
    assert bounded(Counted.OUTCOME, "delivered") == OTHER


# --- the tally -----------------------------------------------------------------


def test_what_was_drained_is_not_drained_again(tally: Tally) -> None:
    tally.count(*SENT)
    tally.count(*SENT, 4)
    assert tally.drain() == {SENT: 5}
    assert tally.drain() == {}


def test_threads_that_count_and_drain_at_once_lose_nothing(tally: Tally) -> None:
    drained: list[Counts] = []

    def count() -> None:
        for _ in range(2000):
            tally.count(*ACCEPTED)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        drained.append(tally.drain())
    drained.append(tally.drain())
    assert sum(counts.get(ACCEPTED, 0) for counts in drained) == 8000


# --- the writer ----------------------------------------------------------------


def test_nothing_is_written_where_nothing_was_counted(tally: Tally, table: Table) -> None:
    Writer(table.write, tally).write()
    assert not table.tried.is_set()


@pytest.mark.parametrize("fault", [StoreUnavailable("away"), RuntimeError("UndefinedTable")])
def test_what_could_not_be_written_is_written_the_next_time(
    tally: Tally, table: Table, fault: Exception
) -> None:
    writer = Writer(table.write, tally)
    table.fault = fault
    tally.count(*SENT, 2)
    writer.write()
    tally.count(*SENT, 3)
    tally.count(*ACCEPTED)
    writer.write()
    table.fault = None
    writer.write()
    writer.write()
    assert table.written == [{SENT: 5, ACCEPTED: 1}]


def test_a_store_that_is_away_is_told_of_once(tally: Tally, table: Table) -> None:
    writer = Writer(table.write, tally)
    tally.count(*SENT)
    with capture_logs() as logs:
        for fault in (StoreUnavailable("away"), StoreUnavailable("away"), None, StoreUnavailable("again")):
            table.fault = fault
            tally.count(*SENT)
            writer.write()
    told = {"event": "email.traffic.not_written", "log_level": "warning", "error": "StoreUnavailable"}
    assert logs == [told, told]


def test_counts_are_written_while_the_process_runs(tally: Tally, table: Table) -> None:
    writer = Writer(table.write, tally, every_seconds=0.001)
    tally.count(*SENT)
    writer.start()
    assert table.tried.wait(10)
    writer.end()
    assert table.written == [{SENT: 1}]


def test_what_is_left_is_written_at_the_end(tally: Tally, table: Table) -> None:
    writer = Writer(table.write, tally, every_seconds=3600)
    writer.start()
    tally.count(*SENT)
    writer.end()
    assert table.written == [{SENT: 1}]


def test_a_write_that_hangs_does_not_hold_up_the_end(tally: Tally) -> None:
    hangs, released = threading.Event(), threading.Event()

    def write(counts: Counts) -> None:
        hangs.set()
        released.wait()

    writer = Writer(write, tally, every_seconds=3600, last_word_seconds=0.05)
    writer.start()
    tally.count(*SENT)
    writer.end()
    assert hangs.wait(10), "it was tried"
    released.set()


PROCESS = """
import multiprocessing, signal, sys, threading
from shared.domain.traffic import Counted
from shared.telemetry.traffic import Writer, count

def work():
    Writer(lambda counts: print(dict(counts), flush=True), every_seconds=3600).start()
    count(Counted.OUTCOME, "SENT", 3)
    {end}

if __name__ == "__main__":
    made = sys.argv[1]
    if made == "alone":
        work()
    else:
        process = multiprocessing.get_context(made).Process(target=work)
        process.start()
        process.join()
"""
ENDS = {"returns": "pass", "exits": "sys.exit(3)", "raises": "raise ValueError"}


@pytest.mark.parametrize("made", ["alone", "fork", "spawn"])
@pytest.mark.parametrize("end", ENDS)
def test_a_process_writes_at_its_end_however_it_was_made_and_ends(
    tmp_path: Path, made: str, end: str
) -> None:
    (tmp_path / "process.py").write_text(PROCESS.format(end=ENDS[end]))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "process.py"), made],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "{(<Counted.OUTCOME: 'outcome'>, 'SENT'): 3}\n", done.stderr
