"""The rule files of the chart, as they are written: PARTITION and its like still stand in them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.architecture.sources import ROOT, yaml

FOLDER = ROOT / "helm" / "files" / "alerts"
RUNBOOKS = ROOT / "docs" / "runbooks"


@dataclass(frozen=True)
class Record:
    name: str
    expression: str


@dataclass(frozen=True)
class Alert:
    name: str
    expression: str
    severity: str
    annotations: Mapping[str, str]
    # As Prometheus writes durations; None when it rings at once.
    lasts: str | None

    @property
    def runbook(self) -> str:
        """The file's name. Raises AttributeError when it is no link to one."""
        found = re.fullmatch(r"RUNBOOKS/([a-z-]+\.md)", self.annotations["runbook_url"])
        assert found, f"{self.name}: {self.annotations['runbook_url']}"
        return found[1]

    @property
    def threshold(self) -> str | None:
        return self.annotations.get("threshold")


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


@cache
def groups() -> list[dict[str, Any]]:
    return [group for path in files() for group in yaml(str(path.relative_to(ROOT)))["groups"]]


@cache
def _rules() -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"]]


@cache
def records() -> list[Record]:
    return [Record(rule["record"], rule["expr"]) for rule in _rules() if "record" in rule]


@cache
def alerts() -> list[Alert]:
    return [
        Alert(rule["alert"], rule["expr"], rule["labels"]["severity"], rule["annotations"], rule.get("for"))
        for rule in _rules()
        if "alert" in rule
    ]
