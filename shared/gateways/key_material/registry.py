"""Which key material is mounted: a map in memory, filled from one JSON file that others keep up to date.

{"current": "<versionId>", "versions": {"<versionId>": "<material>"}}
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from shared.domain.errors import KeyMaterialError, KeyVersionMissing

# What may stand in an envelope between `.k` and `:`.
VERSION_ID = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Refresh:
    """What one reading of the file changed. `failure` says why it was not used; then nothing changed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Material:
    current: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict, repr=False)


class _Unreadable(Exception):
    """The text says why, without a word of the file's content."""


class MaterialRegistry:
    """Reads the file again when it has changed and something is sealed or looked at, and when a version is missing.

    `on_refresh` hears of every reading.
    """

    def __init__(self, path: Path, *, on_refresh: Callable[[Refresh], None] | None = None) -> None:
        self._path = path
        self._on_refresh = on_refresh
        self._material = _Material()
        self._seen: tuple[int, ...] | None = None
        self._reading = Lock()

    @property
    def versions(self) -> frozenset[str]:
        return frozenset(self._material.versions)

    @property
    def current_version(self) -> str | None:
        return self._material.current

    def current(self) -> tuple[str, str]:
        """Version id and material for new ciphertexts. Raises `KeyMaterialError` when nothing is mounted."""
        self.look()
        held = self._material
        if held.current is None:
            raise KeyMaterialError("no key material is mounted")
        return held.current, held.versions[held.current]

    def material(self, version: str) -> str:
        """Raises `KeyVersionMissing` when a fresh look at the file does not find it either."""
        if version not in self._material.versions:
            self.refresh()
        try:
            return self._material.versions[version]
        except KeyError:
            raise KeyVersionMissing(version) from None

    def look(self) -> None:
        """Implements `ports.key_material.KeyVersions`."""
        if self._material.current is None or self._stamp() != self._seen:
            self.refresh()

    def mounted(self) -> frozenset[str] | None:
        """Implements `ports.key_material.KeyVersions`."""
        _, fresh = self._read_anew()
        return None if fresh is None else frozenset(fresh.versions)

    def refresh(self) -> Refresh:
        return self._read_anew()[0]

    def _read_anew(self) -> tuple[Refresh, _Material | None]:
        """What this reading found, whatever another thread's has found since: None when it cannot be used."""
        fresh: _Material | None = None
        with self._reading:
            self._seen = self._stamp()
            try:
                fresh = _read(self._path)
            except _Unreadable as unreadable:
                refresh = Refresh(failure=str(unreadable))
            else:
                refresh = _difference(self._material.versions, fresh.versions)
                self._material = fresh
        if self._on_refresh is not None:
            self._on_refresh(refresh)
        return refresh, fresh

    def _stamp(self) -> tuple[int, ...] | None:
        """Changes with every new file, a replaced one and Kubernetes' swapped link included: `stat` follows links.

        Whoever writes a file may give it the time of modification of the old one, and a file system the old one's
        number: the time of change is the kernel's own.
        """
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> Refresh:
    """A version whose material was changed is a new one under an old name: it counts as added."""
    added = [version for version, material in after.items() if before.get(version) != material]
    return Refresh(added=tuple(sorted(added)), removed=tuple(sorted(before.keys() - after.keys())))


def _read(path: Path) -> _Material:
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _Unreadable(f"the file cannot be read: {type(error).__name__}") from None
    except (ValueError, RecursionError):
        raise _Unreadable("the file is no JSON") from None
    if not isinstance(document, dict):
        raise _Unreadable("the file is no JSON object")
    current, versions = document.get("current"), document.get("versions")
    if not isinstance(versions, dict) or not all(map(_is_version, versions.items())):
        raise _Unreadable("`versions` has to map version ids to non-empty texts")
    if not isinstance(current, str) or current not in versions:
        raise _Unreadable("`current` names none of `versions`")
    return _Material(current, versions)


def _is_version(item: tuple[str, object]) -> bool:
    version, material = item
    if VERSION_ID.fullmatch(version) is None or not isinstance(material, str):
        return False
    try:
        return bool(material.encode("utf-8"))
    except UnicodeEncodeError:
        # Half a surrogate pair, which JSON can spell: there are no bytes to derive a key from.
        return False
