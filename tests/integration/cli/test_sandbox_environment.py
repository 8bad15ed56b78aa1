"""What `make up` leaves for a shell is all that emailctl wants."""

import stat
import subprocess
from pathlib import Path

import pytest

from sandbox.exports import DeployTime
from sandbox.stack.world import Credentials, Postmark, World, emailctl_file
from shared import config

DEPLOY_TIME = DeployTime(
    environment={
        "EMAIL_INFRASTRUCTURE": "Sandbox001",
        "EMAIL_PARTITION": "dev",
        "EMAIL_MAIL_ZONE_ID": "Z1",
        "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
    },
    secret_names={"postmark-account-token": "an-arn", "key-material.json": "another-arn"},
    files={"postmark-account-token": "the-account-token", "key-material.json": "{}"},
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """In a folder whose name a shell would take apart."""
    folder = tmp_path / "it's a $folder"
    folder.mkdir()
    world = World(
        folder,
        "stack",
        Credentials.random(),
        "postgresql://email:p&'w$d@127.0.0.1:1/email",
        "redis://:p w@127.0.0.1:1/0",
        "http://127.0.0.1:1",
        DEPLOY_TIME,
        Postmark("http://127.0.0.1:2", "http://127.0.0.1:3"),
        web_port=4,
        metrics_ports={},
    )
    world.write_files("modules.v1.shop-access.email.extras.log.level = DEBUG")
    return world


def sourced(path: Path) -> dict[str, str]:
    """As a shell without anything of its own understands it."""
    told = subprocess.run(
        ["/bin/sh", "-c", 'set -a; . "$1"; env -0', "sh", str(path)],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(pair.split("=", 1) for pair in told.stdout.split("\0") if pair)


def test_a_shell_reads_all_settings_and_where_the_api_is(world: World) -> None:
    world.write_emailctl({"tenant_id": "a-tenant", "configuration_eid": "a-configuration"})
    given = sourced(emailctl_file(world.folder))
    settings = config.read(given)
    assert settings.database.url.get_secret_value() == world.database_url
    assert settings.broker.url.get_secret_value() == world.redis_url
    assert settings.log.level == "DEBUG"
    assert settings.mail_zone.id == DEPLOY_TIME.zone_id
    assert settings.postmark.account_token.get_secret_value() == DEPLOY_TIME.account_token
    assert (given["EMAIL_API_URL"], given["EMAIL_TENANT"]) == (world.web_url, "a-tenant")
    assert given["ARDA_API_KEY"] == world.credentials.api_key


def test_only_its_owner_may_read_it(world: World) -> None:
    world.write_emailctl({})
    assert stat.S_IMODE(emailctl_file(world.folder).stat().st_mode) == 0o600


def test_no_role_s_own_files_are_written_to_by_it(world: World) -> None:
    assert "PROMETHEUS_MULTIPROC_DIR" not in world.emailctl_environment({})


def test_roles_are_told_the_same_settings(world: World) -> None:
    shell, role = world.emailctl_environment({}), world.role_environment("web")
    own = {"EMAIL_API_URL", "EMAIL_AUTHOR"}
    assert {name: role.get(name) for name in shell.keys() - own} == {
        name: value for name, value in shell.items() if name not in own
    }
