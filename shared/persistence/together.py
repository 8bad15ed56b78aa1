"""What is asked for while an answer is waited for goes with the next question: one statement and one commit for all.

Whoever comes when nothing is under way asks at once. So a single request waits for nobody, and under load a statement
carries what came meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar, cast

from shared.domain.errors import StoreUnavailable

Given = TypeVar("Given")
Answer = TypeVar("Answer")

# Many times what a statement takes.
_PATIENCE_SECONDS = 0.25


def _taken() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class _Question(Generic[Given, Answer]):
    given: Given = field(repr=False)
    # By whoever asked for it as well; or it is this one's turn to ask.
    woken: Lock = field(default_factory=_taken, repr=False)
    turn: bool = False
    answer: Answer | None = field(default=None, repr=False)
    error: BaseException | None = None


class Together(Generic[Given, Answer]):
    """`ask` has an answer for each of what it is given, in their order. When it raises, nothing came of any of them;
    only after `StoreUnavailable` nobody knows.

    `patience_seconds`: who has waited so long asks alone. One question that hangs is not to hold up all those after it.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Given]], Sequence[Answer]],
        *,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._ask = ask
        self._patience_seconds = patience_seconds
        self._lock = Lock()
        self._waiting: list[_Question[Given, Answer]] = []
        self._under_way = False

    def __call__(self, given: Given) -> Answer:
        """Raises what `ask` raises of this one alone; `StoreUnavailable` with all that were asked together."""
        mine = _Question[Given, Answer](given)
        if not self._begins(mine) and not mine.woken.acquire(timeout=self._patience_seconds):
            if self._leaves(mine):
                return self._alone(mine)
            mine.woken.acquire()
        if mine.turn:
            self._ask_for_all(mine)
        return self._answer_of(mine)

    @property
    def waiting(self) -> int:
        """Those whose question is not under way yet."""
        return len(self._waiting)

    def _begins(self, mine: _Question[Given, Answer]) -> bool:
        with self._lock:
            if self._under_way:
                self._waiting.append(mine)
            else:
                self._under_way = mine.turn = True
        return mine.turn

    def _leaves(self, mine: _Question[Given, Answer]) -> bool:
        with self._lock:
            if mine not in self._waiting:
                return False
            self._waiting.remove(mine)
            return True

    def _ask_for_all(self, mine: _Question[Given, Answer]) -> None:
        with self._lock:
            asked, self._waiting = [mine, *self._waiting], []
        try:
            answers = self._ask([one.given for one in asked])
            for one, answer in zip(asked, answers, strict=True):
                one.answer = answer
        except BaseException as error:
            for one in asked:
                one.error = error
            if len(asked) == 1 or not isinstance(error, Exception):
                raise
        finally:
            self._hand_over()
            for one in asked[1:]:
                one.woken.release()

    def _hand_over(self) -> None:
        """To the first of those that came meanwhile: nobody asks for others again and again."""
        with self._lock:
            self._under_way = bool(self._waiting)
            if self._under_way:
                following = self._waiting.pop(0)
                following.turn = True
                following.woken.release()

    def _answer_of(self, mine: _Question[Given, Answer]) -> Answer:
        if isinstance(mine.error, StoreUnavailable):
            raise StoreUnavailable(str(mine.error)) from mine.error
        if mine.error is not None:
            return self._alone(mine)
        return cast("Answer", mine.answer)

    def _alone(self, mine: _Question[Given, Answer]) -> Answer:
        (answer,) = self._ask([mine.given])
        return answer
