"""Makes the dashboard of its description: `python -m tests.architecture.monitoring.dashboard` writes it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.architecture.sources import ROOT, yaml

DESCRIPTION = "helm/files/dashboards/email.yaml"
FILE = ROOT / "helm" / "files" / "dashboards" / "email.json"

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Of Grafana's grid, which is 24 wide.
_SIZES = {"stat": (3, 4), "timeseries": (8, 8), "table": (8, 8)}
_GRID_WIDTH = 24
_OPTIONS: Mapping[str, Any] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"},
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"showHeader": True},
}
_DRAWN = {"fillOpacity": 10, "lineWidth": 1, "showPoints": "never"}


@dataclass(frozen=True)
class Panel:
    """`queries`: by their legends. `red`: from where on."""

    title: str
    unit: str
    tells: str
    queries: Mapping[str, str]
    kind: str = "timeseries"
    red: float | None = None


@cache
def rows() -> dict[str, list[Panel]]:
    return {row["row"]: [Panel(**panel) for panel in row["panels"]] for row in yaml(DESCRIPTION)}


def panels() -> list[Panel]:
    return [panel for row in rows().values() for panel in row]


def render() -> str:
    """A panel a line: a change of one is a change of its line."""
    around = json.dumps({**_around(), "panels": []}, indent=1, ensure_ascii=False)
    lines = ",\n  ".join(json.dumps(panel, ensure_ascii=False) for panel in _laid_out())
    return around.replace('"panels": []', f'"panels": [\n  {lines}\n ]') + "\n"


def _around() -> dict[str, Any]:
    return {
        "uid": "shop-access-email",
        "title": "Shop access: e-mail",
        "tags": ["shop-access-email"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "utc",
        "templating": {"list": list(_variables())},
        "annotations": {"list": [_alerts()]},
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    yield _values_of("partition", "email_role_info", {})
    all_of_them = {"includeAll": True, "multi": True, "current": {"text": "All", "value": "$__all"}}
    yield _values_of("container", 'up{partition="$partition"}', all_of_them)


def _values_of(label: str, selector: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": label,
        "label": {"partition": "Partition", "container": "Role"}[label],
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": f"label_values({selector}, {label})", "refId": label},
        # Whenever the time range changes: pods and partitions come and go.
        "refresh": 2,
        "sort": 1,
        **more,
    }


def _alerts() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{partition="$partition",alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "step": "60s",
    }


def _laid_out() -> Iterator[dict[str, Any]]:
    """From left to right, then below."""
    id, y = 1, 0
    for row, members in rows().items():
        yield {"id": id, "type": "row", "title": row, "collapsed": False, "gridPos": _at(0, y, 24, 1)}
        id, x, y, height = id + 1, 0, y + 1, 0
        for panel in members:
            width, wanted = _SIZES[panel.kind]
            if x + width > _GRID_WIDTH or (x and wanted != height):
                x, y = 0, y + height
            yield {"id": id, **_panel(panel), "gridPos": _at(x, y, width, wanted)}
            id, x, height = id + 1, x + width, wanted
        y += height


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.kind == "timeseries":
        defaults["custom"] = _DRAWN
    if panel.red is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.red}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.tells,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": [
            _target(chr(ord("A") + number), legend, query, panel.kind)
            for number, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def _target(id: str, legend: str, query: str, kind: str) -> dict[str, Any]:
    shown = {"format": "table", "instant": True} if kind == "table" else {}
    return {"refId": id, "datasource": _SOURCE, "expr": query, "legendFormat": legend, **shown}


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
