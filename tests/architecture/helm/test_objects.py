"""What the rendered objects say of one another."""

from typing import Any

import pytest

from shared import config
from tests.architecture import deployments
from tests.architecture.helm.partitions import EXAMPLE, OF_SETS, SETS, nested, over
from tests.architecture.helm.rendering import (
    Object,
    Values,
    container,
    of_kind,
    of_roles,
    pod_templates,
    rendered,
)
from tests.architecture.pools import ENVIRONMENT

ROLES = {"web", "provisioning", "send", "projection", "drift", "scheduler"}
CALLS_AWS = {"provisioning", "drift"}
CALLS_POSTMARK = {"provisioning", "send", "projection", "drift"}


def selects(selector: dict[str, Any], template: Object) -> bool:
    return bool(selector["matchLabels"].items() <= template["metadata"]["labels"].items())


@OF_SETS
def test_there_is_a_deployment_for_each_role(values: Values) -> None:
    assert of_roles(rendered(values), "Deployment").keys() == ROLES


def test_commands_are_those_of_compose() -> None:
    found = {role: tuple(container(one)["args"]) for role, one in pod_templates(rendered(EXAMPLE)).items()}
    compose = {name: tuple(role["command"]) for name, role in deployments.compose_roles().items()}
    assert found == compose


@OF_SETS
def test_all_roles_run_one_image(values: Values) -> None:
    assert len({container(one)["image"] for one in pod_templates(rendered(values)).values()}) == 1


def test_a_digest_wins_over_a_tag() -> None:
    digest = "sha256:" + "0" * 64
    found = rendered(over(EXAMPLE, nested("image.digest", digest)))
    assert container(pod_templates(found)["web"])["image"] == f"shop-access-email@{digest}"


@OF_SETS
def test_a_deployment_a_budget_and_a_service_select_the_pods_of_their_role_alone(values: Values) -> None:
    objects = rendered(values)
    pods = pod_templates(objects)
    for kind in ("Deployment", "PodDisruptionBudget"):
        for role, one in of_roles(objects, kind).items():
            assert [name for name, pod in pods.items() if selects(one["spec"]["selector"], pod)] == [role]
    for role, service in of_roles(objects, "Service").items():
        assert selects({"matchLabels": service["spec"]["selector"]}, pods[role])


