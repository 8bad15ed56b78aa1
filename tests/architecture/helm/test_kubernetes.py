"""Every object is one that Kubernetes, and what is built on it, takes."""

import json
from functools import cache
from typing import Any

import jsonschema_rs
import kubernetes_validate  # type: ignore[import-untyped]  # it carries no types
import pytest

from tests.architecture.helm.partitions import SETS
from tests.architecture.helm.rendering import Object, chart, of_kind, rendered
from tests.architecture.sources import json_document

SCHEMAS = "tests/architecture/helm/custom_resources"
CUSTOM = (
    "ExternalSecret",
    "ScaledObject",
    "TriggerAuthentication",
    "ServiceMonitor",
    "PodMonitor",
    "PrometheusRule",
)


def _minor(version: str) -> int:
    return int(version.split(".")[1])


FIRST = _minor(chart().metadata["kubeVersion"])
NEWEST = _minor(kubernetes_validate.latest_version())
# Fields come and go slowly: what both ends and the middle take, those between take.
VERSIONS = [f"1.{minor}" for minor in (FIRST, (FIRST + NEWEST) // 2, NEWEST)]


def objects(*sets: str) -> list[Object]:
    """What is the same in several sets is there once."""
    found = {json.dumps(one, sort_keys=True): one for name in sets for one in rendered(SETS[name])}
    return list(found.values())


@cache
def schema(kind: str) -> dict[str, Any]:
    return dict(json_document(f"{SCHEMAS}/{kind.lower()}.json"))


def faults(found: list[Object], version: str) -> list[str]:
    """Of Kubernetes' own kinds."""
    faults = []
    for one in found:
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            faults.append(f"{one['kind']} {one['metadata']['name']}: {error}")
    return faults


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_each_object(version: str) -> None:
    sets = ("everything", "plain", "existing")
    assert faults([one for one in objects(*sets) if one["kind"] not in CUSTOM], version) == []


@pytest.mark.parametrize("kind", CUSTOM)
def test_a_custom_resource_follows_its_schema(kind: str) -> None:
    found = [one for one in objects(*SETS) if one["kind"] == kind]
    assert found
    for one in found:
        jsonschema_rs.validate(schema(kind), one)


@pytest.mark.parametrize("kind", CUSTOM)
def test_a_schema_of_a_custom_resource_refuses_what_is_not_in_it(kind: str) -> None:
    one = next(one for one in objects("everything") if one["kind"] == kind)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema(kind), {**one, "spec": {**one["spec"], "mistyped": True}})


def test_a_field_that_kubernetes_does_not_have_is_refused() -> None:
    one = of_kind(rendered(SETS["example"]), "Deployment")["email-web"]
    assert faults([{**one, "spec": {**one["spec"], "mistyped": True}}], VERSIONS[-1])


def test_what_keda_makes_of_a_scaled_object_is_a_scaler_that_kubernetes_takes() -> None:
    scaled = of_kind(objects("everything"), "ScaledObject")
    made = [
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": f"keda-hpa-{name}"},
            "spec": {
                "scaleTargetRef": one["spec"]["scaleTargetRef"],
                "maxReplicas": one["spec"]["maxReplicaCount"],
                **one["spec"]["advanced"]["horizontalPodAutoscalerConfig"],
            },
        }
        for name, one in scaled.items()
    ]
    assert faults(made, VERSIONS[-1]) == []
