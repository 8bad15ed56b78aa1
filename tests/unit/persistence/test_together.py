"""Questions that come at the same time are asked together, and each gets its own answer."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Semaphore

import pytest

from shared.domain.errors import StoreUnavailable
from shared.persistence.together import Together
from tests.waiting import eventually


class Oracle:
    """Answers with the square. Each question hangs until it is let go on."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self._begun, self._let_go = Semaphore(0), Semaphore(0)

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        self._begun.release()
        assert self._let_go.acquire(timeout=60)
        return [self._square(number, of=numbers) for number in numbers]

    def wait_for_question(self) -> None:
        assert self._begun.acquire(timeout=60)

    def let_go(self, questions: int = 1) -> None:
        self._let_go.release(questions)

    @staticmethod
    def _square(number: int, of: Sequence[int]) -> int:
        if number == 13:
            raise ValueError("unlucky")
        if number == 404:
            raise StoreUnavailable(f"lost with {len(of)}")
        return number * number


class Asking:
    """Each in a thread of its own, and the second only when the first is waited for."""

    def __init__(self, together: Together[int, int], threads: ThreadPoolExecutor) -> None:
        self.together, self._threads = together, threads

    def first(self, number: int, oracle: Oracle) -> "Future[int]":
        asked = self._threads.submit(self.together, number)
        oracle.wait_for_question()
        return asked

    def meanwhile(self, *numbers: int) -> "list[Future[int]]":
        """Waiting, in this order."""
        asked = []
        for number in numbers:
            before = self.together.waiting
            asked.append(self._threads.submit(self.together, number))
            assert eventually(lambda: self.together.waiting == before + 1)  # noqa: B023 - called in this turn
        return asked


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def asking(oracle: Oracle) -> Iterator[Asking]:
    with ThreadPoolExecutor(8) as threads:
        yield Asking(Together(oracle, patience_seconds=60), threads)
        # Whatever a failed test has left hanging.
        oracle.let_go(100)


def test_whoever_comes_alone_asks_at_once(oracle: Oracle, asking: Asking) -> None:
    oracle.let_go(2)
    assert [asking.together(3), asking.together(4)] == [9, 16]
    assert oracle.asked == [[3], [4]]


def test_those_that_come_meanwhile_are_asked_together_and_each_gets_its_own_answer(
    oracle: Oracle, asking: Asking
) -> None:
    first = asking.first(1, oracle)
    others = asking.meanwhile(2, 3, 4)
    oracle.let_go(2)
    assert [one.result() for one in (first, *others)] == [1, 4, 9, 16]
    assert oracle.asked == [[1], [2, 3, 4]]


def test_nobody_waits_for_a_question_that_came_after_the_own_one(oracle: Oracle, asking: Asking) -> None:
    first = asking.first(1, oracle)
    second = asking.meanwhile(2)
    oracle.let_go()
    oracle.wait_for_question()
    assert first.result(timeout=60) == 1
    third = asking.meanwhile(3)
    oracle.let_go()
    assert second[0].result(timeout=60) == 4
    oracle.let_go()
    assert third[0].result() == 9
    assert oracle.asked == [[1], [2], [3]]


def test_one_that_is_refused_is_refused_alone(oracle: Oracle, asking: Asking) -> None:
    first = asking.first(1, oracle)
    good, bad, last = asking.meanwhile(2, 13, 4)
    oracle.let_go(5)
    assert [first.result(), good.result(), last.result()] == [1, 4, 16]
    with pytest.raises(ValueError, match="unlucky"):
        bad.result()
    assert oracle.asked[:2] == [[1], [2, 13, 4]]
    assert sorted(oracle.asked[2:]) == [[2], [4], [13]]


def test_all_that_were_asked_together_hear_that_the_store_is_away(oracle: Oracle, asking: Asking) -> None:
    first = asking.first(1, oracle)
    others = asking.meanwhile(2, 404)
    oracle.let_go(2)
    assert first.result() == 1
    for one in others:
        with pytest.raises(StoreUnavailable, match="lost with 2"):
            one.result()
    assert len(oracle.asked) == 2


def test_an_error_of_one_alone_is_raised_as_it_is_and_ends_its_turn(oracle: Oracle, asking: Asking) -> None:
    oracle.let_go(2)
    with pytest.raises(ValueError, match="unlucky"):
        asking.together(13)
    assert asking.together(2) == 4
    assert oracle.asked == [[13], [2]]


def test_whoever_loses_patience_asks_alone(oracle: Oracle) -> None:
    together = Together(oracle, patience_seconds=0.01)
    with ThreadPoolExecutor(2) as threads:
        hanging = threads.submit(together, 1)
        oracle.wait_for_question()
        impatient = threads.submit(together, 2)
        oracle.wait_for_question()
        assert (together.waiting, oracle.asked) == (0, [[1], [2]])
        oracle.let_go(2)
        assert [hanging.result(), impatient.result()] == [1, 4]
    oracle.let_go()
    assert together(3) == 9


class Interrupt(BaseException):
    """As one that ends a thread."""


def test_a_thread_that_ends_while_it_asks_leaves_nobody_waiting() -> None:
    begun, ends = Event(), Event()

    def ask(numbers: Sequence[int]) -> list[int]:
        if numbers == [1]:
            begun.set()
            ends.wait(60)
            raise Interrupt
        return [number * number for number in numbers]

    together = Together(ask, patience_seconds=60)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(together, 1)
        begun.wait(60)
        other = threads.submit(together, 2)
        assert eventually(lambda: together.waiting == 1)
        ends.set()
        assert isinstance(first.exception(), Interrupt)
        assert other.result(timeout=60) == 4
