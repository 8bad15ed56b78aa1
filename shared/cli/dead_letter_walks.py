"""Replaying and discarding, as steps that are told of: whoever shows progress need not know who carries them out.

Here they are walked by this process, one letter after the other. What it put back is not open any more, so that a walk
that was broken off goes on when it is begun again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shared import replaying
from shared.cli.dead_letter_filters import Chosen
from shared.cli.stopping import Stop
from shared.domain.dead_letter import DeadLetter
from shared.replaying import DeadLetterPorts, Fate

DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, order=True)
class Done:
    """What became of some of them: subject, error class, and their fate."""

    subject: str
    error_class: str
    fate: str


# How many of each since the step before.
Step = Counter[Done]
Walk = Callable[[Stop], Iterator[Step]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    chosen: Chosen
    author: str
    reason: str


def replay(ports: DeadLetterPorts, wanted: Wanted, *, per_second: float) -> Walk:
    """Nothing is done before the walk is begun; it ends soon after `Stop` is asked."""

    def walk(stop: Stop) -> Iterator[Step]:
        replayed = replaying.replay(
            ports,
            wanted.chosen.rows,
            author=wanted.author,
            reason=wanted.reason,
            per_second=per_second,
            pause=stop.pause,
            stop=stop,
            actor=wanted.chosen.actor,
        )
        return (_step(one.letter, one.fate) for one in replayed)

    return walk


def discard(ports: DeadLetterPorts, wanted: Wanted) -> Walk:
    def walk(stop: Stop) -> Iterator[Step]:
        discarded = replaying.discard(
            ports,
            wanted.chosen.rows,
            author=wanted.author,
            reason=wanted.reason,
            stop=stop,
            actor=wanted.chosen.actor,
        )
        return (_step(letter, DISCARDED) for letter in discarded)

    return walk


def plan(ports: DeadLetterPorts, chosen: Chosen) -> Step:
    """What a replay begun now would come to."""
    planned = replaying.plan(ports, chosen.rows, actor=chosen.actor)
    return Counter({Done(one.subject, one.error_class, one.fate): one.count for one in planned})


def _step(letter: DeadLetter, fate: Fate | str) -> Step:
    return Counter([Done(letter.subject, letter.error_class, str(fate))])
