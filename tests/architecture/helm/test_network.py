"""Who may reach whom: nobody, but for what is said here."""

import pytest

from shared import config
from shared.config.settings import API_BASE
from tests.architecture.helm.partitions import EXAMPLE, OF_SETS, SETS, nested, over
from tests.architecture.helm.rendering import (
    Object,
    Values,
    container,
    of_kind,
    pod_templates,
    rendered,
    texts,
)
from tests.architecture.pools import ENVIRONMENT
from tests.architecture.pools import container as wired
from web.app import create_app

POSTGRES, REDIS, HTTPS, DNS = 5432, 6379, 443, 53
CALLS_OUT = {"provisioning", "send", "projection", "drift"}
SENTRY = nested("secrets.files.sentry-dsn.enabled", True)
DOORS = {f"ingress.{door}.enabled": door for door in ("api", "webhook", "console")}


def policies(values: Values) -> dict[str, Object]:
    """By the role whose pods they are for; the one that is for all pods as `*`."""
    found = of_kind(rendered(values), "NetworkPolicy").values()
    return {
        one["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component", "*"): one
        for one in found
    }


def reached(policy: Object) -> set[int]:
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


@OF_SETS
def test_every_pod_is_denied_everything_that_its_role_is_not_allowed(values: Values) -> None:
    objects, found = rendered(values), policies(values)
    assert found.keys() == {"*", *pod_templates(objects)}
    everybody = found["*"]["spec"]
    assert everybody.keys() == {"podSelector", "policyTypes"}
    for template in pod_templates(objects).values():
        assert everybody["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert {tuple(one["spec"]["policyTypes"]) for one in found.values()} == {("Ingress", "Egress")}


def test_a_role_reaches_what_it_needs_and_nothing_else() -> None:
    found = {role: reached(one) for role, one in policies(EXAMPLE).items() if role != "*"}
    of_all = {DNS, POSTGRES, REDIS}
    assert found.pop("migrate") == {DNS, POSTGRES}
    assert found == {role: of_all | ({HTTPS} if role in CALLS_OUT else set()) for role in found}


def test_every_role_reaches_sentry_when_there_is_one() -> None:
    found = policies(over(EXAMPLE, SENTRY))
    assert {
        role for role in found if role not in ("*", "migrate") and HTTPS not in reached(found[role])
    } == set()


def test_what_the_defaults_of_settings_call_is_let_out() -> None:
    settings = config.read(ENVIRONMENT | {"EMAIL_POSTMARK_BASE_URL": ""})
    assert settings.postmark.base_url.startswith("https://")
    assert settings.aws.endpoint_url is None  # AWS's own, by TLS


def test_nobody_reaches_the_metadata_of_its_node() -> None:
    for role, policy in policies(EXAMPLE).items():
        for rule in policy["spec"].get("egress", []):
            if {port["port"] for port in rule["ports"]} == {HTTPS}:
                blocks = {peer["ipBlock"]["cidr"]: peer["ipBlock"]["except"] for peer in rule["to"]}
                assert blocks == {"0.0.0.0/0": ["169.254.169.254/32"], "::/0": ["fd00:ec2::254/128"]}, role


@OF_SETS
def test_a_port_that_is_opened_is_one_that_the_pod_has(values: Values) -> None:
    pods = pod_templates(rendered(values))
    for role, policy in policies(values).items():
        opened = {port["port"] for rule in policy["spec"].get("ingress", []) for port in rule["ports"]}
        assert opened == (
            {port["name"] for port in container(pods[role]).get("ports", [])} if role in pods else set()
        )


def test_callers_come_to_web_alone_and_prometheus_to_all() -> None:
    for role, policy in policies(EXAMPLE).items():
        callers = [peer for rule in policy["spec"].get("ingress", []) for peer in rule["from"]]
        names = {peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for peer in callers}
        expected = {"*": set(), "migrate": set(), "web": {"ingress", "monitoring"}}
        assert names == expected.get(role, {"monitoring"}), role


def test_without_metrics_nobody_comes_to_a_pool() -> None:
    found = policies(over(EXAMPLE, nested("metricsPort", 0)))
    assert "ingress" not in found["send"]["spec"]
    assert "ports" not in container(pod_templates(rendered(over(EXAMPLE, nested("metricsPort", 0))))["send"])


def test_the_policy_of_the_migration_is_there_before_its_job() -> None:
    def weight(one: Object) -> int:
        return int(one["metadata"]["annotations"]["helm.sh/hook-weight"])

    objects = rendered(EXAMPLE)
    job = of_kind(objects, "Job")["email-migrate"]
    for kind in ("NetworkPolicy", "ExternalSecret"):
        before = of_kind(objects, kind)["email-migrate"]
        assert weight(before) < weight(job)
        assert (
            before["metadata"]["annotations"]["helm.sh/hook"]
            == job["metadata"]["annotations"]["helm.sh/hook"]
        )


def test_policies_can_be_somebody_elses() -> None:
    values = over(EXAMPLE, nested("networkPolicy.enabled", False))
    assert of_kind(rendered(values), "NetworkPolicy") == {}
    assert "every pod of the cluster may call" in texts(values)["NOTES.txt"]


def paths(values: Values) -> dict[str, list[tuple[str, str, str]]]:
    """Of each Ingress: host, path, type of path."""
    return {
        name: [
            (rule["host"], path["path"], path["pathType"])
            for rule in one["spec"]["rules"]
            for path in rule["http"]["paths"]
        ]
        for name, one in of_kind(rendered(values), "Ingress").items()
    }


def test_there_is_no_way_in_unless_it_is_asked_for() -> None:
    assert paths(EXAMPLE) == {}


def test_an_ingress_leads_to_the_api_and_not_to_the_console() -> None:
    found = paths(over(EXAMPLE, nested("ingress.enabled", True)))
    assert found == {"email-api": [("api.dev.example.com", API_BASE, "Prefix")]}


def test_callbacks_can_come_in_where_the_api_cannot() -> None:
    doors = {"enabled": True, "api": {"enabled": False}, "webhook": {"enabled": True}}
    found = paths(over(EXAMPLE, {"ingress": doors}))
    assert found == {"email-webhook": [("api.dev.example.com", f"{API_BASE}/job/postmark-events", "Exact")]}


def test_the_console_has_hosts_and_annotations_of_its_own() -> None:
    assert paths(SETS["everything"])["email-console"] == [("operators.dev.example.com", "/console", "Prefix")]
    found = of_kind(rendered(SETS["everything"]), "Ingress")
    assert found["email-console"]["metadata"]["annotations"] == {"example.com/of-all": "2"}
    assert found["email-api"]["metadata"]["annotations"] == {"example.com/of-all": "1"}


def test_no_ingress_leads_to_metrics_or_health() -> None:
    private = ("/metrics", "/healthz", "/readyz")
    for found in paths(SETS["everything"]).values():
        assert [one for _, one, _ in found if one == "/" or any(way.startswith(one) for way in private)] == []


@pytest.mark.parametrize("path", [f"{API_BASE}/job/postmark-events", "/console", "/console/sign-in"])
def test_what_an_ingress_leads_to_is_there(path: str) -> None:
    routes = {str(rule) for rule in create_app(wired()).url_map.iter_rules()}
    assert path in routes or f"{path}/" in routes


@OF_SETS
def test_an_ingress_leads_to_a_port_of_a_service(values: Values) -> None:
    objects = rendered(values)
    services = of_kind(objects, "Service")
    for one in of_kind(objects, "Ingress").values():
        for rule in one["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                ports = services[service["name"]]["spec"]["ports"]
                assert service["port"]["name"] in {port["name"] for port in ports}


def test_a_certificate_is_for_the_host_that_names_it() -> None:
    hosts = [{"host": "api.dev.example.com", "tlsSecret": "one"}, {"host": "other.example.com"}]
    found = of_kind(rendered(over(EXAMPLE, {"ingress": {"enabled": True, "hosts": hosts}})), "Ingress")
    assert found["email-api"]["spec"]["tls"] == [{"hosts": ["api.dev.example.com"], "secretName": "one"}]
