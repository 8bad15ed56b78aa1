"""Which values a label of a metric may have, by the code that counts."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain

from prometheus_client import Histogram

from shared import config
from shared.domain import errors
from shared.domain.dead_letter import Subject
from shared.domain.drift import Assertion, Drift, FindingState, Verdict
from shared.domain.event import EventKind
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.retention import Kind
from shared.domain.traffic import LABELS, Counted
from shared.domain.webhook import WebhookState
from shared.ports.waits import Waiting
from shared.telemetry import metrics, requests
from tests.architecture.monitoring.exported import metric_of, origins
from tests.architecture.sources import PRODUCT, python_files, yaml
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import KEY, container_of
from web.app import create_app

_ROLES = yaml("helm/values.yaml")["roles"]
_QUEUES = frozenset(queue for role in _ROLES.values() for queue in role["queues"])
# Of whatever metric.
_BY_LABEL: Mapping[str, Iterable[str]] = {
    "partition": ("PARTITION", "$partition"),
    "container": (*_ROLES, "$container"),
    "namespace": ("NAMESPACE",),
    "pod": ("RELEASE-.+",),
    "alertstate": ("firing", "pending"),
    "operational": Operational,
    "administrative": Administrative,
    "assertion": Assertion,
    "tag": Drift,
    "kind": EventKind,
    "queue": _QUEUES,
    "subject": Subject,
    "error": (name for name, kind in vars(errors).items() if isinstance(kind, type)),
    "status": (f"{hundreds}xx" for hundreds in range(1, 6)),
}
_BY_METRIC: Mapping[tuple[str, str], Iterable[str]] = {
    ("email_oldest_wait_seconds", "state"): Waiting,
    ("email_webhook_state", "state"): WebhookState,
    ("email_webhook_check_total", "state"): WebhookState,
    ("email_drift_findings", "state"): FindingState,
    ("email_drift_round_total", "verdict"): Verdict,
    ("email_retention_behind_seconds", "kind"): Kind,
    ("email_send_outcome_total", "outcome"): JobStatus,
    ("email_webhook_rejected_total", "reason"): LABELS[Counted.REJECTED],
    ("email_webhook_projected_total", "outcome"): chain(
        ("projected", "waiting", "parked", "suppressions"), (status.lower() for status in JobStatus)
    ),
}
_KNOWN = {key: frozenset(values) for key, values in chain(_BY_LABEL.items(), _BY_METRIC.items())}


def is_value(series: str, label: str, value: str) -> bool:
    metric = metric_of(origins().get(series, series))
    if label == "le":
        return float(value) in _bounds(metric)
    if label == "handler":
        return value in _handlers()
    known = _KNOWN.get((metric, label), _KNOWN.get(label))
    return value in (_words(metric) if known is None else known)


def _bounds(metric: str) -> list[float]:
    histograms = {
        one._name: one
        for one in (*vars(metrics).values(), *vars(requests).values())
        if isinstance(one, Histogram)
    }
    return list(histograms[metric]._upper_bounds)


@cache
def _handlers() -> frozenset[str]:
    """As `web.request_log` names them."""
    settings = config.read(
        {
            "EMAIL_INFRASTRUCTURE": "Alpha002",
            "EMAIL_PARTITION": "dev",
            "EMAIL_DATABASE_URL": "postgresql://nobody@localhost/none",
            "EMAIL_REDIS_URL": "redis://localhost:1/0",
            "EMAIL_MAIL_ZONE_ID": "Z1",
            "EMAIL_MAIL_ZONE_NAME": "dev.example.com",
            "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-tests",
            "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
            "ARDA_API_KEY": KEY,
            "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
        }
    )
    app = create_app(container_of(settings, MemoryStore(), RecordingDoorbell()))
    return frozenset({"console", "none", *app.view_functions})


@cache
def _words(metric: str) -> frozenset[str]:
    """What the functions that count it say, and the files that call them: what is in neither is never a label."""
    counters = {counter.name: counter for counter in _counters().get(metric, ())}
    callers = [
        tree
        for tree in _trees()
        if any(isinstance(node, ast.Name) and node.id in counters for node in ast.walk(tree))
    ]
    return frozenset(word for tree in (*callers, *counters.values()) for word in _literals(tree))


def _literals(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.Attribute):
            # Of an enumeration, whose names and values differ in case alone.
            yield node.attr.lower()


@cache
def _trees() -> list[ast.Module]:
    return [ast.parse(path.read_text(encoding="utf-8")) for path in python_files(*PRODUCT)]


@cache
def _counters() -> Mapping[str, list[ast.FunctionDef]]:
    """By metric, the functions that move it."""
    return {
        f"{ast.literal_eval(made.value.args[0])}_total": _users(tree, made.targets[0].id)
        for tree in _trees()
        for made in tree.body
        if isinstance(made, ast.Assign)
        and isinstance(made.targets[0], ast.Name)
        and isinstance(made.value, ast.Call)
        and ast.unparse(made.value.func) == "Counter"
    }


def _users(tree: ast.Module, variable: str) -> list[ast.FunctionDef]:
    return [
        function
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        and any(isinstance(node, ast.Name) and node.id == variable for node in ast.walk(function))
    ]
