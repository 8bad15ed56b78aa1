"""Whose files and processes a server's are: PostgreSQL refuses to run as root, so root hands it to nobody."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int


def unprivileged() -> Account | None:
    """The account servers run under, or None when we are not root and may run them ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)
    return Account(nobody.pw_uid, nobody.pw_gid)


def can(account: Account | None, permission: str, path: Path) -> bool:
    """Whether `account` has `permission` ("r" or "x") on `path`.

    The kernel is asked, as that account: parent folders, access lists and symbolic links all count, and reading
    mode bits would miss some of them.
    """
    if account is None:
        return os.access(path, os.R_OK if permission == "r" else os.X_OK)
    question = ["/bin/sh", "-c", f'test -{permission} "$0"', str(path)]
    answer = subprocess.run(
        question,
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return answer.returncode == 0


def own(path: Path, account: Account | None) -> Path:
    """Make the folder `path` private to `account`."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    path.chmod(0o700)
    return path


def private_directory(preferred: Path, account: Account | None, prefix: str) -> Path:
    """A folder that only `account` can enter: `preferred` when it can be reached, else one for temporary files.

    A state folder is readable by its owner only, so a server that root runs as nobody can never live inside it.
    """
    if account is None:
        return own(preferred, None)
    if can(account, "x", preferred.parent):
        return own(preferred, account)
    return short_directory(account, prefix)


def short_directory(account: Account | None, prefix: str) -> Path:
    """A new private folder with a short path (a socket's path may have 107 bytes at most).

    Raises PermissionError when no folder for temporary files can be entered by `account`.
    """
    for base in _temporary_bases():
        if can(account, "x", base):
            return own(Path(tempfile.mkdtemp(prefix=prefix, dir=base)), account)
    raise PermissionError(f"no folder for temporary files can be entered by {account}")


def _temporary_bases() -> Iterator[Path]:
    named = Path(tempfile.gettempdir())
    yield from dict.fromkeys(path for path in (named, Path("/tmp"), Path("/var/tmp")) if path.is_dir())
