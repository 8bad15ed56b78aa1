"""One figure: what was measured, beside what, and what was aimed at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Ways = Mapping[str, Callable[[], float]]


@dataclass(frozen=True)
class Target:
    """What a ratio, or else a value, is to be at least, or at most."""

    bound: float
    of: str = "ratio"
    at_most: bool = False

    def met(self, figure: "Figure") -> bool:
        found = figure.ratio if self.of == "ratio" else figure.value
        return found is not None and (found <= self.bound if self.at_most else found >= self.bound)

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        return f"{sign} {self.bound:,g}" + ("x" if self.of == "ratio" else "")


@dataclass(frozen=True)
class Figure:
    """`value` and `reference_value` are medians in `unit`. `rounds`: the ratio of each round, or its value where there
    is no reference; `ratio`: the median of those. `target` is None where none was set."""

    bench: str
    value: float
    unit: str
    reference: str | None = None
    reference_value: float | None = None
    ratio: float | None = None
    target: Target | None = None
    rounds: tuple[float, ...] = ()

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.target.met(self)


def take_turns(ways: Ways, rounds: int) -> dict[str, list[float]]:
    """What each way returned, round by round. Each goes first in every other round: a machine that gets busier is so
    for all of them."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways) if number % 2 == 0 else reversed(list(ways)):
            found[name].append(ways[name]())
    return found


def compared(
    bench: str,
    own: Sequence[float],
    *,
    unit: str,
    reference: str,
    others: Sequence[float],
    target: Target | None = None,
) -> Figure:
    ratios = tuple(round(one / other, 3) for one, other in zip(own, others, strict=True))
    return Figure(
        bench,
        round(median(own), 3),
        unit,
        reference,
        round(median(others), 3),
        round(median(ratios), 3),
        target,
        ratios,
    )


def alone(bench: str, own: Sequence[float], *, unit: str, target: Target | None = None) -> Figure:
    return Figure(
        bench, round(median(own), 3), unit, target=target, rounds=tuple(round(one, 3) for one in own)
    )
