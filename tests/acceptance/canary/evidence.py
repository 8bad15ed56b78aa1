"""Everything that a world leaves behind, by where it is found."""

from dataclasses import dataclass, field

from tests.acceptance.canary.search import Haystack


@dataclass
class Evidence:
    """Each list by the place that it is named after."""

    logs: list[Haystack] = field(default_factory=list)
    reports: list[Haystack] = field(default_factory=list)
    metrics: list[Haystack] = field(default_factory=list)
    valkey: list[Haystack] = field(default_factory=list)
    tables: list[Haystack] = field(default_factory=list)
    answers: list[Haystack] = field(default_factory=list)
    processes: list[Haystack] = field(default_factory=list)
    commands: list[Haystack] = field(default_factory=list)
    files: list[Haystack] = field(default_factory=list)

    def everything(self) -> list[Haystack]:
        return [haystack for place in vars(self).values() for haystack in place]
