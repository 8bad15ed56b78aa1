"""Each service as a program: its image's content and entry point, its own command and environment."""

import os
import signal
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sandbox import valkey
from sandbox.postgres_cluster import Cluster
from sandbox.process import Program, bare_environment
from tests.acceptance.compose.image import Image
from tests.acceptance.compose.local import SERVICES, Local
from tests.architecture import deployments

# What Docker gives a service that asks for nothing.
GRACE_SECONDS = 10.0


def grace_seconds(service: str) -> float:
    """Until it is killed."""
    asked = SERVICES[service].get("stop_grace_period")
    return float(str(asked).removesuffix("s")) if asked else GRACE_SECONDS


def of_ours(service: str, image: Image, local: Local) -> Program:
    """In an environment that has nothing of this machine's."""
    command = [local.of(service, part) for part in SERVICES[service]["command"]]
    first, *others = image.entrypoint
    return Program(
        name=service,
        argv=(str(image.programs / first), *others, *command),
        env=_environment(service, image, local),
        log=local.folder / "logs" / f"{service}.log",
        cwd=image.code,
        drain_seconds=grace_seconds(service),
    )


def _environment(service: str, image: Image, local: Local) -> dict[str, str]:
    given = {**image.environment, "HOME": "/nonexistent", **local.environment(service)}
    temporary = local.folders(service).get("/tmp")
    if service in deployments.compose_roles():
        # By default a container's metrics are shown on all of its addresses.
        given["EMAIL_METRICS_HOST"] = "127.0.0.1"
    return given | ({"TMPDIR": str(temporary)} if temporary else {})


def of_postgres(cluster: Cluster, local: Local) -> Program:
    """The image's, with the options of the compose file behind it."""
    made = cluster.program()
    options = [local.of("postgres", part) for part in SERVICES["postgres"]["command"][1:]]
    # STOPSIGNAL of the image.
    return replace(
        made,
        argv=(*made.argv, *options),
        stop_signal=signal.SIGINT,
        drain_seconds=grace_seconds("postgres"),
    )


def of_valkey(local: Local) -> Program:
    """On one address of this machine; a container has its own."""
    _, *command = [local.of("valkey", part) for part in SERVICES["valkey"]["command"]]
    return Program(
        name="valkey",
        argv=(str(valkey.binary()), *command, "--bind", "127.0.0.1"),
        env=bare_environment(),
        log=local.folder / "logs" / "valkey.log",
        drain_seconds=grace_seconds("valkey"),
    )


Call = tuple[list[str], dict[str, str]]


def health_check(service: str, programs: Path, local: Local, others: Mapping[str, str]) -> Call:
    """Its command, and the environment that it has from the container. `programs` come before the machine's."""
    kind, *words = SERVICES[service]["healthcheck"]["test"]
    command = [local.of(service, word) for word in words]
    environment = {**others, "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}"}
    return (["/bin/sh", "-c", *command] if kind == "CMD-SHELL" else command), environment


def write_valkey_cli(folder: Path, python: Path, port: int) -> None:
    """The one program of the servers' images that no wheel has: as much of it as the health check asks."""
    folder.mkdir(parents=True)
    program = folder / "valkey-cli"
    program.write_text(
        f"#!{python}\n"
        "import os, sys, redis\n"
        f"with redis.Redis(port={port}, password=os.environ['REDISCLI_AUTH']) as client:\n"
        "    print('PONG' if client.execute_command(*sys.argv[1:]) is True else 'no')\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
