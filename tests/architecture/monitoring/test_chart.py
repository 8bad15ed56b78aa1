"""What the chart makes of the files: its own partition's, with what the values change, and nothing left to fill in."""

import json
from typing import Any

import helm_python as helm
import pytest

from tests.architecture.helm.partitions import EXAMPLE, over
from tests.architecture.helm.rendering import NAMESPACE, RELEASE, Object, rendered
from tests.architecture.monitoring import rules
from tests.architecture.monitoring.promql import parsed
from tests.architecture.monitoring.rules import Alert
from tests.architecture.sources import ROOT

PARTITION = "Alpha002-dev"
ALERTS = pytest.mark.parametrize("alert", rules.alerts(), ids=[alert.name for alert in rules.alerts()])
WITH_THRESHOLD = [alert for alert in rules.alerts() if alert.threshold is not None]
FILLED = {
    "PARTITION": PARTITION,
    "NAMESPACE": NAMESPACE,
    "RELEASE": RELEASE,
    "RUNBOOKS": "https://docs.example.com/runbooks",
}


def objects(**monitoring: Any) -> dict[str, Object]:
    """By kind and name; with everything of monitoring switched on, and what is given over that."""
    on: dict[str, Any] = {part: {"enabled": True} for part in ("scrape", "alerts", "dashboard")}
    on["alerts"]["runbooksUrl"] = "https://docs.example.com/runbooks/"
    values = over(EXAMPLE, {"monitoring": over(on, monitoring)})
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in rendered(values)}


def rendered_rules(**alerts: Any) -> dict[str, Object]:
    groups = objects(alerts=alerts)[f"PrometheusRule/{RELEASE}"]["spec"]["groups"]
    return {rule.get("alert") or rule["record"]: rule for group in groups for rule in group["rules"]}


def filled(text: str) -> str:
    for token, value in FILLED.items():
        text = text.replace(token, value)
    return text


def test_every_rule_is_in_the_object_as_it_stands_in_its_file() -> None:
    written = {record.name: filled(record.expression) for record in rules.records()}
    written |= {alert.name: filled(alert.expression) for alert in rules.alerts()}
    assert {name: rule["expr"] for name, rule in rendered_rules().items()} == written


def test_nothing_is_left_to_fill_in() -> None:
    text = json.dumps(rendered_rules())
    assert [token for token in FILLED if token in text] == []


@ALERTS
def test_an_alert_keeps_what_it_says(alert: Alert) -> None:
    rule = rendered_rules()[alert.name]
    assert rule["annotations"] == {key: filled(said) for key, said in alert.annotations.items()}
    assert (rule["labels"], rule.get("for")) == ({"severity": alert.severity}, alert.lasts)


def test_a_threshold_is_exchanged_where_it_is_compared_with_and_nowhere_else() -> None:
    changed = rendered_rules(changes={alert.name: {"threshold": 77.5} for alert in WITH_THRESHOLD})
    for alert in WITH_THRESHOLD:
        rule, plain = changed[alert.name], filled(alert.expression)
        assert rule["annotations"]["threshold"] == "77.5"
        assert rule["expr"].replace("> 77.5", f"> {alert.threshold}") == plain
        assert rule["expr"] != plain
        parsed(rule["expr"])


def test_a_change_is_of_the_alert_that_it_names_alone() -> None:
    change = {"EmailMailWaits": {"for": "1h", "severity": "critical"}, "EmailThrottled": {"enabled": False}}
    plain, changed = rendered_rules(), rendered_rules(changes=change)
    assert plain.keys() - changed.keys() == {"EmailThrottled"}
    assert (changed["EmailMailWaits"]["for"], changed["EmailMailWaits"]["labels"]["severity"]) == (
        "1h",
        "critical",
    )
    assert {name for name, rule in changed.items() if rule != plain[name]} == {"EmailMailWaits"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"EmailMailWaitsTooLong": {"for": "1h"}}, "there is no such alert"),
        ({"EmailNoLeader": {"threshold": 2}}, "this alert has no threshold"),
        ({"EmailMailWaits": {"treshold": 2}}, "treshold"),
        ({"EmailMailWaits": {"for": "soon"}}, "for"),
    ],
)
def test_a_change_of_what_is_not_there_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(helm.HelmError, match=named):
        rendered_rules(changes=change)


def test_alerts_without_a_place_to_read_the_runbooks_are_refused() -> None:
    with pytest.raises(helm.HelmError, match="runbooksUrl"):
        rendered_rules(runbooksUrl="")


def test_nothing_is_made_that_is_not_switched_on() -> None:
    off: dict[str, Any] = {part: {"enabled": False} for part in ("scrape", "alerts", "dashboard")}
    kinds = {name.split("/")[0] for name in objects(**off)}
    assert kinds & {"PrometheusRule", "ServiceMonitor", "PodMonitor"} == set()
    assert f"ConfigMap/{RELEASE}-dashboard" not in objects(**off)


def ports(name: str) -> set[str]:
    spec = objects()[name]["spec"]
    pod = spec["template"]["spec"]["containers"] if "template" in spec else [spec]
    return {port["name"] for container in pod for port in container.get("ports", [])}


def test_every_role_is_scraped_once() -> None:
    """By the labels that a monitor selects by, and by the port that it names."""
    made = objects()
    deployments = {name for name in made if name.startswith("Deployment/")}
    of_pods = made[f"PodMonitor/{RELEASE}"]["spec"]
    (of_web,) = (one["spec"] for name, one in made.items() if name.startswith("ServiceMonitor/"))
    (of_pods_port,) = (endpoint["port"] for endpoint in of_pods["podMetricsEndpoints"])
    (of_web_port,) = (endpoint["port"] for endpoint in of_web["endpoints"])
    by_pod = {name for name in deployments if of_pods_port in ports(name)}
    services = {
        name for name in made if name.startswith("Service/") and selects(of_web, made[name]["metadata"])
    }
    assert all(selects(of_pods, made[name]["spec"]["template"]["metadata"]) for name in by_pod)
    assert deployments - by_pod == {f"Deployment/{RELEASE}-web"}
    assert services == {f"Service/{RELEASE}-web"}
    assert of_web_port in ports(f"Service/{RELEASE}-web")


def selects(spec: dict[str, Any], metadata: dict[str, Any]) -> bool:
    return bool(spec["selector"]["matchLabels"].items() <= metadata["labels"].items())


def test_every_sample_is_of_the_partition_that_the_rules_ask_for() -> None:
    made = objects()
    endpoints = made[f"PodMonitor/{RELEASE}"]["spec"]["podMetricsEndpoints"]
    endpoints = [*endpoints, *made[f"ServiceMonitor/{RELEASE}-web"]["spec"]["endpoints"]]
    put_on = {json.dumps(endpoint["relabelings"]) for endpoint in endpoints}
    assert put_on == {json.dumps([{"targetLabel": "partition", "replacement": PARTITION}])}


def test_what_the_operator_selects_by_is_on_every_object() -> None:
    made = objects(labels={"release": "kube-prometheus-stack"})
    kinds = {
        name.split("/")[0] for name, one in made.items() if one["metadata"].get("labels", {}).get("release")
    }
    assert kinds == {"PrometheusRule", "ServiceMonitor", "PodMonitor", "ConfigMap"}


def test_the_dashboard_reaches_grafana_as_it_was_made() -> None:
    made = objects()[f"ConfigMap/{RELEASE}-dashboard"]
    (content,) = made["data"].values()
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert content.strip() == (ROOT / "helm/files/dashboards/email.json").read_text(encoding="utf-8").strip()
