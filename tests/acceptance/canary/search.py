"""Looks for every canary in every form, wherever it may not be."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from tests.acceptance.canary.forms import Needle, needles_of
from tests.acceptance.canary.values import Canary, Kind

_AROUND_BYTES = 100


@dataclass(frozen=True)
class Haystack:
    """What was found at one place. `may`: what it is meant to hold."""

    place: str
    data: bytes = field(repr=False)
    may: frozenset[Kind] = frozenset()


@dataclass(frozen=True)
class Leak:
    canary: str
    form: str
    place: str
    around: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.canary} ({self.form}) in {self.place}: ...{self.around}..."


Wanted = list[tuple[Canary, Needle]]


def leaks(haystacks: Iterable[Haystack], canaries: Iterable[Canary]) -> list[Leak]:
    """One for each canary, form and place."""
    wanted = [(canary, needle) for canary in canaries for needle in needles_of(canary.value)]
    by_leave = defaultdict[frozenset[Kind], list[Haystack]](list)
    for haystack in haystacks:
        by_leave[haystack.may].append(haystack)
    found = {
        leak: None
        for may, alike in by_leave.items()
        for leak in _among(alike, [pair for pair in wanted if pair[0].kind not in may])
    }
    return sorted(found, key=lambda leak: (leak.place, leak.canary, leak.form))


def seen(haystacks: Iterable[Haystack], canaries: Iterable[Canary]) -> set[str]:
    """The names of those that are there, meant to be or not."""
    open_to_all = [Haystack(haystack.place, haystack.data) for haystack in haystacks]
    return {leak.canary for leak in leaks(open_to_all, canaries)}


def _among(haystacks: Collection[Haystack], wanted: Wanted) -> Iterator[Leak]:
    """All in one first: one long search for each needle is quicker than a thousand short ones."""
    together = Haystack("", b"\n".join(haystack.data for haystack in haystacks))
    there = [(canary, needle) for canary, needle, _ in _in(together, wanted)]
    for haystack in haystacks if there else ():
        for canary, needle, at in _in(haystack, there):
            yield Leak(canary.name, needle.form, haystack.place, _around(haystack.data, at, len(needle.text)))


def _in(haystack: Haystack, wanted: Wanted) -> Iterator[tuple[Canary, Needle, int]]:
    data, folded = haystack.data, haystack.data.lower()
    for canary, needle in wanted:
        at = (folded if needle.folded else data).find(needle.text)
        if at >= 0:
            yield canary, needle, at


def _around(data: bytes, at: int, length: int) -> str:
    return data[max(at - _AROUND_BYTES, 0) : at + length + _AROUND_BYTES].decode(errors="replace")
