"""What the chart makes of values: rendered by Helm's own engine, read as Kubernetes reads YAML."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import helm_python as helm
import yaml

from tests.architecture.sources import ROOT

Values = dict[str, Any]
Object = dict[str, Any]

CHART = ROOT / "helm"
RELEASE, NAMESPACE = "email", "mail"


class _Loader(yaml.CSafeLoader):
    """YAML 1.1, as Kubernetes has it (0440 is a mode). A key that stands twice is an error."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise ValueError(f"stands twice: {twice}, {node.start_mark}")
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@cache
def chart() -> helm.Chart:
    return helm.Chart.load(CHART)


def texts(values: Values) -> dict[str, str]:
    """By the template's file name. Raises `helm.HelmError` where Helm refuses."""
    found = chart().render(values, name=RELEASE, namespace=NAMESPACE)
    return {path.rpartition("/")[2]: text for path, text in found.items()}


def rendered(values: Values) -> list[Object]:
    return json.loads(_rendered(json.dumps(values, sort_keys=True)))  # type: ignore[no-any-return]


@cache
def _rendered(values: str) -> str:
    manifests = (text for name, text in texts(json.loads(values)).items() if name.endswith(".yaml"))
    documents = (one for text in manifests for one in yaml.load_all(text, Loader=_Loader))
    return json.dumps([one for one in documents if one is not None])


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    """By name."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def of_roles(objects: list[Object], kind: str) -> dict[str, Object]:
    """By role, of a kind that there is one of for each role."""
    found = (one for one in objects if one["kind"] == kind)
    return {one["metadata"]["labels"]["app.kubernetes.io/component"]: one for one in found}


def pod_templates(objects: list[Object]) -> dict[str, Object]:
    """Of each role, and of the migration as `migrate`."""
    found = [*of_roles(objects, "Deployment").items(), *of_roles(objects, "Job").items()]
    return {role: one["spec"]["template"] for role, one in found}


def container(template: Object) -> Object:
    (only,) = template["spec"]["containers"]
    return dict(only)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every scalar, and where it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value
