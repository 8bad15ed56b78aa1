"""The one place that says what differs from a container: hosts, ports and folders. All else stays as it stands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sandbox.ports import LOOPBACK, free_ports
from tests.architecture import deployments

SERVICES: dict[str, Any] = deployments.compose()["services"]
# Of the stand-ins, and of the server that has a folder of its own outside of the world's.
ADDRESSES = ("web:8080", "postgres:5432", "valkey:6379", "aws:5000", "postmark:8025", "postmark:8026")
METRICS = next(iter(deployments.compose_roles().values()))["environment"]["EMAIL_METRICS_PORT"]


@dataclass(frozen=True)
class Local:
    """`ports` by service and its port inside: `web:8080`."""

    folder: Path
    ports: Mapping[str, int]

    @classmethod
    def choose(cls, folder: Path) -> Self:
        names = [*ADDRESSES, *(f"{name}:{METRICS}" for name in deployments.compose_roles())]
        return cls(folder, dict(zip(names, free_ports(len(names)), strict=True)))

    def address(self, name: str) -> str:
        return f"{LOOPBACK}:{self.ports[name]}"

    def of(self, service: str, written: str) -> str:
        """What is `written` for a service, as it has to be here."""
        if f"{service}:{written}" in self.ports:
            return str(self.ports[f"{service}:{written}"])
        folders = self.folders(service)
        places = "|".join(re.escape(place) for place in sorted(folders, key=len, reverse=True))
        pattern = rf"(?P<folder>{places})(?=/|[ `'\")]|$)|(?P<address>[\w.]+:\d+)|(?P<all>0\.0\.0\.0)"

        def here(found: re.Match[str]) -> str:
            if found["folder"]:
                return str(folders[found["folder"]])
            return LOOPBACK if found["all"] else self._address(service, found["address"])

        return re.sub(pattern, here, written.replace("$$", "$"))

    def _address(self, service: str, written: str) -> str:
        host, _, port = written.partition(":")
        name = f"{service if host == LOOPBACK else host}:{port}"
        return self.address(name) if name in self.ports else written

    def folders(self, service: str) -> dict[str, Path]:
        """What is mounted there, by where: volumes are shared by their names, what is temporary is its own."""
        mounts = [volume.split(":")[:2] for volume in SERVICES[service].get("volumes", [])]
        shared = {place: self.folder / "volumes" / name for name, place in mounts}
        own = [mount.partition(":")[0] for mount in SERVICES[service].get("tmpfs", [])]
        temporary = {place: self.folder / "tmpfs" / service / place.strip("/") for place in own}
        # Named by set-up, mounted by valkey.
        return {"/data": self.folder / "volumes" / "valkey", **shared, **temporary}

    def environment(self, service: str) -> dict[str, str]:
        given = SERVICES[service].get("environment", {})
        return {name: self.of(service, str(value)) for name, value in given.items()}
