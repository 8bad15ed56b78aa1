"""Every series that rules and dashboard may read, with its labels: ours, what rules record, and what others export."""

import re
from collections.abc import Mapping
from functools import cache

from tests.architecture.monitoring import rules
from tests.architecture.monitoring.promql import Labels, labels_of, series_of
from tests.architecture.sources import text

# What the chart's monitors and the operator's own relabelling put on a sample of ours.
TARGET: Labels = frozenset(
    {"partition", "namespace", "pod", "container", "endpoint", "service", "job", "instance"}
)
# What is not ours. kube-state-metrics tells of pods as a third party: its labels are theirs.
FOREIGN: Mapping[str, Labels] = {
    "up": TARGET,
    "process_resident_memory_bytes": TARGET,
    "kube_pod_container_status_restarts_total": frozenset({"namespace", "pod", "container"}),
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "partition"}),
}
_ROW = re.compile(r"^\| `(email_\w+)` \| (counter|gauge|histogram) \| ([^|]*)\|", re.MULTILINE)


@cache
def metrics() -> dict[str, Labels]:
    """Ours, as docs/events.md lists them, which a test keeps equal to the code; a histogram under its own name."""
    rows = _ROW.findall(text("docs/events.md"))
    return {name: frozenset(labels.replace(",", " ").split()) for name, _, labels in rows}


@cache
def histograms() -> frozenset[str]:
    return frozenset(name for name, kind, _ in _ROW.findall(text("docs/events.md")) if kind == "histogram")


def metric_of(series: str) -> str:
    """Which of ours it is a series of; itself, if it is none."""
    name = re.sub(r"_(bucket|sum|count)$", "", series)
    return name if name in histograms() else series


@cache
def recorded() -> dict[str, Labels]:
    return {record.name: labels_of(record.expression, of_ours) for record in rules.records()}


@cache
def origins() -> dict[str, str]:
    """Recorded series by the one metric they are made of."""
    found = {}
    for record in rules.records():
        (found[record.name],) = {metric_of(name) for name in series_of(record.expression)}
    return found


def of_ours(series: str) -> Labels:
    """Labels of what a process of ours exports. Raises KeyError."""
    metric = metric_of(series)
    if metric in histograms() and series == metric:
        raise KeyError(series)
    more = {"le"} if series.endswith("_bucket") and metric != series else set()
    return metrics()[metric] | TARGET | more


def of_all(series: str) -> Labels:
    """Raises KeyError."""
    if series in FOREIGN:
        return FOREIGN[series]
    return recorded()[series] if series in recorded() else of_ours(series)
