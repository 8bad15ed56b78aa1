"""Sets of values that somebody could deploy, as Helm lays them over one another."""

from typing import Any

import pytest

from tests.architecture.helm.rendering import Values
from tests.architecture.sources import merged, yaml

PARTITIONS = ("dev", "stage", "demo", "prod")


def over(*layers: Values) -> Values:
    values: Values = {}
    for layer in layers:
        values = merged(values, layer)
    return values


def nested(path: str, value: object) -> Values:
    """`a.b` as {"a": {"b": value}}; a dot of a key is written as two."""
    for name in reversed(path.replace("..", "\0").split(".")):
        value = {name.replace("\0", "."): value}
    return dict(value) if isinstance(value, dict) else {}


EXAMPLE: Values = yaml("helm/ci/example-values.yaml")
PLAIN: Values = yaml("helm/ci/plain-values.yaml")
EXISTING = over(
    EXAMPLE,
    nested("secrets.existing", "of-somebody-else"),
    nested("secrets.store.name", ""),
    nested("migration.secret", {"existing": "of-the-owner", "remote": ""}),
)


def partition(name: str) -> Values:
    """values-<name>.yaml, and over it what the site says and `emailctl exports` prints."""
    return over(yaml(f"helm/values-{name}.yaml"), EXAMPLE, nested("environment.EMAIL_PARTITION", name))


def _everything() -> Values:
    """With all that can be switched on."""
    files: dict[str, Any] = yaml("helm/values.yaml")["secrets"]["files"]
    doors = {door: {"enabled": True} for door in ("api", "webhook", "console")}
    monitoring: dict[str, dict[str, object]] = {
        part: {"enabled": True} for part in ("scrape", "alerts", "dashboard")
    }
    monitoring["alerts"]["runbooksUrl"] = "https://docs.example.com/runbooks"
    return over(
        partition("prod"),
        {"secrets": {"files": {key: {"enabled": True} for key in files}}},
        nested("secrets.files.api-key-previous.remote", "alpha002/prod/arda-api-key-previous"),
        {"ingress": {**doors, "className": "traefik", "annotations": {"example.com/of-all": "1"}}},
        nested("ingress.console.annotations", {"example.com/of-all": "2"}),
        {"monitoring": monitoring, "priorityClassName": "mail", "nodeSelector": {"pool": "mail"}},
        {"tolerations": [{"key": "mail", "operator": "Exists"}], "podAnnotations": {"example.com/a": "b"}},
        nested("image.pullSecrets", [{"name": "registry"}]),
        nested("networkPolicy.extraEgress", [{"ports": [{"port": 4317}]}]),
    )


SETS: dict[str, Values] = {
    "example": EXAMPLE,
    "plain": PLAIN,
    "existing": EXISTING,
    **{name: partition(name) for name in PARTITIONS},
    "everything": _everything(),
}
OF_SETS = pytest.mark.parametrize("values", SETS.values(), ids=SETS.keys())
