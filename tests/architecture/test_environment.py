"""A name that is given is a name that is read, and what is given is enough to start."""

import re
from pathlib import Path

import pytest

from sandbox.roles import SETTINGS
from shared import config
from tests.architecture import deployments
from tests.architecture.names import known, on_this_machine
from tests.architecture.sources import ROOT, text

# In templates and values: two words in capitals or more, as no word of Kubernetes' own.
NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")

# What the stand-ins of docker-compose.yml read.
OF_STAND_INS = {
    "EMAIL_INFRASTRUCTURE": "set-up",
    "EMAIL_PARTITION": "set-up",
    "MOTO_ENABLE_RECORDING": "moto",
    "MOTO_RECORDER_FILEPATH": "moto",
    "POSTGRES_PASSWORD_FILE": "the postgres image: the superuser's",
}


@pytest.mark.parametrize("role", sorted(deployments.compose_roles()))
def test_a_role_of_compose_is_given_only_names_that_are_read(role: str) -> None:
    assert deployments.compose_roles()[role]["environment"].keys() - known() == set()


def test_a_stand_in_of_compose_is_given_only_names_that_it_reads() -> None:
    services = deployments.compose()["services"]
    stand_ins = services.keys() - deployments.compose_roles().keys()
    given = {name for stand_in in stand_ins for name in services[stand_in].get("environment", {})}
    assert given == OF_STAND_INS.keys()


@pytest.mark.parametrize(
    "file", [*deployments.CHART_VALUES, "values.schema.json", *deployments.CHART_TEMPLATES]
)
def test_the_chart_names_only_what_is_read(file: str) -> None:
    assert set(NAME.findall(text(f"helm/{file}"))) - known() == set()


def test_the_roles_of_compose_are_given_every_setting_that_they_need(tmp_path: Path) -> None:
    first, *others = [role["environment"] for role in deployments.compose_roles().values()]
    assert others == [first] * len(others)
    settings = config.read(on_this_machine(first, tmp_path, SETTINGS))
    assert settings.postmark.base_url == "http://postmark:8025"
    assert settings.scheduler.sweep_seconds == 1  # from the mounted override


def test_compose_starts_without_anything_being_said() -> None:
    asked = re.findall(r"(?<!\$)\$\{([^}]*)\}", (ROOT / "docker-compose.yml").read_text())
    assert asked
    assert [name for name in asked if ":-" not in name] == []


def test_metrics_are_shown_on_the_same_port_in_every_container() -> None:
    given = {role["environment"]["EMAIL_METRICS_PORT"] for role in deployments.compose_roles().values()}
    assert given == {str(deployments.chart_values()["metricsPort"])}
