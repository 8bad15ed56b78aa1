"""How files are replaced by those who mount them, and that each way is noticed without being told."""

import json
import os
import shutil
from pathlib import Path

import pytest

from shared.domain.errors import KeyVersionMissing
from shared.gateways.key_material.registry import MaterialRegistry, Refresh


def _document(current: str, *others: str) -> str:
    return json.dumps({"current": current, "versions": {name: f"of-{name}" for name in (current, *others)}})


class Projection:
    """A volume as the kubelet keeps it: `material.json -> ..data/material.json`, `..data -> ..<a new folder>`."""

    def __init__(self, volume: Path) -> None:
        self._volume = volume
        self._writes = 0
        self.file = volume / "material.json"
        volume.mkdir()
        self.file.symlink_to(Path("..data") / "material.json")

    def write(self, document: str) -> None:
        """Folder first, then one rename of a link, then the old folder goes."""
        self._writes += 1
        folder, data = self._volume / f"..2026_11_{self._writes:02}", self._volume / "..data"
        folder.mkdir()
        (folder / "material.json").write_text(document)
        old = data.resolve() if data.exists() else None
        swapped_in = self._volume / "..data_tmp"
        swapped_in.symlink_to(folder.name)
        swapped_in.replace(data)
        if old is not None:
            shutil.rmtree(old)


@pytest.fixture
def volume(tmp_path: Path) -> Projection:
    made = Projection(tmp_path / "secrets")
    made.write(_document("v1"))
    return made


def test_a_swapped_link_is_noticed_by_the_next_look(volume: Projection) -> None:
    heard: list[Refresh] = []
    registry = MaterialRegistry(volume.file, on_refresh=heard.append)
    registry.look()
    volume.write(_document("v2", "v1"))
    registry.look()
    registry.look()
    assert heard == [Refresh(added=("v1",)), Refresh(added=("v2",))]
    assert registry.current() == ("v2", "of-v2")


def test_every_swap_of_many_is_noticed_by_what_is_sealed_next(volume: Projection) -> None:
    """Numbers of files come back as the old folders go."""
    registry = MaterialRegistry(volume.file)
    for number in range(1, 31):
        volume.write(_document(f"v{number:02}"))
        assert registry.current() == (f"v{number:02}", f"of-v{number:02}")


def test_a_swapped_link_is_noticed_by_a_miss_and_by_a_reading(volume: Projection) -> None:
    registry = MaterialRegistry(volume.file)
    assert registry.mounted() == frozenset({"v1"})
    volume.write(_document("v2", "v1"))
    assert registry.material("v2") == "of-v2"
    volume.write(_document("v3"))
    assert registry.mounted() == frozenset({"v3"})
    with pytest.raises(KeyVersionMissing):
        registry.material("v2")


def test_between_two_swaps_nothing_is_read_again(volume: Projection) -> None:
    heard: list[Refresh] = []
    registry = MaterialRegistry(volume.file, on_refresh=heard.append)
    for _ in range(5):
        registry.current()
    assert len(heard) == 1


def test_a_volume_that_is_gone_keeps_what_was_read_and_comes_back(volume: Projection) -> None:
    registry = MaterialRegistry(volume.file)
    registry.look()
    data = volume.file.parent / "..data"
    aside = data.readlink()
    data.unlink()
    assert registry.mounted() is None
    assert registry.current() == ("v1", "of-v1")
    data.symlink_to(aside)
    assert registry.mounted() == frozenset({"v1"})


def test_a_file_that_replaces_another_with_its_size_and_time_is_noticed(tmp_path: Path) -> None:
    file, coming = tmp_path / "material.json", tmp_path / "coming"
    file.write_text(_document("v1"))
    registry = MaterialRegistry(file)
    registry.look()
    was = file.stat()
    coming.write_text(_document("v2"))
    os.utime(coming, ns=(was.st_atime_ns, was.st_mtime_ns))
    coming.replace(file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (was.st_size, was.st_mtime_ns)
    registry.look()
    assert registry.current_version == "v2"


def test_a_file_that_is_written_over_and_given_its_old_time_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "material.json"
    file.write_text(_document("v1"))
    registry = MaterialRegistry(file)
    registry.look()
    was = file.stat()
    # The kernel counts time in ticks of some milliseconds: in the same tick nobody could tell.
    while file.stat().st_ctime_ns == was.st_ctime_ns:
        file.write_text(_document("v2"))
        os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    now = file.stat()
    assert (now.st_ino, now.st_size, now.st_mtime_ns) == (was.st_ino, was.st_size, was.st_mtime_ns)
    registry.look()
    assert registry.current_version == "v2"


def test_half_a_file_changes_nothing_until_the_whole_is_there(tmp_path: Path) -> None:
    file = tmp_path / "material.json"
    file.write_text(_document("v1"))
    registry = MaterialRegistry(file)
    registry.look()
    whole = _document("v2", "v1")
    file.write_text(whole[: len(whole) // 2])
    assert registry.mounted() is None
    assert (registry.current(), registry.versions) == (("v1", "of-v1"), frozenset({"v1"}))
    file.write_text(whole)
    assert registry.current() == ("v2", "of-v2")
