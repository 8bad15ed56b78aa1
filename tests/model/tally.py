"""How often what happened: the proof that a run went through what it is meant to prove."""

from collections import Counter
from dataclasses import dataclass, field

from tests.model.model import Standing


@dataclass
class Tally:
    steps: int = 0
    stories: int = 0
    deeds: Counter[str] = field(default_factory=Counter)
    # By operational state, administrative state or RETIRED, and trigger.
    pairs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    between: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    jobs_at_the_end: Counter[str] = field(default_factory=Counter)

    def step(self, deed: object) -> None:
        self.steps += 1
        self.deeds[type(deed).__name__] += 1

    def signal(self, standing: Standing, name: str, status: int) -> None:
        self.report(standing, name)
        self.answers[f"{name} {status}"] += 1

    def report(self, standing: Standing, name: str) -> None:
        administrative = "RETIRED" if standing.retired else standing.administrative
        self.pairs[standing.operational, administrative, name] += 1


TALLY = Tally()
