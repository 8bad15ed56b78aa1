"""Renders `docs/lifecycle.md` from the tables: `python -m tests.unit.domain.lifecycle_document` writes it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from shared.domain.lifecycle import (
    ADMINISTRATIVE,
    OPERATIONAL,
    SIGNALS,
    Administrative,
    Operational,
    Row,
    Rule,
    State,
    Stay,
    To,
    Trigger,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "lifecycle.md"

_HEAD = """# Lifecycle of a configuration

Rendered from the tables in `shared/domain/lifecycle.py` by `python -m tests.unit.domain.lifecycle_document`;
a test fails when this file says something else.

Two regions, independent of each other. A new configuration is PENDING and LOCKED. It may send while it is OK or
DEGRADED **and** UNLOCKED; mail it has accepted also goes out while it is LOCKING.

Triggers are an operator's **signals** (bold) and reports of workers and the scheduler. In the tables:

| cell | meaning | a signal answers |
|---|---|---|
| → STATE | the state changes | 202 when work follows, else 200 |
| *reason* | nothing changes: the goal holds already, or a report came late | 200 |
| ✗ reason | refused; the answer names both states and the signals allowed now | 409 |
"""

_GUARDS = """What the tables cannot say, because it looks beyond one region (see `advance`):

| trigger | also needs, or does |
|---|---|
| **unlock** | operational OK or DEGRADED, and no other UNLOCKED or LOCKING configuration of the tenant; else refused |
| **lock** | straight to LOCKED when nothing is in flight |
| **force-lock** | every QUEUED job becomes CANCELLED in the same transaction |
| **remove** | operational is not PROVISIONING; retires the record at once; a worker takes down the rest |
| **re-provision** | what is left of the failed attempt is deleted before the first step |
| drained | nothing is in flight any more; else nothing changes |
| verified | DEGRADED instead of OK when it came here from FAILURE, until a send is accepted |

A retired configuration never moves: `remove` is *already_removed*, every other signal is refused as `retired`, every
report changes nothing.
"""


def render() -> str:
    parts = [
        _HEAD,
        "## Operational\n",
        _table(OPERATIONAL, Operational),
        _diagram(OPERATIONAL, Operational.PENDING),
        "## Administrative\n",
        _table(ADMINISTRATIVE, Administrative),
        _diagram(ADMINISTRATIVE, Administrative.LOCKED),
        "## Guards and effects\n",
        _GUARDS,
    ]
    return "\n".join(parts)


def _table(table: Mapping[Trigger, Row], states: Iterable[State]) -> str:
    columns = list(states)
    head = ["trigger", *(state.value for state in columns)]
    rows = [[_name(trigger), *(_cell(row[state]) for state in columns)] for trigger, row in table.items()]
    return "\n".join([_line(head), _line(["---"] * len(head)), *map(_line, rows), ""])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _name(trigger: Trigger) -> str:
    return f"**{trigger.value}**" if trigger in SIGNALS else trigger.value


def _cell(rule: Rule) -> str:
    if isinstance(rule, To):
        return f"→ {rule.state.value}"
    return f"*{rule.reason}*" if isinstance(rule, Stay) else f"✗ {rule.reason}"


def _diagram(table: Mapping[Trigger, Row], start: State) -> str:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start.value}"]
    for trigger, row in table.items():
        for state, rule in row.items():
            if isinstance(rule, To) and trigger is not Trigger.REMOVE:
                lines.append(f"    {state.value} --> {rule.state.value}: {trigger.value}{_beside(trigger)}")
    lines += [f"    {start.value} --> [*]: remove"] if isinstance(start, Administrative) else []
    lines += _exceptions(start)
    return "\n".join([*lines, "```", ""])


def _beside(trigger: Trigger) -> str:
    return {Trigger.LOCK: " (something in flight)", Trigger.VERIFIED: " (for the first time)"}.get(
        trigger, ""
    )


def _exceptions(start: State) -> list[str]:
    """Where `advance` ends in another state than the table's."""
    if isinstance(start, Administrative):
        return ["    UNLOCKED --> LOCKED: lock (nothing in flight)"]
    return ["    AWAITING_VERIFICATION --> DEGRADED: verified (came from FAILURE)"]


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
