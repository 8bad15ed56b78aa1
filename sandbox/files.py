"""Files that a reader never sees half-written; only their owner may read them, unless said otherwise."""

import json
import os
from pathlib import Path
from typing import Any


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step; mode 0600 from the first byte on."""
    write(path, text, mode=0o600)


def write(path: Path, text: str, *, mode: int) -> None:
    """Replace `path` in one step; nobody may read it whom `mode` does not let, from the first byte on."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)  # whatever the umask
    draft.replace(path)


def write_json(path: Path, value: Any) -> None:
    write_private(path, json.dumps(value, indent=2) + "\n")


def private_folder(path: Path) -> Path:
    """`path`, made if need be, that its owner only may read."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
