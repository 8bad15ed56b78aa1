"""The benchmarks by name. Each is a function in a module of this package that begins with `of_`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.speed.figures import Figure
from bench.speed.stage import Stage

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """`work` is the benchmark's own to say: requests, jobs, rows. `rows`: how many stand in the tables before."""

    work: int
    rounds: int = 5
    rows: int = 0


Run = Callable[[Stage, Size, Tell], Iterable[Figure]]


@dataclass(frozen=True)
class Bench:
    """It gets a stage of its own. `short` is for minutes, and rather tells a gross regression than a figure."""

    name: str
    title: str
    run: Run
    long: Size
    short: Size


BENCHES: dict[str, Bench] = {}


def bench(name: str, title: str, *, long: Size, short: Size) -> Callable[[Run], Run]:
    def register(run: Run) -> Run:
        BENCHES[name] = Bench(name, title, run, long, short)
        return run

    return register
