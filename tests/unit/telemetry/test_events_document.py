"""`docs/events.md` lists what the code says, name by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from shared.domain.drift import Drift

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
LOGS, METRICS = DOCUMENT.split("\n## Metrics\n")
PRODUCT = ("shared", "web", "workers", "scheduler")
# What makes a metric: what stands behind its name when it is read, and its type.
METRICS_OF = {
    "Counter": ("_total", "counter"),
    "Gauge": ("", "gauge"),
    "GaugeMetricFamily": ("", "gauge"),
    "Histogram": ("", "histogram"),
}

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
        (name, call.func.attr, ", ".join(keyword.arg or "…" for keyword in call.keywords))
        for call in calls_in(*PRODUCT)
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "_log"
        for name in _event_names(call)
    }


def _event_names(call: ast.Call) -> list[str]:
    """A finding of drift goes by its tag, of which there is one list."""
    first = call.args[0]
    return [*Drift] if isinstance(first, ast.Name) and first.id == "tag" else [_name(call)]


def metrics_in_code() -> set[Row]:
    return {
        (f"{_name(call)}{METRICS_OF[call.func.id][0]}", METRICS_OF[call.func.id][1], _labels(call))
        for call in calls_in("shared/telemetry")
        if isinstance(call.func, ast.Name) and call.func.id in METRICS_OF
    }


def _name(call: ast.Call) -> str:
    name = ast.literal_eval(call.args[0])
    assert isinstance(name, str), "a name is a literal, so that it can be found"
    return name


def _labels(call: ast.Call) -> str:
    given = call.args[2] if len(call.args) > 2 else None
    return ", ".join(ast.literal_eval(given)) if isinstance(given, ast.Tuple) else ""


def gauges_that_add_up() -> list[str]:
    """Over processes: what one of them had when it died would stay in the sum."""
    return [
        _name(call)
        for call in calls_in("shared/telemetry")
        if isinstance(call.func, ast.Name) and call.func.id == "Gauge" and not _told_by_one(call)
    ]


def _told_by_one(call: ast.Call) -> bool:
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    return given.get("registry") == "OF_THE_LEADER" or given.get("multiprocess_mode") == "'mostrecent'"


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


def test_metrics_are_made_in_the_telemetry_room_alone() -> None:
    """Of whatever role: so that all of them are in the list."""
    makers = {
        str(path.relative_to(ROOT).parent)
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        if "prometheus_client" in path.read_text(encoding="utf-8")
    }
    assert makers == {"shared/telemetry"}


def test_no_gauge_goes_on_counting_a_process_that_died() -> None:
    assert gauges_that_add_up() == []


def test_only_the_telemetry_room_and_the_web_speak_to_the_log() -> None:
    """Everybody else calls a `record_*` function, so that names and fields stay in one place."""
    speakers = {
        path.relative_to(ROOT).parts[0]
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*.py")
        if "structlog.get_logger" in path.read_text(encoding="utf-8")
    }
    assert speakers <= {"shared", "web"}
