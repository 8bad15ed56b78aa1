"""What the partition's stack exports, as Helm values."""

from typing import Any

import pytest
import yaml

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from tests.unit.cli.world import World

ARGS = ("exports", "--infrastructure", "Alpha002", "--partition", "dev", "--region", "us-east-1")
PREFIX = "Alpha002-dev-API-"
TOKEN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:postmark-account-token-AbCdEf"
KEY = "arn:aws:secretsmanager:us-east-1:000000000000:secret:email/encryption-key-AbCdEf"


@pytest.fixture
def world(world: World) -> World:
    world.exports = {
        f"{PREFIX}PartitionMailZoneId": "Z0123456789ABCDEFGHIJ",
        f"{PREFIX}PartitionMailZoneName": "dev.ardamails.com",
        f"{PREFIX}EmailPostmarkAccountTokenArn": TOKEN,
        f"{PREFIX}EmailEncryptionKeyArn": KEY,
        "Alpha002-prod-API-PartitionMailZoneId": "Z9",
    }
    return world


def change(world: World, name: str, value: str | None) -> None:
    exports: dict[str, Any] = {**world.exports, PREFIX + name: value}  # type: ignore[dict-item]
    world.exports = {name: value for name, value in exports.items() if value is not None}


def test_values_are_told_as_the_chart_names_them(world: World) -> None:
    told = world.run(*ARGS)
    assert told.exit_code == 0, told.output
    assert yaml.safe_load(told.stdout) == {
        "environment": {
            "EMAIL_INFRASTRUCTURE": "Alpha002",
            "EMAIL_PARTITION": "dev",
            "EMAIL_MAIL_ZONE_ID": "Z0123456789ABCDEFGHIJ",
            "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
        },
        "secrets": {
            "files": {"postmark-account-token": {"remote": TOKEN}, "key-material.json": {"remote": KEY}}
        },
    }
    assert world.run_json(*ARGS) == yaml.safe_load(told.stdout)


def test_every_missing_export_is_named_and_nothing_is_printed(world: World) -> None:
    change(world, "PartitionMailZoneId", None)
    change(world, "EmailEncryptionKeyArn", "")
    told = world.run(*ARGS)
    assert (told.exit_code, told.stdout) == (3, "")
    assert f"{PREFIX}PartitionMailZoneId" in told.stderr
    assert f"{PREFIX}EmailEncryptionKeyArn" in told.stderr
    assert "PartitionMailZoneName" not in told.stderr


def test_what_is_missing_and_what_cannot_be_are_named_together(world: World) -> None:
    change(world, "PartitionMailZoneId", None)
    change(world, "EmailEncryptionKeyArn", "the-key-itself")
    told = world.run(*ARGS)
    assert (told.exit_code, told.stdout) == (3, "")
    assert f"{PREFIX}PartitionMailZoneId is missing" in told.stderr
    assert f"{PREFIX}EmailEncryptionKeyArn is not the ARN of a secret" in told.stderr
    assert "the-key-itself" not in told.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PartitionMailZoneId", "dev.ardamails.com"),
        ("PartitionMailZoneId", "/hostedzone/Z1"),
        ("PartitionMailZoneName", "Z0123456789ABCDEFGHIJ"),
        ("PartitionMailZoneName", "-dev.ardamails.com"),
        ("PartitionMailZoneName", f"{'x' * 64}.com"),
        ("EmailPostmarkAccountTokenArn", "the-token-itself"),
        ("EmailEncryptionKeyArn", "arn:aws:kms:us-east-1:000000000000:key/1"),
        ("EmailEncryptionKeyArn", f"{KEY}\n"),
    ],
)
def test_what_cannot_be_is_named_and_its_value_is_not_shown(world: World, name: str, value: str) -> None:
    change(world, name, value)
    told = world.run(*ARGS)
    assert (told.exit_code, told.stdout) == (3, "")
    assert f"{PREFIX}{name} is not" in told.stderr
    assert "the-token-itself" not in told.stderr


def test_a_zone_name_may_end_with_a_dot(world: World) -> None:
    change(world, "PartitionMailZoneName", "dev.ardamails.com.")
    assert world.run(*ARGS).exit_code == 0


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ProviderRefused("AccessDenied", "no"), 3, "cloudformation:ListExports"),
        (ProviderUnavailable("NoCredentialsError", "no"), 3, "no credentials"),
        (ProviderUnavailable("EndpointConnectionError", "no"), 4, "did not answer"),
    ],
)
def test_a_listing_that_fails_says_what_to_mend(world: World, error: Exception, code: int, said: str) -> None:
    world.exports = error
    told = world.run(*ARGS)
    assert (told.exit_code, said in told.stderr) == (code, True)


def test_it_is_told_what_it_needs_by_the_environment_too(world: World) -> None:
    told = world.run(
        "exports", EMAIL_INFRASTRUCTURE="Alpha002", EMAIL_PARTITION="dev", AWS_REGION="us-east-1"
    )
    assert told.exit_code == 0
    assert world.run("exports", "--partition", "dev", "--region", "x").exit_code == 2
    assert world.run(*ARGS[:3], "--partition", "test", "--region", "x").exit_code == 2
