"""The image and docker-compose.yml: valid, closed, and holding what the roles need."""

import fnmatch
import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sandbox import containers
from shared import config
from tests.architecture import deployments, dockerfile
from tests.architecture.pools import ENVIRONMENT
from tests.architecture.sources import PRODUCT, ROOT, json_document, text, yaml

UID = 10001
SERVICES: dict[str, Any] = deployments.compose()["services"]
ONE_SHOTS = {"migrate", "set-up"}
# What a `docker build` makes.
IMAGES = pytest.mark.parametrize("image", [dockerfile.PRODUCT, dockerfile.SANDBOX])
# Where each service listens for the others. Both servers listen where their kind always does.
LISTENS = {
    "web": {"8080", "9191"},
    "postgres": {"5432"},
    "valkey": {"6379"},
    "aws": {"5000"},
    "postmark": {"8025", "8026"},
}


def copied() -> set[str]:
    """What is taken from the checkout."""
    return {path for stage in dockerfile.stages() for path in dockerfile.from_checkout(stage)}


def code_of(image: str) -> set[str]:
    return set(dockerfile.from_checkout(dockerfile.source_of("/app", image)))


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
    images |= set(dockerfile.defaults().values())
    images.add(yaml("helm/values.yaml")["image"]["repository"])
    assert {image for image in images if names_a_host(image)} == set()


def test_every_base_is_the_one_that_a_release_pins() -> None:
    bases = {stage.base for stage in dockerfile.stages().values()} - dockerfile.stages().keys()
    assert bases == {"${PYTHON}"}
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", dockerfile.defaults()["PYTHON"])


def test_the_image_holds_every_room_of_the_product_and_nothing_else() -> None:
    assert code_of(dockerfile.PRODUCT) == set(PRODUCT)
    assert code_of(dockerfile.SANDBOX) == {*PRODUCT, "sandbox"}
    assert dockerfile.requirements(dockerfile.PRODUCT) == ["requirements/base.txt"]


@IMAGES
def test_no_image_has_an_installer(image: str) -> None:
    """Neither where its packages are nor in its base, of which it is not the stage that installed them."""
    assert dockerfile.stages()[image].base == "interpreter"
    assert "pip uninstall" in " ".join(dockerfile.arguments("RUN", image))
    assert "--without-pip" in " ".join(dockerfile.arguments("RUN", dockerfile.source_of("/opt/venv", image)))


@IMAGES
def test_a_new_commit_changes_the_last_layers_alone(image: str) -> None:
    folders = [rest.split()[-1] for rest in dockerfile.arguments("COPY", image)]
    assert folders == ["/opt/venv", "/app"]


def test_the_builder_is_sent_what_the_image_copies() -> None:
    lines = text(".dockerignore").splitlines()
    let_through = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    assert [p for p in copied() if not any(fnmatch.fnmatch(p, pattern) for pattern in let_through)] == []


def test_the_image_installs_only_what_has_a_known_hash_and_needs_no_compiler() -> None:
    runs = [rest for stage in dockerfile.stages() for rest in dockerfile.arguments("RUN", stage)]
    installs = {rest for rest in runs if re.search(r"\bpip\b.*\binstall\b", rest)}
    assert len(installs) == 2
    assert [rest for rest in installs if "--require-hashes --only-binary :all:" not in rest] == []


@IMAGES
def test_an_image_ends_as_the_account_that_the_chart_expects(image: str) -> None:
    assert dockerfile.arguments("USER", image) == [f"{UID}:{UID}"]
    security = re.findall(r"(?:runAsUser|runAsGroup|fsGroup): (\d+)", text("helm/templates/_helpers.tpl"))
    assert security == [str(UID)] * 3


def test_the_image_runs_commands_as_modules_and_by_itself_the_ingress() -> None:
    assert dockerfile.entrypoint(dockerfile.PRODUCT) == ["python", "-m"]
    assert json.loads(dockerfile.arguments("CMD", dockerfile.PRODUCT)[-1]) == SERVICES["web"]["command"]


def test_the_image_says_where_it_listens() -> None:
    metrics = SERVICES["web"]["environment"]["EMAIL_METRICS_PORT"]
    assert dockerfile.arguments("EXPOSE", dockerfile.PRODUCT) == [f"8080 {metrics}"]


def test_an_address_in_the_compose_file_is_one_where_a_service_listens() -> None:
    names = "|".join(SERVICES)
    named = re.findall(rf"\b({names}):(\d{{4}})\b", json.dumps(SERVICES))
    assert {service for service, _ in named} == LISTENS.keys()
    assert {(service, port) for service, port in named if port not in LISTENS[service]} == set()


@pytest.mark.parametrize("name", ["web", "aws", "postmark"])
def test_a_service_listens_where_it_is_looked_for(name: str) -> None:
    command = SERVICES[name]["command"]
    served = {port for option, port in pairwise(command) if option in {"--port", "--control-port", "-p"}}
    asked = set(re.findall(r"127\.0\.0\.1:(\d+)", " ".join(SERVICES[name]["healthcheck"]["test"])))
    published = {port.rpartition(":")[2] for port in SERVICES[name].get("ports", [])}
    assert served <= LISTENS[name]
    assert asked | published <= served


def test_the_database_has_a_connection_for_every_one_that_the_roles_may_open() -> None:
    database = config.read(ENVIRONMENT).database
    workers = {name: int(option(role["command"], "--workers", "1")) for name, role in long_running().items()}
    wanted = sum(workers.values()) * (database.pool_size + database.pool_overflow)
    allowed = re.findall(r"max_connections=(\d+)", " ".join(SERVICES["postgres"]["command"]))
    # Three are the superuser's.
    assert wanted <= int(allowed[0]) - 3


def long_running() -> dict[str, Any]:
    return {name: role for name, role in deployments.compose_roles().items() if name not in ONE_SHOTS}


def option(command: list[str], name: str, default: str) -> str:
    return command[command.index(name) + 1] if name in command else default


def test_a_file_that_compose_makes_is_readable_by_the_account_of_its_service() -> None:
    """Compose reads the number in octal, as YAML 1.1 does."""
    made = [
        line for line in text("docker-compose.yml").splitlines() if line.lstrip().startswith("configs: [")
    ]
    assert made
    assert [line for line in made if line.count("mode: 0444") != line.count("source:")] == []


def test_set_up_and_the_roles_speak_of_one_partition() -> None:
    told = SERVICES["set-up"]["environment"]
    assert told.keys() == {"EMAIL_INFRASTRUCTURE", "EMAIL_PARTITION"}
    assert told.items() <= SERVICES["web"]["environment"].items()


def test_set_up_names_the_others_by_where_they_are() -> None:
    module, *given = SERVICES["set-up"]["command"]
    assert module == "sandbox.containers"
    told = containers.parse(given)
    mounted = {volume.split(":")[1] for volume in SERVICES["set-up"]["volumes"]}
    assert {str(told.world), str(told.aws_state)} == mounted
    assert f"valkey:{told.valkey_data}" in SERVICES["valkey"]["volumes"]
    assert [str(told.postgres), str(told.valkey), str(told.aws)] == [
        "postgres:5432",
        "valkey:6379",
        "aws:5000",
    ]


def test_the_document_names_every_service_and_where_it_listens() -> None:
    rows = [line for line in text("docs/compose.md").splitlines() if line.startswith("| `")]
    named = {name: row for row in rows for name in re.findall(r"`([\w-]+)`", row.split("|")[1])}
    assert SERVICES.keys() - named.keys() == set()
    published = {port for name in LISTENS for port in LISTENS[name] - {"9191"} if port not in named[name]}
    assert published == set()
