"""Each alert says what it means, leads to a runbook, and rings for nothing that passes by itself."""

import re
from collections import Counter
from pathlib import Path

import pytest

from shared.cli.doctor_checks import BOUNDS
from shared.domain.drift import Drift
from shared.ports.waits import Waiting
from tests.architecture.commands import calls_in, read
from tests.architecture.monitoring import exported, rules
from tests.architecture.monitoring.promql import labels_of
from tests.architecture.monitoring.rules import Alert
from tests.architecture.sources import text

ALERTS = pytest.mark.parametrize("alert", rules.alerts(), ids=[alert.name for alert in rules.alerts()])
RECORDS = pytest.mark.parametrize("record", rules.records(), ids=[record.name for record in rules.records()])
# Critical wakes somebody; a warning is for the day.
SEVERITIES = {"critical", "warning"}
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(duration: str) -> int:
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smh])", duration))


@ALERTS
def test_an_alert_says_how_bad_it_is_and_what_it_means(alert: Alert) -> None:
    assert alert.severity in SEVERITIES
    assert alert.annotations.keys() - {"threshold"} == {"summary", "description", "runbook_url"}
    assert len(alert.annotations["summary"]) <= 120
    assert alert.annotations["description"].endswith((".", "?"))


@ALERTS
def test_an_alert_tells_whose_it_is_and_names_only_labels_that_it_has(alert: Alert) -> None:
    labels = labels_of(alert.expression, exported.of_all)
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(alert.annotations.values())))
    assert "partition" in labels
    assert named - labels == set()


@ALERTS
def test_an_alert_outlives_a_rollout_and_a_change_of_the_leader(alert: Alert) -> None:
    """Two minutes are a rollout's worst; what counts over a quarter of an hour or more needs no more patience."""
    windows = [
        seconds(window)
        for window in re.findall(r"\[(\w+)\]|increase(\w+)\{", alert.expression)
        for window in window
        if window
    ]
    assert seconds(alert.lasts or "0s") >= 120 or min(windows, default=0) >= 900


@ALERTS
def test_a_threshold_is_said_as_it_is_compared_with(alert: Alert) -> None:
    """So that the chart can exchange it: see `email.changedAlert`."""
    if alert.threshold is not None:
        compared = re.findall(r"> ([0-9.]+)\b", alert.expression)
        assert compared
        assert alert.threshold in compared


def test_no_alert_has_the_name_of_another() -> None:
    assert [
        name for name, times in Counter(alert.name for alert in rules.alerts()).items() if times > 1
    ] == []


@ALERTS
def test_an_alert_leads_to_a_runbook_that_is_there(alert: Alert) -> None:
    assert (rules.RUNBOOKS / alert.runbook).is_file()


def test_every_runbook_has_something_that_leads_to_it() -> None:
    tasks = text("docs/runbooks/README.md").split("\n## Tasks\n")[1].split("\n## ")[0]
    led_to = {alert.runbook for alert in rules.alerts()}
    led_to |= set(re.findall(r"\(([a-z-]+\.md)", tasks))
    led_to |= {tag.value.removeprefix("email.").replace("_", "-").replace(".", "-") + ".md" for tag in Drift}
    assert {path.name for path in rules.RUNBOOKS.glob("*.md")} - led_to == {"README.md"}


def of_waits() -> dict[str, tuple[float, str]]:
    """By state, from where on somebody is told first, and by which runbook."""
    found: dict[str, tuple[float, str]] = {}
    for alert in sorted(rules.alerts(), key=lambda alert: -float(alert.threshold or 0)):
        if state := re.search(r'oldest_wait_seconds:max\{.*state="(\w+)"', alert.expression):
            assert alert.threshold is not None
            found[state[1]] = float(alert.threshold), alert.runbook.removesuffix(".md")
        elif state := re.search(r'lifecycle_state:sum\{.*operational="(\w+)"', alert.expression):
            # The doctor warns of these as soon as one waits.
            found[state[1].lower()] = 0.0, alert.runbook.removesuffix(".md")
    return found


def test_the_doctor_and_the_alerts_are_discontent_with_the_same() -> None:
    assert of_waits() == {state.value: (bound.seconds, bound.runbook) for state, bound in BOUNDS.items()}


def test_whatever_waits_has_an_alert() -> None:
    assert of_waits().keys() == set(Waiting)


def series_counted(record: rules.Record) -> tuple[str, str, str, str] | None:
    found = re.fullmatch(r"((?:partition)(?:_\w+)?):(email_\w+):increase(\w+)", record.name)
    return None if not found else (found[1], found[2], found[3], " ".join(record.expression.split()))


@RECORDS
def test_a_count_misses_no_first_step(record: rules.Record) -> None:
    """A counter with labels appears with its first count, of which increase() sees nothing."""
    counted = series_counted(record)
    if counted is None or "seconds_count" in record.expression:
        return
    _, metric, window, expression = counted
    series = f'{metric}_total{{partition="PARTITION"}}'
    newborn = f"( {series} unless max_over_time({series}[1h] offset {window}) )"
    assert expression.endswith(f"( {newborn} or increase({series}[{window}]) )")


@RECORDS
def test_a_recorded_series_is_named_by_its_labels_and_its_metric(record: rules.Record) -> None:
    level, metric, _ = record.name.split(":")
    labels = labels_of(record.expression, exported.of_ours)
    assert sorted(level.split("_")) == sorted("_".join(sorted(labels)).split("_"))
    assert exported.origins()[record.name].startswith(re.sub(r"_faults$", "", metric))


@pytest.mark.parametrize("path", rules.files(), ids=[path.name for path in rules.files()])
def test_commands_that_alerts_name_are_there(path: Path) -> None:
    for call in calls_in(path):
        read(call)


def test_log_events_that_alerts_name_are_there() -> None:
    said = [alert.annotations["description"] for alert in rules.alerts()]
    named = set(re.findall(r"`(email\.[\w.]+)`", " ".join(said)))
    assert "email.scheduler.fault" in named
    assert named - set(re.findall(r"^\| `(email\.[\w.]+)`", text("docs/events.md"), re.MULTILINE)) == set()
