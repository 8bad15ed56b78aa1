"""The servers of a stack, started on ports that they keep for life, as units for its supervisor."""

import json
from dataclasses import replace
from pathlib import Path

from sandbox import aws, postgres, valkey
from sandbox.aws import Cloud, Partition, Secrets
from sandbox.files import private_folder
from sandbox.ports import listens
from sandbox.postgres_cluster import Cluster
from sandbox.process import Child, Program
from sandbox.stack.supervisor import Supervisor, Unit
from sandbox.stack.world import PROJECT, Credentials, Postmark, python, python_environment
from sandbox.valkey import Keeper

START_SECONDS = 30.0


def start_postgres(supervisor: Supervisor, state: Path) -> str:
    """The database's URL."""
    if (given := postgres.given()) is not None:
        return given.url
    cluster, child = Cluster.prepare(state, durable=True).start()
    supervisor.adopt(Unit(cluster.program(), cluster.wait_ready, serves_others=True), child)
    return postgres.set_up(cluster, child.pid).url


def start_valkey(supervisor: Supervisor, state: Path) -> str:
    """The server's URL."""
    if (given := valkey.given()) is not None:
        return given.url
    keeper, child = Keeper.prepare(state).start()
    supervisor.adopt(Unit(keeper.program(), keeper.wait_ready, serves_others=True), child)
    return keeper.url


def start_aws(supervisor: Supervisor, state: Path, credentials: Credentials) -> aws.Server:
    secrets = Secrets(credentials.account_token, credentials.key_material)
    cloud, child = Cloud.prepare(state, Partition(), secrets).start()

    def restored(replacement: Child) -> None:
        cloud.wait_ready(replacement)
        cloud.set_up(replacement.pid)

    supervisor.adopt(Unit(cloud.program(), restored, serves_others=True), child)
    return cloud.set_up(child.pid)


def start_postmark(
    supervisor: Supervisor, state: Path, cloud: aws.Server, account_token: str, stack_id: str
) -> Postmark:
    folder = private_folder(state / "postmark")
    command = python("sandbox.postmark", "--state-dir", str(folder), "--account-token", account_token)
    command += ("--dns-url", cloud.url, "--zone-id", cloud.zone_id)
    program = Program(
        name="postmark",
        argv=(*command, "--port", "0"),
        env=python_environment(stack_id) | aws.CREDENTIALS,
        log=state / "logs" / "postmark.log",
        cwd=PROJECT,
    )
    child = Child(program)
    supervisor.adopt(Unit(program, serves_others=True), child)
    found = _wait_for_postmark(folder, child)
    port = found.url.rpartition(":")[2]
    kept = replace(program, argv=(*command, "--port", port))
    supervisor.adopt(Unit(kept, lambda next_one: _restored(folder, next_one), serves_others=True), child)
    return found


def _restored(folder: Path, child: Child) -> None:
    _wait_for_postmark(folder, child)


def _wait_for_postmark(folder: Path, child: Child) -> Postmark:
    child.wait_until(lambda: _postmark(folder, child) is not None, seconds=START_SECONDS)
    found = _postmark(folder, child)
    assert found is not None
    return found


def _postmark(folder: Path, child: Child) -> Postmark | None:
    """What the simulator says of itself, once it is `child` who says it and who listens."""
    try:
        said = json.loads((folder / "postmark.json").read_text())
    except (FileNotFoundError, ValueError):  # not written yet, or not whole yet
        return None
    if said["pid"] != child.pid:
        return None
    found = Postmark(said["url"], said["control_url"])
    return found if listens(child.pid, int(found.url.rstrip("/").rpartition(":")[2])) else None
