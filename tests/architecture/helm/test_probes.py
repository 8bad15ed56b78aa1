"""A probe asks for progress, of something that is there, and often enough."""

import importlib
from pathlib import Path

import pytest

from tests.architecture.helm.partitions import EXAMPLE, nested, over
from tests.architecture.helm.rendering import container, of_roles, pod_templates, rendered
from tests.architecture.pools import container as wired
from web.app import create_app
from workers.alive import MAX_AGE_SECONDS

PODS = {role: container(one) for role, one in pod_templates(rendered(EXAMPLE)).items() if role != "migrate"}
WORKERS = sorted(PODS.keys() - {"web"})
LOOK_SECONDS = 2.0  # between two touches of the file


def test_web_answers_what_its_probes_ask() -> None:
    routes = {str(rule) for rule in create_app(wired()).url_map.iter_rules()}
    probes = {
        kind: PODS["web"][kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert {kind: probe["path"] for kind, probe in probes.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {probe["path"] for probe in probes.values()} <= routes
    assert {probe["port"] for probe in probes.values()} == {port["name"] for port in PODS["web"]["ports"]}


@pytest.mark.parametrize("role", WORKERS)
def test_a_worker_is_asked_for_the_file_that_it_writes(role: str) -> None:
    environment = {entry["name"]: entry["value"] for entry in PODS[role]["env"]}
    for probe in ("startupProbe", "livenessProbe"):
        command = PODS[role][probe]["exec"]["command"]
        assert command == ["python", "-m", "workers.alive", environment["EMAIL_LIVENESS_FILE"]]
    assert environment["EMAIL_LIVENESS_FILE"].startswith("/tmp/")


def test_the_probe_of_a_worker_fails_without_its_file(tmp_path: Path) -> None:
    _, _, module, _ = PODS["send"]["livenessProbe"]["exec"]["command"]
    probe, file = importlib.import_module(module).main, tmp_path / "alive"
    assert probe([str(file)]) == 1
    file.touch()
    assert probe([str(file)]) == 0


def test_a_worker_is_not_ended_for_one_look_that_came_late() -> None:
    assert MAX_AGE_SECONDS >= 5 * LOOK_SECONDS
    assert all(PODS[role]["livenessProbe"]["failureThreshold"] >= 2 for role in WORKERS)


def test_a_pool_has_no_more_than_one_process_to_be_asked_about() -> None:
    """Several would write the same file, and one that lives would answer for one that hangs."""
    pools = [PODS[role]["args"] for role in WORKERS if "--processes" in PODS[role]["args"]]
    assert len(pools) == 4
    assert {args[args.index("--processes") + 1] for args in pools} == {"1"}


def test_a_liveness_file_is_not_for_a_role_that_has_a_port() -> None:
    objects = rendered(over(EXAMPLE, nested("roles.web.environment", {"EMAIL_LOG_LEVEL": "DEBUG"})))
    web = of_roles(objects, "Deployment")["web"]["spec"]["template"]["spec"]["containers"][0]
    assert web["env"] == [{"name": "EMAIL_LOG_LEVEL", "value": "DEBUG"}]
