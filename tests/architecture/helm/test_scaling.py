"""One scaler a Deployment at the most, and none of them scales what nothing comes to."""

import re
from typing import Any

import pytest

from shared.messaging import queues
from tests.architecture.helm.partitions import EXAMPLE, OF_SETS, SETS, nested, over
from tests.architecture.helm.rendering import Object, Values, chart, container, of_kind, rendered
from tests.architecture.sources import ROOT, yaml

POOLS = sorted(queues.ALL)
KEDA = {"roles": {pool: {"scaling": {"by": "keda"}} for pool in POOLS}}


def scalers(objects: list[Object]) -> list[str]:
    """The Deployment that each scales."""
    kinds = ("HorizontalPodAutoscaler", "ScaledObject")
    return [one["spec"]["scaleTargetRef"]["name"] for one in objects if one["kind"] in kinds]


@OF_SETS
def test_a_deployment_has_one_scaler_or_a_number(values: Values) -> None:
    objects = rendered(values)
    scaled = scalers(objects)
    assert len(scaled) == len(set(scaled))
    for name, one in of_kind(objects, "Deployment").items():
        assert ("replicas" in one["spec"]) == (name not in scaled)
    assert set(scaled) <= of_kind(objects, "Deployment").keys()


def test_nothing_scales_unless_it_is_asked_for() -> None:
    assert scalers(rendered(EXAMPLE)) == []


def test_prod_scales_web_by_cpu_and_each_pool_by_its_work() -> None:
    objects = rendered(SETS["prod"])
    assert of_kind(objects, "HorizontalPodAutoscaler").keys() == {"email-web"}
    assert of_kind(objects, "ScaledObject").keys() == {f"email-{pool}" for pool in POOLS}


def test_web_is_scaled_by_what_it_asks_for() -> None:
    objects = rendered(SETS["prod"])
    scaler = of_kind(objects, "HorizontalPodAutoscaler")["email-web"]["spec"]
    (metric,) = scaler["metrics"]
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 60}
    web = of_kind(objects, "Deployment")["email-web"]["spec"]["template"]
    assert container(web)["resources"]["requests"]["cpu"]


@pytest.mark.parametrize("pool", POOLS)
def test_a_pool_is_scaled_by_the_rows_of_its_own_query(pool: str) -> None:
    trigger = triggers(rendered(over(EXAMPLE, KEDA)))[pool]
    scaling = yaml("helm/values.yaml")["roles"][pool]["scaling"]
    asked = (ROOT / "helm" / "queries" / f"{pool}.sql").read_text()
    assert trigger["type"] == "postgresql"
    assert trigger["metadata"]["targetQueryValue"] == str(scaling["rowsPerReplica"])
    rows = scaling["rowsPerReplica"] * scaling["max"]
    assert trigger["metadata"]["query"].strip() == asked.replace(":rows", str(rows)).strip()


def triggers(objects: list[Object]) -> dict[str, Any]:
    found = of_kind(objects, "ScaledObject")
    return {name.removeprefix("email-"): one["spec"]["triggers"][0] for name, one in found.items()}


def test_there_is_a_query_for_each_pool_and_no_other() -> None:
    assert sorted(path.stem for path in (ROOT / "helm" / "queries").iterdir()) == POOLS
    assert [
        query
        for query in queries().values()
        if re.search(r"\b(insert|update|delete)\b", query, re.IGNORECASE)
    ] == []


def queries() -> dict[str, str]:
    return {
        name: trigger["metadata"]["query"]
        for name, trigger in triggers(rendered(over(EXAMPLE, KEDA))).items()
    }


def test_keda_reads_the_url_from_the_secret_of_the_release_or_from_one_of_its_own() -> None:
    def read_from(values: Values) -> Any:
        (one,) = of_kind(rendered(values), "TriggerAuthentication").values()
        return one["spec"]["secretTargetRef"]

    with_keda = over(EXAMPLE, KEDA)
    assert read_from(with_keda) == [{"parameter": "connection", "name": "email", "key": "database-url"}]
    own = nested("scaling.connection", {"secret": "email-reader", "key": "url"})
    assert read_from(over(with_keda, own)) == [
        {"parameter": "connection", "name": "email-reader", "key": "url"}
    ]


def test_a_trigger_names_an_authentication_that_is_there() -> None:
    objects = rendered(over(EXAMPLE, KEDA))
    named = {trigger["authenticationRef"]["name"] for trigger in triggers(objects).values()}
    assert named == of_kind(objects, "TriggerAuthentication").keys()


def test_only_drift_may_be_scaled_to_nothing() -> None:
    least = {
        name: one["spec"]["minReplicaCount"]
        for name, one in of_kind(rendered(SETS["prod"]), "ScaledObject").items()
    }
    assert {name for name, count in least.items() if count == 0} == {"email-drift"}


def test_a_shape_that_names_two_scalers_cannot_be_written() -> None:
    schema = chart().schema
    assert schema is not None
    for role, allowed in (("webRole", ["none", "hpa"]), ("poolRole", ["none", "keda"])):
        scaling = schema["definitions"][role]["properties"]["scaling"]
        assert scaling["properties"]["by"]["enum"] == allowed
        assert scaling["additionalProperties"] is False
    assert "scaling" not in schema["definitions"]["schedulerRole"]["properties"]
