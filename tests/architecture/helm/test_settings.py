"""What a partition says reaches the processes, and nothing secret is said where it can be read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import helm_python as helm
import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, SecretStr

from shared import config
from shared.bootstrap import build
from shared.config.settings import API_BASE, Routes, Settings
from tests.architecture.helm.partitions import EXAMPLE, OF_SETS, PLAIN, SETS, nested, over
from tests.architecture.helm.rendering import (
    Object,
    Values,
    container,
    leaves,
    of_kind,
    of_roles,
    pod_templates,
    rendered,
    texts,
)
from tests.architecture.names import known, on_this_machine
from tests.architecture.sources import yaml
from web.app import create_app

SECRETS = "/run/secrets/email/"


def environment(objects: list[Object], template: Object) -> dict[str, str]:
    """What the container's process finds, of its own before what it takes from ConfigMaps."""
    pod = container(template)
    maps = of_kind(objects, "ConfigMap")
    taken = [maps[source["configMapRef"]["name"]]["data"] for source in pod.get("envFrom", [])]
    own = {entry["name"]: entry["value"] for entry in pod.get("env", [])}
    return {name: value for one in taken for name, value in one.items()} | own


def override(objects: list[Object]) -> str:
    return str(of_kind(objects, "ConfigMap")["email-settings"]["data"]["override.conf"])


def settings(values: Values, role: str, folder: Path) -> Settings:
    """As a process of the role reads them."""
    objects = rendered(values)
    given = environment(objects, pod_templates(objects)[role])
    return config.read(on_this_machine(given, folder, override(objects)))


@OF_SETS
def test_a_role_is_given_only_names_that_are_read(values: Values) -> None:
    objects = rendered(values)
    given = {role: environment(objects, template).keys() for role, template in pod_templates(objects).items()}
    assert {role: names - known() for role, names in given.items() if names - known()} == {}


@OF_SETS
def test_every_role_of_every_partition_is_given_all_that_it_needs(values: Values, tmp_path: Path) -> None:
    partition = values["environment"]["EMAIL_PARTITION"]
    for role in of_roles(rendered(values), "Deployment"):
        read = settings(values, role, tmp_path)
        assert read.partition == partition
        assert read.mail_zone.name == values["environment"]["EMAIL_MAIL_ZONE_NAME"]
        assert read.metrics.port == 9191
        assert read.sentry.release == "0.1.0"


def test_the_migration_is_given_its_url_and_nothing_else() -> None:
    objects = rendered(EXAMPLE)
    given = environment(objects, pod_templates(objects)["migrate"])
    assert given == {"EMAIL_DATABASE_URL_FILE": f"{SECRETS}database-url"}


def test_what_a_partition_sets_reaches_the_process(tmp_path: Path) -> None:
    assert settings(EXAMPLE, "send", tmp_path).send.batch_size == 100
    large = over(
        EXAMPLE, nested("settings.send.batchBytes", 45_000_000), nested("settings.drift.otherZones", ["a.b"])
    )
    read = settings(large, "send", tmp_path)
    assert (read.send.batch_size, read.send.batch_bytes) == (100, 45_000_000)
    assert read.drift.other_zones == ("a.b",)


def test_what_the_file_of_a_partition_sets_stays_beside_what_the_site_sets(tmp_path: Path) -> None:
    read = settings(SETS["prod"], "drift", tmp_path)
    assert read.send.batch_size == 100
    assert len(read.drift.every_seconds) == 3


def test_a_setting_that_there_is_not_ends_the_process_at_its_start(tmp_path: Path) -> None:
    with pytest.raises(config.InvalidSettings, match=r"extras\.send\.batchsize"):
        settings(over(EXAMPLE, nested("settings.send.batchsize", 1)), "send", tmp_path)


def secret_settings(group: type[BaseModel], path: str = "") -> Iterator[str]:
    """Where a setting stands that is secret, or a URL with a password."""
    for field in group.model_fields.values():
        name = f"{path}.{field.alias}" if path else str(field.alias)
        kinds = {field.annotation, *get_args(field.annotation)}
        if SecretStr in kinds:
            yield name
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from secret_settings(kind, name)


@pytest.mark.parametrize("path", sorted(secret_settings(Settings)))
def test_a_setting_that_is_secret_cannot_be_written_into_a_configmap(path: str) -> None:
    with pytest.raises(helm.HelmValuesError, match="invalid propertyName"):
        rendered(over(EXAMPLE, nested(f"settings.{path}", "made-up")))


def test_no_secret_stands_anywhere_but_in_a_secret() -> None:
    objects = rendered(PLAIN)
    secrets = PLAIN["secrets"]["plain"].values()
    kept = {one["kind"] for one in objects for _, value in leaves(one) if value in secrets}
    assert kept == {"Secret"}
    others = json.dumps([one for one in objects if one["kind"] != "Secret"]) + texts(PLAIN)["NOTES.txt"]
    assert [key for key, secret in PLAIN["secrets"]["plain"].items() if secret in others] == []


@OF_SETS
def test_a_file_that_a_process_is_pointed_to_is_a_key_of_the_mounted_secret(values: Values) -> None:
    objects = rendered(values)
    for template in pod_templates(objects).values():
        volumes = {one["name"]: one for one in template["spec"]["volumes"]}
        name = volumes["secrets"]["secret"]["secretName"]
        files = {
            path.removeprefix(SECRETS) for path in environment(objects, template).values() if SECRETS in path
        }
        assert files
        assert files <= keys_of(objects, name)


def keys_of(objects: list[Object], secret: str) -> set[str]:
    """Of a Secret that the chart makes, or has made; of somebody else's it is what the chart says that it has."""
    if made := of_kind(objects, "Secret").get(secret):
        return set(made["stringData"])
    if wanted := of_kind(objects, "ExternalSecret").get(secret):
        return {one["secretKey"] for one in wanted["spec"]["data"]}
    assert secret in ("of-somebody-else", "of-the-owner")
    return set(yaml("helm/values.yaml")["secrets"]["files"])


@OF_SETS
def test_an_external_secret_makes_the_secret_of_its_name(values: Values) -> None:
    for name, one in of_kind(rendered(values), "ExternalSecret").items():
        assert one["spec"]["target"]["name"] == name


def client(values: Values, folder: Path) -> FlaskClient:
    return create_app(build(settings(values, "web", folder), "architecture")).test_client()


CALLS = {
    "configuration": ("POST", f"{API_BASE}/configuration"),
    "job": ("POST", f"{API_BASE}/job"),
    "postmarkEvents": ("POST", f"{API_BASE}/job/postmark-events"),
}


def test_routes_that_are_on_ask_for_a_key(tmp_path: Path) -> None:
    ask = client(EXAMPLE, tmp_path)
    answers = {group: ask.open(path, method=method).status_code for group, (method, path) in CALLS.items()}
    assert answers == dict.fromkeys(CALLS, 401)


@pytest.mark.parametrize("group", CALLS)
def test_a_route_that_is_off_answers_404_and_the_others_do_not(group: str, tmp_path: Path) -> None:
    ask = client(over(EXAMPLE, nested(f"routes.{group}.enabled", False)), tmp_path)
    answers = {one: ask.open(path, method=method).status_code for one, (method, path) in CALLS.items()}
    assert answers == dict.fromkeys(CALLS, 401) | {group: 404}


def test_the_switches_of_routes_are_those_of_the_settings() -> None:
    switches = yaml("helm/values.yaml")["routes"]
    assert switches.keys() == {field.alias for field in Routes.model_fields.values()} == CALLS.keys()
