"""A name that is given is a name that is read, and what is given is enough to start."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.roles import SETTINGS
from shared import config
from tests.architecture import deployments
from tests.architecture.pools import ENVIRONMENT
from tests.architecture.sources import ROOT, text

SETTING = re.compile(r"\$\{\?(\w+)\}")
# In templates and values: two words in capitals or more, as no word of Kubernetes' own.
NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")

# What libraries read by themselves.
OF_LIBRARIES = {
    "AWS_ACCESS_KEY_ID": "botocore",
    "AWS_SECRET_ACCESS_KEY": "botocore",
    "PROMETHEUS_MULTIPROC_DIR": "prometheus_client: where the processes of a role put what they count",
}
# What the stand-ins of docker-compose.yml read.
OF_STAND_INS = {
    "EMAIL_INFRASTRUCTURE": "set-up",
    "EMAIL_PARTITION": "set-up",
    "MOTO_ENABLE_RECORDING": "moto",
    "MOTO_RECORDER_FILEPATH": "moto",
    "POSTGRES_PASSWORD_FILE": "the postgres image: the superuser's",
}


def known() -> set[str]:
    """Each setting of the environment, also as a file that holds it, and the override's own name."""
    settings = set(SETTING.findall(text("shared/config/reference.conf")))
    return settings | {f"{name}_FILE" for name in settings} | {"EMAIL_CONFIG_FILE"} | OF_LIBRARIES.keys()


def chart_environment() -> dict[str, str]:
    """What templates/configmap.yaml makes of the values."""
    values = deployments.chart_values()
    given = {name: value for name, value in values["environment"].items() if value}
    files = values["secrets"]["files"]
    return given | {file["variable"]: f"/run/secrets/{key}" for key, file in files.items() if file["enabled"]}


def on_this_machine(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Files of the container become files of `folder` with a content that a setting of their name can have."""
    environment = dict(given)
    for name in given:
        target = name.removesuffix("_FILE")
        if target != name and target in ENVIRONMENT:
            (folder / name).write_text(ENVIRONMENT[target])
            environment[name] = str(folder / name)
    if "EMAIL_CONFIG_FILE" in given:
        (folder / "override.conf").write_text(SETTINGS)
        environment["EMAIL_CONFIG_FILE"] = str(folder / "override.conf")
    return environment


@pytest.mark.parametrize("role", sorted(deployments.compose_roles()))
def test_a_role_of_compose_is_given_only_names_that_are_read(role: str) -> None:
    assert deployments.compose_roles()[role]["environment"].keys() - known() == set()


def test_a_stand_in_of_compose_is_given_only_names_that_it_reads() -> None:
    services = deployments.compose()["services"]
    stand_ins = services.keys() - deployments.compose_roles().keys()
    given = {name for stand_in in stand_ins for name in services[stand_in].get("environment", {})}
    assert given == OF_STAND_INS.keys()


@pytest.mark.parametrize(
    "file", ["values.yaml", "values.schema.json", "ci/example-values.yaml", *deployments.CHART_TEMPLATES]
)
def test_the_chart_names_only_what_is_read(file: str) -> None:
    assert set(NAME.findall(text(f"helm/{file}"))) - known() == set()


def test_the_roles_of_compose_are_given_every_setting_that_they_need(tmp_path: Path) -> None:
    first, *others = [role["environment"] for role in deployments.compose_roles().values()]
    assert others == [first] * len(others)
    settings = config.read(on_this_machine(first, tmp_path))
    assert settings.postmark.base_url == "http://postmark:8025"
    assert settings.scheduler.sweep_seconds == 1  # from the mounted override


def test_the_roles_of_the_chart_are_given_every_setting_that_they_need(tmp_path: Path) -> None:
    settings = config.read(on_this_machine(chart_environment(), tmp_path))
    assert settings.environment == "Alpha002-dev"
    assert settings.postmark.base_url == "https://api.postmarkapp.com"


def test_compose_starts_without_anything_being_said() -> None:
    asked = re.findall(r"(?<!\$)\$\{([^}]*)\}", (ROOT / "docker-compose.yml").read_text())
    assert asked
    assert [name for name in asked if ":-" not in name] == []


def test_metrics_are_shown_on_the_same_port_in_every_container() -> None:
    given = {role["environment"]["EMAIL_METRICS_PORT"] for role in deployments.compose_roles().values()}
    assert given == {str(deployments.chart_values()["metricsPort"])}
    assert "EMAIL_METRICS_PORT: {{ .Values.metricsPort | quote }}" in text("helm/templates/configmap.yaml")
