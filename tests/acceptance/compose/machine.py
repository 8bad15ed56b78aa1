"""`docker compose up` and `down` on processes: each waits for what it depends on."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Self

from sandbox import postgres_cluster
from sandbox.leash import leashed
from sandbox.postgres_cluster import SUPERUSER, Cluster
from sandbox.process import Child
from tests.acceptance.compose import image, services
from tests.acceptance.compose.image import Image
from tests.acceptance.compose.local import SERVICES, Local
from tests.architecture import deployments

PATIENCE_SECONDS = 120.0
ONE_SHOTS = tuple(name for name, service in SERVICES.items() if "healthcheck" not in service)
SET_UP = "set-up"
CHECKED = tuple(name for name in SERVICES if name not in ONE_SHOTS)


def order() -> list[str]:
    """What is needed comes before what needs it."""
    return list(TopologicalSorter({name: needs(name).keys() for name in SERVICES}).static_order())


def needs(name: str) -> dict[str, str]:
    """What it waits for, and until what of that."""
    return {other: given["condition"] for other, given in SERVICES[name].get("depends_on", {}).items()}


@dataclass
class Machine:
    folder: Path
    images: Mapping[str, Image]
    local: Local
    cluster: Cluster
    children: dict[str, Child] = field(default_factory=dict)
    _done: set[tuple[str, str]] = field(default_factory=set)
    # What was where nobody may write; the world from the moment on that it is set up.
    _kept: dict[Path, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def prepare(cls, folder: Path) -> Self:
        targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
        images = {target: image.build(target, folder / target) for target in sorted(targets)}
        local = Local.choose(folder)
        cluster = Cluster.prepare(folder / "state", durable=False)
        port = local.ports["postgres:5432"]
        for path in (path for name in SERVICES for path in local.folders(name).values()):
            path.mkdir(parents=True, exist_ok=True)
        valkey_port = local.ports["valkey:6379"]
        python = next(iter(images.values())).programs / "python"
        services.write_valkey_cli(folder / "programs", python, valkey_port)
        return cls(folder, images, local, replace(cluster, port=port))

    def up(self, held: ExitStack) -> None:
        """Every service, and every one of those that stay is healthy by its own check."""
        self._kept = _files(made.code for made in self.images.values())
        for name in order():
            for other, condition in needs(name).items():
                self._wait(other, condition)
            self.children[name] = held.enter_context(leashed(self._start(name)))
        for name in CHECKED:
            self._wait(name, "service_healthy")

    def down(self) -> dict[str, int | None]:
        """The exit codes. What nobody needs any more is asked to end, all at once; who does not, in time, is killed."""
        users = TopologicalSorter(
            {name: {user for user in SERVICES if name in needs(user)} for name in SERVICES}
        )
        users.prepare()
        while users.is_active():
            unused = users.get_ready()
            for name in unused:
                self.children[name].ask_to_stop()
            for name in unused:
                self.children[name].stop()
            users.done(*unused)
        return {name: self.children[name].exit_code() for name in CHECKED}

    def written(self) -> list[str]:
        """Where a container could not: in an image, or in the world after set-up."""
        found = _files(self._read_only())
        return sorted(
            str(path) for path in found.keys() | self._kept.keys() if found.get(path) != self._kept.get(path)
        )

    def world(self) -> Path:
        return self.local.folders(SET_UP)["/run/world"]

    def _read_only(self) -> list[Path]:
        return [*(made.code for made in self.images.values()), self.world()]

    def check_alive(self) -> None:
        for name in CHECKED:
            child = self.children[name]
            assert child.exit_code() is None, f"{name} ended: {child.output()}"

    def run(self, service: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """`docker compose exec`: in the environment of a service that runs."""
        program = self.children[service].program
        return subprocess.run(
            [str(self._image(service).programs / command[0]), *command[1:]],
            env=dict(program.env),
            cwd=program.cwd,
            capture_output=True,
            text=True,
            check=False,
        )

    def _image(self, service: str) -> Image:
        return self.images[SERVICES[service]["build"]["target"]]

    def _start(self, name: str) -> Child:
        if name == "postgres":
            return self._start_postgres()
        if name == "valkey":
            return Child(services.of_valkey(self.local))
        return Child(services.of_ours(name, self._image(name), self.local))

    def _start_postgres(self) -> Child:
        """As its image does at the first start: the scripts first, and then everybody may come."""
        child = Child(services.of_postgres(self.cluster, self.local))
        self.cluster.wait_ready(child)
        for number, script in enumerate(SERVICES["postgres"]["configs"]):
            content = deployments.compose()["configs"][script["source"]]["content"]
            file = self.folder / f"init-{number}.sql"
            file.write_text(self.local.of("postgres", content))
            self._psql(file)
        return child

    def _psql(self, file: Path) -> None:
        # With the options of docker-entrypoint.sh in the image.
        options = ["-v", "ON_ERROR_STOP=1", "--no-password", "--no-psqlrc", "--dbname", "postgres"]
        where = ["--host", "127.0.0.1", "--port", str(self.cluster.port), "--username", SUPERUSER]
        subprocess.run(
            [str(self.cluster.installation / "bin" / "psql"), *options, *where, "-f", str(file)],
            env={"PGPASSWORD": self.cluster.superuser_password, "PATH": "/usr/bin:/bin"},
            check=True,
            capture_output=True,
        )

    def _wait(self, name: str, condition: str) -> None:
        if (name, condition) not in self._done:
            if condition == "service_healthy":
                self.children[name].wait_until(lambda: self._is_healthy(name), seconds=PATIENCE_SECONDS)
            else:
                assert condition == "service_completed_successfully"
                child = self.children[name]
                assert child.wait(seconds=PATIENCE_SECONDS) == 0, f"{name}: {child.output()}"
            self._done.add((name, condition))
            if name == SET_UP:
                self._kept |= _files([self.world()])

    def _is_healthy(self, name: str) -> bool:
        programs = self._image(name).programs if "build" in SERVICES[name] else self.folder / "programs"
        command, environment = services.health_check(name, programs, self.local, self._known_to(name))
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0

    def _known_to(self, name: str) -> dict[str, str]:
        if name == "postgres":
            return {"PGPORT": str(self.cluster.port)}
        return dict(self.children[name].program.env)


@contextmanager
def running(folder: Path) -> Iterator[Machine]:
    """A machine with everything up. Whatever of it still runs at the end is stopped."""
    try:
        machine = Machine.prepare(folder)
        with ExitStack() as held:
            machine.up(held)
            yield machine
    finally:
        postgres_cluster.remove(folder / "state")


def _files(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """The folders themselves among them."""
    paths = (path for folder in folders for path in (folder, *folder.rglob("*")))
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in paths}
