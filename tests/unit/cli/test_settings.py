"""Settings as the command line shows them: all of them, and no secret."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import SecretStr

from shared.cli.main import cli
from shared.cli.session import Tools
from shared.config import ROOT, read
from shared.config.group import Group
from tests.unit.cli.world import World


def secrets_of(group: Group) -> Iterator[str]:
    for name in type(group).model_fields:
        value = getattr(group, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, Group):
            yield from secrets_of(value)


def test_check_says_that_they_will_do_and_for_which_deployment(world: World) -> None:
    told = world.run("config", "check")
    assert (told.exit_code, told.stdout) == (0, "They will do, for Alpha002-dev.\n")
    assert world.run_json("config", "check") == []


def test_check_tells_all_that_is_wrong_at_once() -> None:
    tools = Tools(read=lambda: read({"EMAIL_PARTITION": "test"}))
    told = CliRunner().invoke(cli, ["config", "check"], obj=tools)
    assert told.exit_code == 3
    for fault in ("extras.partition", "extras.database.url", "extras.apiKeys.current"):
        assert fault in told.stdout
    faults = json.loads(CliRunner().invoke(cli, ["config", "check", "-o", "json"], obj=tools).stdout)
    assert len(faults) == len(told.stdout.splitlines()) - 1


@pytest.mark.parametrize("given", [(), ("-o", "json"), ("-o", "yaml")])
def test_no_secret_is_shown_in_any_form(world: World, given: tuple[str, ...]) -> None:
    told = world.run("config", "show", *given)
    assert told.exit_code == 0
    secrets = list(secrets_of(world.settings))
    assert len(secrets) >= 5
    assert [secret for secret in secrets if secret in told.output] == []
    assert "***" in told.stdout


def test_show_has_every_setting_by_the_name_it_has_in_the_file(world: World) -> None:
    shown = yaml.safe_load(world.run("config", "show", "-o", "yaml").stdout)
    for part in ROOT.split("."):
        shown = shown[part]
    assert shown["extras"]["aws"]["route53CallsPerSecond"] == 5
    assert shown["extras"]["apiKeys"] == {"current": "***", "previous": "***"}
    assert shown["extras"]["sentry"]["dsn"] is None
    assert shown["routes"]["postmarkEvents"] == {"enabled": True}
    assert leaves(shown) == leaves_of(world.settings)


def leaves(shown: Mapping[str, Any]) -> int:
    return sum(leaves(value) if isinstance(value, Mapping) else 1 for value in shown.values())


def leaves_of(group: Group) -> int:
    values = (getattr(group, name) for name in type(group).model_fields)
    return sum(leaves_of(value) if isinstance(value, Group) else 1 for value in values)


def test_show_tells_people_one_setting_a_line_spelled_as_in_the_file(world: World) -> None:
    lines = [line.split() for line in world.run("config", "show").stdout.splitlines()]
    assert ["extras.drift.dns.enabled", "false"] in lines
    assert ["extras.drift.otherZones", "[]"] in lines
    assert ["extras.mailZone.name", "dev.ardamails.com"] in lines
