"""The product's roles as units for the supervisor, and how each is known to be ready."""

from functools import partial
from urllib.parse import urlsplit

import requests

from sandbox.ports import listens, talks_to
from sandbox.process import Child, DidNotStart, Program, describe_exit
from sandbox.roles import Role
from sandbox.stack.supervisor import Unit
from sandbox.stack.world import PROJECT, World, python

READY_SECONDS = 60.0
MIGRATION_SECONDS = 120.0
_USUAL_PORTS = {"postgresql": 5432, "redis": 6379, "rediss": 6379}


def unit(role: Role, world: World) -> Unit:
    command = [part.format(port=world.web_port, folder=world.folder) for part in role.command]
    program = Program(
        name=role.name,
        argv=python(*command),
        env=world.role_environment(role.name),
        log=world.folder / "logs" / f"{role.name}.log",
        cwd=PROJECT,
        drain_seconds=role.drain_seconds,
    )
    return Unit(program, partial(_wait_ready, role, world), scratch=world.metrics_folder(role.name))


def _wait_ready(role: Role, world: World, child: Child) -> None:
    child.wait_until(lambda: is_ready(role, world, child.pid), seconds=READY_SECONDS)


def is_ready(role: Role, world: World, pid: int) -> bool:
    if role.ready_when == "serves":
        return listens(pid, world.web_port) and _answers(f"{world.web_url}/readyz")
    server = world.redis_url if role.ready_when == "reaches valkey" else world.database_url
    return _is_connected(pid, server)


def _is_connected(pid: int, url: str) -> bool:
    parts = urlsplit(url)
    if parts.hostname is None:  # a socket in the file system, of a server that is not ours
        return True
    return talks_to(pid, parts.port or _USUAL_PORTS.get(parts.scheme, 0))


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=5).status_code == 200
        except requests.RequestException:
            return False


def migrate(command: tuple[str, ...], world: World) -> None:
    """DidNotStart, with what it said, when it fails."""
    log = world.folder / "logs" / "migrate.log"
    program = Program("migrate", python(*command), world.role_environment("migrate"), log, cwd=PROJECT)
    code = Child(program).wait(seconds=MIGRATION_SECONDS)
    if code != 0:
        raise DidNotStart("migrate", f"ended with {describe_exit(code)}", log)
