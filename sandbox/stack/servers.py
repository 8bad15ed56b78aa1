"""The servers of a stack, started on ports that they keep for life, as units for its supervisor."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from sandbox import aws, postgres, valkey
from sandbox.aws import Cloud, Partition, Secrets
from sandbox.files import private_folder, write_private
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


def start_postmark(supervisor: Supervisor, state: Path, command: tuple[str, ...], stack_id: str) -> Postmark:
    """`command` without its ports: the kernel chooses them for the first process, its replacements keep them."""
    folder = private_folder(state / "postmark")
    program = Program(
        name="postmark",
        argv=(*command, "--state-dir", str(folder)),
        env=python_environment(stack_id) | aws.CREDENTIALS,
        log=state / "logs" / "postmark.log",
        cwd=PROJECT,
    )

    def wait_ready(child: Child) -> None:
        child.wait_until(lambda: _postmark(folder, child) is not None, seconds=START_SECONDS)

    first = Unit(program, wait_ready, serves_others=True)
    supervisor.start(first)
    child = supervisor.wait_ready(first)
    found = _postmark(folder, child)
    assert found is not None
    ports = ("--port", str(port_of(found.url)), "--control-port", str(port_of(found.control_url)))
    kept = replace(program, argv=(*program.argv, *ports))
    supervisor.adopt(Unit(kept, wait_ready, serves_others=True), child)
    return found


def postmark_command(cloud: aws.Server, state: Path, account_token: str) -> tuple[str, ...]:
    # In a file, because everybody on the machine can read a command line.
    token = private_folder(state / "postmark") / "account-token"
    write_private(token, account_token)
    options = ("--account-token-file", str(token), "--dns-url", cloud.url, "--zone-id", cloud.zone_id)
    return python("sandbox.postmark", *options)


def _postmark(folder: Path, child: Child) -> Postmark | None:
    """What the simulator says of itself, once it is `child` who says it and who listens."""
    try:
        said = json.loads((folder / "postmark.json").read_text())
    except FileNotFoundError:
        return None
    found = Postmark(said["url"], said["control_url"])
    ours = said["pid"] == child.pid and all(
        listens(child.pid, port_of(url)) for url in (found.url, found.control_url)
    )
    return found if ours else None


def port_of(url: str) -> int:
    """As it stands in the URL; 0 when it does not."""
    return urlsplit(url).port or 0
