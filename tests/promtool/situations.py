"""The situations as promtool's own tests: JSON, which is YAML."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.architecture.sources import yaml

_FILE = "tests/promtool/situations.yaml"
_FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


@dataclass(frozen=True)
class Situation:
    """`series`: promtool's values by name and labels, without what is well. `rings`: by the time, from the start."""

    when: str
    series: Mapping[str, str]
    rings: Mapping[str, Sequence[str]]


@cache
def well() -> dict[str, str]:
    return dict(yaml(_FILE)["well"])


@cache
def situations() -> list[Situation]:
    return [Situation(**situation) for situation in yaml(_FILE)["situations"]]


def test_file(rule_files: Sequence[str]) -> str:
    tests = [_test(situation) for situation in situations()]
    return json.dumps({"rule_files": list(rule_files), "evaluation_interval": "1m", "tests": tests}, indent=1)


def of_partition(series: str) -> str:
    """What kube-state-metrics tells has none."""
    return series if series.startswith("kube_") else re.sub(r"\{", '{partition="PARTITION",', series, count=1)


def _test(situation: Situation) -> dict[str, Any]:
    series = {**well(), **situation.series}
    return {
        "name": situation.when,
        "interval": "1m",
        "input_series": [{"series": of_partition(name), "values": values} for name, values in series.items()],
        "promql_expr_test": [_expected(time, names) for time, names in situation.rings.items()],
    }


def _expected(time: str, alerts: Sequence[str]) -> dict[str, Any]:
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(alerts)]
    return {"expr": _FIRING, "eval_time": time, "exp_samples": samples}
