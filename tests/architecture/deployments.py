"""What runs where: the same roles in the sandbox, in docker-compose.yml and in the chart, in one shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sandbox.roles
from tests.architecture.helm.rendering import container, pod_templates, rendered
from tests.architecture.sources import ROOT, merged, yaml

IMAGE = "shop-access-email"
MIGRATE = "migrate"
CHART_TEMPLATES = sorted(f"templates/{path.name}" for path in (ROOT / "helm" / "templates").iterdir())
CHART_VALUES = sorted(str(path.relative_to(ROOT / "helm")) for path in (ROOT / "helm").rglob("*values*.yaml"))


@dataclass(frozen=True)
class Deployment:
    """Commands are what stands behind `python -m`."""

    name: str
    commands: Mapping[str, tuple[str, ...]]
    migration: tuple[str, ...]

    def __str__(self) -> str:
        return self.name


@cache
def compose() -> dict[str, Any]:
    return dict(yaml("docker-compose.yml"))


def compose_roles() -> dict[str, Any]:
    """The services that run the product, the migration among them."""
    services = compose()["services"]
    return {name: service for name, service in services.items() if service["image"] == IMAGE}


def chart_values() -> dict[str, Any]:
    """The defaults, and over them the example of what a partition has to say."""
    return dict(merged(yaml("helm/values.yaml"), yaml("helm/ci/example-values.yaml")))


def _of_sandbox() -> Deployment:
    plan = sandbox.roles.PRODUCT
    assert plan.migrate is not None
    return Deployment("sandbox", {role.name: role.command for role in plan.roles}, plan.migrate)


def _of_compose() -> Deployment:
    commands = {name: tuple(service["command"]) for name, service in compose_roles().items()}
    migration = commands.pop(MIGRATE)
    return Deployment("compose", commands, migration)


def _of_chart() -> Deployment:
    pods = pod_templates(rendered(yaml("helm/ci/example-values.yaml")))
    commands = {name: tuple(container(pod)["args"]) for name, pod in pods.items()}
    migration = commands.pop(MIGRATE)
    return Deployment("chart", commands, migration)


ALL = (_of_sandbox(), _of_compose(), _of_chart())


def without_address(command: tuple[str, ...]) -> tuple[str, ...]:
    """Where a role listens differs between a machine and a container, and nothing else does."""
    address = {index + 1 for index, part in enumerate(command) if part in ("--host", "--port")}
    return tuple("*" if index in address else part for index, part in enumerate(command))
