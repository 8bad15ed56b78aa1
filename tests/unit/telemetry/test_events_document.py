"""`docs/events.md` lists what the code says, name by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
LOGS, METRICS = DOCUMENT.split("\n## Metrics\n")
METRIC_TYPES = {"Counter": "_total", "Gauge": "", "Histogram": ""}

Row = tuple[str, str, str]


def rows_of(part: str) -> list[Row]:
    """The first three columns of each row that begins with a name."""
    found = re.findall(r"^\| `([^`]+)` \| (\w+) \| ([^|]*)\|.*\|.*\|$", part, re.MULTILINE)
    return [(name, kind, columns.strip()) for name, kind, columns in found]


def calls_in(*folders: str) -> Iterator[ast.Call]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def events_in_code() -> set[Row]:
    return {
        (_name(call), call.func.attr, ", ".join(keyword.arg or "…" for keyword in call.keywords))
        for call in calls_in("shared", "web", "workers", "scheduler")
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "_log"
    }


def metrics_in_code() -> set[Row]:
    return {
        (f"{_name(call)}{METRIC_TYPES[call.func.id]}", call.func.id.lower(), _labels(call))
        for call in calls_in("shared/telemetry")
        if isinstance(call.func, ast.Name) and call.func.id in METRIC_TYPES
    }


def _name(call: ast.Call) -> str:
    name = ast.literal_eval(call.args[0])
    assert isinstance(name, str), "a name is a literal, so that it can be found"
    return name


def _labels(call: ast.Call) -> str:
    return ", ".join(ast.literal_eval(call.args[2])) if len(call.args) > 2 else ""


def test_every_log_event_is_listed_with_its_level_and_fields_and_no_other() -> None:
    assert set(rows_of(LOGS)) == events_in_code()


def test_every_metric_is_listed_with_its_type_and_labels_and_no_other() -> None:
    assert set(rows_of(METRICS)) == metrics_in_code()


def test_no_name_is_listed_twice() -> None:
    names = [name for name, *_ in (*rows_of(LOGS), *rows_of(METRICS))]
    assert len(names) == len(set(names))


def test_every_row_of_the_document_was_read() -> None:
    assert len(rows_of(LOGS)) + len(rows_of(METRICS)) == DOCUMENT.count("\n| `")


def test_every_name_is_of_this_module() -> None:
    assert all(name.startswith(("email.", "email_")) for name, *_ in (*rows_of(LOGS), *rows_of(METRICS)))


def test_only_the_telemetry_room_and_the_web_speak_to_the_log() -> None:
    """Everybody else calls a `record_*` function, so that names and fields stay in one place."""
    speakers = {
        path.relative_to(ROOT).parts[0]
        for folder in ("shared", "web", "workers", "scheduler")
        for path in (ROOT / folder).rglob("*.py")
        if "structlog.get_logger" in path.read_text(encoding="utf-8")
    }
    assert speakers <= {"shared", "web"}