@OF_SETS
def test_a_service_leads_to_a_port_that_its_pods_have(values: Values) -> None:
    objects = rendered(values)
    services = of_roles(objects, "Service")
    assert services.keys() == {"web"}
    for role, service in services.items():
        ports = {port["name"] for port in container(pod_templates(objects)[role])["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


@OF_SETS
def test_every_role_has_a_budget_that_lets_a_node_be_emptied(values: Values) -> None:
    budgets = of_roles(rendered(values), "PodDisruptionBudget")
    assert budgets.keys() == ROLES
    assert all(one["spec"]["maxUnavailable"] == 1 for one in budgets.values())
    assert not any("minAvailable" in one["spec"] for one in budgets.values())


@OF_SETS
def test_a_container_can_do_little(values: Values) -> None:
    for template in pod_templates(rendered(values)).values():
        pod, security = template["spec"]["securityContext"], container(template)["securityContext"]
        assert pod["runAsNonRoot"] is True
        assert pod["runAsUser"] >= 10000
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert template["spec"]["automountServiceAccountToken"] is False


@OF_SETS
def test_what_a_container_mounts_is_there_and_nothing_else_can_be_written(values: Values) -> None:
    for template in pod_templates(rendered(values)).values():
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        mounts = {mount["name"]: mount for mount in container(template)["volumeMounts"]}
        assert mounts.keys() == volumes.keys()
        written = {name for name, mount in mounts.items() if not mount.get("readOnly")}
        assert written <= {"metrics", "tmp"}
        assert all("sizeLimit" in volumes[name]["emptyDir"] for name in written)


@OF_SETS
def test_only_who_calls_aws_runs_as_the_account_that_may(values: Values) -> None:
    objects = rendered(values)
    accounts = of_kind(objects, "ServiceAccount")
    for role, template in of_roles(objects, "Deployment").items():
        account = accounts[template["spec"]["template"]["spec"]["serviceAccountName"]]
        annotations = account["metadata"].get("annotations", {})
        may = account["metadata"]["name"].endswith("-aws")
        assert may == (role in CALLS_AWS)
        assert may or "eks.amazonaws.com/role-arn" not in annotations
        assert account["automountServiceAccountToken"] is False


def test_the_account_that_may_call_aws_takes_on_the_role() -> None:
    account = of_kind(rendered(EXAMPLE), "ServiceAccount")["email-aws"]
    role = account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert role == EXAMPLE["serviceAccount"]["aws"]["roleArn"]


def test_accounts_of_somebody_else_are_used_and_not_made() -> None:
    theirs = {"create": False, "name": "plain", "aws": {"name": "with-role", "roleArn": ""}}
    objects = rendered(over(EXAMPLE, {"serviceAccount": theirs}))
    assert of_kind(objects, "ServiceAccount") == {}
    named = {
        role: one["spec"]["template"]["spec"]["serviceAccountName"]
        for role, one in of_roles(objects, "Deployment").items()
    }
    assert {role for role, name in named.items() if name == "with-role"} == CALLS_AWS
    assert set(named.values()) == {"plain", "with-role"}


@OF_SETS
def test_pods_are_spread_over_zones_and_nodes(values: Values) -> None:
    for role, one in of_roles(rendered(values), "Deployment").items():
        spread = one["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [rule["topologyKey"] for rule in spread] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ]
        assert all(rule["labelSelector"] == one["spec"]["selector"] for rule in spread), role


@pytest.mark.parametrize("partition", ["stage", "demo", "prod"])
def test_a_scheduler_and_a_web_can_be_lost_where_it_matters(partition: str) -> None:
    objects = rendered(SETS[partition])
    least = {
        one["spec"]["scaleTargetRef"]["name"]: one["spec"]["minReplicas"]
        for one in of_kind(objects, "HorizontalPodAutoscaler").values()
    }
    found = of_kind(objects, "Deployment")
    assert found["email-scheduler"]["spec"]["replicas"] >= 2
    assert least.get("email-web", found["email-web"]["spec"].get("replicas")) >= 2


@OF_SETS
def test_a_leader_has_somebody_to_take_over_in_every_partition(values: Values) -> None:
    assert of_roles(rendered(values), "Deployment")["scheduler"]["spec"]["replicas"] >= 2


def graces() -> dict[str, int]:
    found = of_roles(rendered(EXAMPLE), "Deployment")
    return {
        role: one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] for role, one in found.items()
    }


def test_a_grace_is_longer_than_the_longest_call_of_the_role() -> None:
    settings = config.read(ENVIRONMENT)
    postmark = settings.postmark
    # Connecting, writing a batch of many megabytes, waiting for the answer.
    call_seconds = postmark.connect_timeout_seconds + 2 * postmark.read_timeout_seconds
    webhook_seconds = postmark.connect_timeout_seconds + postmark.webhook_timeout_seconds
    longest = dict.fromkeys(CALLS_POSTMARK, call_seconds)
    longest["provisioning"] = webhook_seconds + postmark.read_timeout_seconds
    longest["scheduler"] = settings.database.statement_timeout_seconds
    assert {role for role, seconds in longest.items() if graces()[role] <= seconds} == set()


def test_compose_gives_each_role_as_long() -> None:
    services = deployments.compose_roles()
    assert {role: services[role]["stop_grace_period"] for role in graces()} == {
        role: f"{seconds}s" for role, seconds in graces().items()
    }


def test_a_pool_that_ends_itself_has_as_long_as_one_that_is_ended() -> None:
    assert config.read(ENVIRONMENT).worker.drain_seconds <= min(graces()[role] for role in CALLS_POSTMARK)


def test_web_leaves_the_endpoints_before_it_ends_and_ends_before_it_is_killed() -> None:
    web = container(pod_templates(rendered(EXAMPLE))["web"])
    drain_seconds = web["lifecycle"]["preStop"]["sleep"]["seconds"]
    kill_seconds = int(web["args"][web["args"].index("--workers-kill-timeout") + 1].removesuffix("s"))
    assert drain_seconds + kill_seconds < graces()["web"]
