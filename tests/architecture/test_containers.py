"""The image and docker-compose.yml: valid, closed, and holding what the roles need."""

import ast
import fnmatch
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.architecture import deployments
from tests.architecture.sources import PRODUCT, ROOT, json_document, text, yaml

UID = 10001
SERVICES: dict[str, Any] = deployments.compose()["services"]
ONE_SHOTS = {"migrate", "set-up"}
# Of the Dockerfile, with continued lines joined.
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in re.sub(r"\\\n\s*", "", text("Dockerfile")).splitlines()
    if line and not line.startswith("#")
]


def arguments(instruction: str) -> list[str]:
    return [rest for word, rest in INSTRUCTIONS if word == instruction]


def copied() -> set[str]:
    """What is taken from the checkout."""
    return {rest.split()[0] for rest in arguments("COPY") if not rest.startswith("--from")}


def names_a_host(image: str) -> bool:
    first, slash, _ = image.partition("/")
    return bool(slash) and bool(re.search(r"[.:]|^localhost$", first))


def validate(*arguments: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", *arguments]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_compose_file_follows_the_compose_specification() -> None:
    validate("--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


def test_the_compose_file_has_no_obsolete_version() -> None:
    assert "version" not in deployments.compose()


def test_the_example_of_the_chart_follows_its_schema(tmp_path: Path) -> None:
    (tmp_path / "values.json").write_text(json.dumps(deployments.chart_values()))
    validate("--schemafile", "helm/values.schema.json", str(tmp_path / "values.json"))


def test_the_chart_refuses_a_partition_that_says_nothing_of_itself(tmp_path: Path) -> None:
    needed = json_document("helm/values.schema.json")["properties"]["environment"]["required"]
    values = deployments.chart_values()
    values["environment"] = {**values["environment"], **dict.fromkeys(needed, "")}
    (tmp_path / "values.json").write_text(json.dumps(values))
    with pytest.raises(AssertionError) as refused:
        validate("--schemafile", "helm/values.schema.json", str(tmp_path / "values.json"))
    assert [name for name in needed if f"$.environment.{name}" not in str(refused.value)] == []


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOTS))
def test_a_service_that_stays_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", sorted(name for name in SERVICES if "build" in SERVICES[name]))
def test_a_container_of_ours_can_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_a_port_is_published_to_this_machine_alone() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_no_image_names_a_host() -> None:
    images = {service["image"] for service in SERVICES.values()}
    images |= {rest.split()[0] for rest in arguments("FROM")}
    images.add(yaml("helm/values.yaml")["image"]["repository"])
    assert {image for image in images if names_a_host(image)} == set()


def test_the_image_holds_every_room_of_the_product() -> None:
    assert set(PRODUCT) - copied() == set()


def test_the_image_holds_no_tests() -> None:
    assert {path.split("/")[0] for path in copied()} - {*PRODUCT, "sandbox", "requirements"} == set()


def test_the_builder_is_sent_what_the_image_copies() -> None:
    lines = text(".dockerignore").splitlines()
    let_through = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    assert [p for p in copied() if not any(fnmatch.fnmatch(p, pattern) for pattern in let_through)] == []


def test_the_image_installs_only_what_has_a_known_hash() -> None:
    installs = [rest for rest in arguments("RUN") if re.search(r"\bpip\b.*\binstall\b", rest)]
    assert len(installs) == 2
    assert [rest for rest in installs if "--require-hashes" not in rest] == []


def test_both_images_end_as_the_account_that_the_chart_expects() -> None:
    assert arguments("USER") == [f"{UID}:{UID}"] * 2
    security = re.findall(r"(?:runAsUser|runAsGroup|fsGroup): (\d+)", text("helm/templates/_helpers.tpl"))
    assert security == [str(UID)] * 3


def test_the_image_runs_commands_as_modules_and_by_itself_the_ingress() -> None:
    assert json.loads(arguments("ENTRYPOINT")[0]) == ["python", "-m"]
    assert json.loads(arguments("CMD")[0]) == SERVICES["web"]["command"]


def test_the_set_up_of_compose_imports_what_is_there() -> None:
    source = SERVICES["set-up"]["command"][0]
    wanted = [
        (node.module, alias.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    ]
    assert wanted
    assert [name for module, name in wanted if not hasattr(importlib.import_module(module), name)] == []


def test_the_set_up_of_compose_writes_every_file_that_a_service_is_pointed_to() -> None:
    written = set(re.findall(r'(?:kept\(|world / )"([\w.-]+)"', SERVICES["set-up"]["command"][0]))
    pointed = set(re.findall(r"/run/world/([\w.-]+)", json.dumps(deployments.compose())))
    assert pointed - written == set()
