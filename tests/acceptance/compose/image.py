"""An image made by hand: what the Dockerfile copies, installs and sets, and no more."""

import os
import re
import shutil
import subprocess
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from tests.architecture import dockerfile
from tests.architecture.sources import ROOT, text

_PIN = re.compile(r"^([\w.-]+)(?:\[[^]]*\])?==[^ ;]+( ;)?", re.MULTILINE)


@dataclass(frozen=True)
class Image:
    """`code` is what it has in /app, `packages` in /opt/venv."""

    code: Path
    packages: Path
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def programs(self) -> Path:
        return self.packages / "bin"


def build(stage: str, folder: Path) -> Image:
    """What `docker build --target stage` would, with packages taken from the environment that runs this test."""
    code, packages = folder / "app", folder / "venv"
    _copy(dockerfile.from_checkout(dockerfile.source_of("/app", stage)), code)
    _install(dockerfile.requirements(stage), packages)
    for line in dockerfile.arguments("RUN", dockerfile.source_of("/app", stage)):
        if "compileall" in line:
            _run(line, code, packages)
    return Image(code, packages, tuple(dockerfile.entrypoint(stage)), _environment(stage, code, packages))


def _copy(folders: list[str], code: Path) -> None:
    for name in folders:
        shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def _install(files: list[str], packages: Path) -> None:
    venv.EnvBuilder(symlinks=True, with_pip=False).create(packages)
    (site,) = packages.glob("lib/python3*/site-packages")
    for name, has_marker in (pin for file in files for pin in _PIN.findall(text(file))):
        try:
            _link(name, site)
        except PackageNotFoundError:
            assert has_marker, f"{name} is pinned and not installed"


def _link(name: str, site: Path) -> None:
    """Everything that belongs to a distribution, but for its programs."""
    found = distribution(name)
    for top in {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(found.locate_file(top))).resolve())


def _run(line: str, code: Path, packages: Path) -> None:
    path = f"{packages / 'bin'}:{os.defpath}"
    subprocess.run(["/bin/sh", "-c", line], cwd=code, env={"PATH": path}, check=True)


def _environment(stage: str, code: Path, packages: Path) -> dict[str, str]:
    """An argument that no build gave is empty."""
    known = {"PATH": os.environ.get("PATH", os.defpath)}
    return {
        name: re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], ""), value)
        .replace("/opt/venv", str(packages))
        .replace("/app", str(code))
        for name, value in dockerfile.environment(stage).items()
    }
