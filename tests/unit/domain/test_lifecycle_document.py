import re
from collections.abc import Iterator
from itertools import product

from shared.domain.configuration import EmailConfiguration, Facts, Verdict, advance
from shared.domain.lifecycle import OPERATIONAL, Trigger
from tests import factories
from tests.unit.domain.lifecycle_document import DOCUMENT, render


def test_the_document_says_what_the_tables_say() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), (
        "write it anew: python -m tests.unit.domain.lifecycle_document"
    )


def test_the_diagrams_show_every_move_there_is_and_no_other() -> None:
    drawn = {
        (before, after, label.split(" (")[0])
        for before, after, label in re.findall(r"^    ([A-Z_]+) --> ([A-Z_]+): (.+)$", render(), re.MULTILINE)
    }
    assert drawn == _moves()


def _moves() -> set[tuple[str, str, str]]:
    """Every change on any way from a new configuration: the region's state before, after, and what moved it."""
    new = factories.configuration()
    seen, waiting, moves = {_state_of(new)}, [new], set()
    while waiting:
        before = waiting.pop()
        for trigger, after in _following(before):
            moves.add((*_region(before, after, trigger), trigger.value))
            if _state_of(after) not in seen:
                seen.add(_state_of(after))
                waiting.append(after)
    return moves


def _region(before: EmailConfiguration, after: EmailConfiguration, trigger: Trigger) -> tuple[str, str]:
    if trigger in OPERATIONAL:
        return before.operational.value, after.operational.value
    return before.administrative.value, after.administrative.value


def _following(before: EmailConfiguration) -> Iterator[tuple[Trigger, EmailConfiguration]]:
    for trigger, in_flight in product(set(Trigger) - {Trigger.REMOVE}, (0, 1)):
        decision = advance(before, trigger, now=factories.LONG_AGO, facts=Facts(in_flight))
        if decision.verdict is Verdict.CHANGED:
            yield trigger, decision.configuration


def _state_of(configuration: EmailConfiguration) -> tuple[str, str, bool]:
    return configuration.operational.value, configuration.administrative.value, configuration.recovering
