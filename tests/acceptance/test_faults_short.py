"""Deaths of every role in the short form of their faults; and a checker that would see if something went wrong.

All faults, short: `make faults-short`. Those that have to strike by chance want a machine to themselves.
"""

from collections.abc import Iterator

import pytest

from bench.faults import world
from bench.faults.histories import Histories, judge
from bench.faults.matrix import matrix
from bench.faults.rehearsal import rehearse
from bench.faults.rows import Row
from bench.faults.world import World


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world.running(tmp_path_factory.mktemp("faults"), lambda _: None) as running:
        yield running


@pytest.mark.parametrize("name", ["F1", "F6", "F8", "F24"])
def test_nothing_promised_is_lost_doubled_or_left_unresolved(started: World, name: str) -> None:
    result = rehearse(matrix()[name], started, short=True, tell=lambda _: None)
    assert result.jobs > 0
    assert result.held, result


def row(status: str, *, visible: bool = False, key: str = "key-1") -> Row:
    return Row("job-1", key, status, visible, attempts=1, error_code=None)


def histories(told: Row | None, taken: int) -> Histories:
    rows = {told.job_id: told} if told else {}
    return Histories({"key-1": {"job-1"}}, rows, {"job-1": taken} if taken else {})


def test_a_job_that_was_told_delivered_and_taken_once_is_clean() -> None:
    assert judge(histories(row("DELIVERED"), taken=1)).clean


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        pytest.param(None, 0, id="without a row"),
        pytest.param(row("DELIVERED"), 0, id="delivered, and the provider never had it"),
        pytest.param(row("SENT"), 0, id="sent, and the provider never had it"),
        pytest.param(row("QUEUED", visible=False), 0, id="waiting where no sweep looks"),
    ],
)
def test_a_promise_without_an_end_is_lost(told: Row | None, taken: int) -> None:
    assert judge(histories(told, taken)).lost == ["job-1"]


def test_a_job_that_the_provider_took_twice_is_doubled() -> None:
    assert judge(histories(row("DELIVERED"), taken=2)).doubled == ["job-1"]


@pytest.mark.parametrize("status", ["QUEUED", "SENDING", "IN_DOUBT"])
def test_a_job_that_still_waits_is_unresolved_and_not_lost(status: str) -> None:
    verdict = judge(histories(row(status, visible=True), taken=0))
    assert verdict.unresolved == ["job-1"]
    assert not verdict.lost


def test_a_job_that_says_it_failed_and_went_out_is_remarked() -> None:
    assert "1 were sent and say they were not" in judge(histories(row("FAILED"), taken=1)).remarks


def test_an_end_that_the_fault_does_not_allow_is_remarked() -> None:
    failed = histories(row("FAILED"), taken=0)
    assert judge(failed).remarks == ["1 ended FAILED"]
    assert judge(failed, ends=("DELIVERED", "FAILED")).clean


def test_a_row_that_no_caller_knows_of_is_remarked() -> None:
    assert (
        "1 jobs that no caller knows of" in judge(histories(row("DELIVERED", key="key-2"), taken=1)).remarks
    )


def test_a_key_that_was_answered_with_two_jobs_is_remarked() -> None:
    twice = Histories({"key-1": {"job-1", "job-2"}}, {"job-1": row("DELIVERED")}, {"job-1": 1})
    verdict = judge(twice)
    assert "1 keys were answered with two jobs" in verdict.remarks
    assert verdict.lost == ["job-2"]
