import json
from pathlib import Path

import pytest

from shared.domain.errors import KeyMaterialError, KeyVersionMissing
from shared.gateways.key_material.registry import MaterialRegistry, Refresh


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "material.json"


def _mount(file: Path, current: str, **versions: str) -> None:
    file.write_text(json.dumps({"current": current, "versions": versions}))


def test_a_refresh_says_what_came_and_went(file: Path) -> None:
    registry = MaterialRegistry(file)
    _mount(file, "v1", v0="zero", v1="one")
    assert registry.refresh() == Refresh(added=("v0", "v1"))
    _mount(file, "v2", v1="one", v2="two")
    assert registry.refresh() == Refresh(added=("v2",), removed=("v0",))
    assert registry.refresh() == Refresh()
    assert (registry.current(), registry.versions) == (("v2", "two"), frozenset({"v1", "v2"}))


def test_changed_material_under_an_old_name_counts_as_added(file: Path) -> None:
    registry = MaterialRegistry(file)
    _mount(file, "v1", v1="one")
    registry.refresh()
    _mount(file, "v1", v1="changed")
    assert registry.refresh() == Refresh(added=("v1",))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"current": "v1"}',
        '{"current": "v1", "versions": {}}',
        '{"current": "v2", "versions": {"v1": "secret-material"}}',
        '{"current": ["v1"], "versions": {"v1": "secret-material"}}',
        '{"current": null, "versions": {"v1": "secret-material"}}',
        '{"current": "v1", "versions": {"v1": ""}}',
        '{"current": "v1", "versions": {"v1": 17}}',
        '{"current": "v1", "versions": {"v1": "\\ud800"}}',
        '{"current": "v1", "versions": {"v1": "secret-material", "v:2": "secret-material"}}',
        '{"current": "v1", "versions": ["v1"]}',
        "[" * 100_000,
    ],
)
def test_a_file_that_cannot_be_used_keeps_what_was_there(file: Path, content: str) -> None:
    registry = MaterialRegistry(file)
    _mount(file, "v1", v1="one")
    registry.refresh()
    file.write_text(content)
    refresh = registry.refresh()
    assert refresh.failure is not None
    assert "secret-material" not in refresh.failure
    assert not refresh.added
    assert (registry.current(), registry.versions) == (("v1", "one"), frozenset({"v1"}))


def test_a_file_that_is_gone_or_no_text_keeps_what_was_there(file: Path) -> None:
    registry = MaterialRegistry(file)
    _mount(file, "v1", v1="one")
    registry.refresh()
    file.write_bytes(b"\xff\xfe")
    assert registry.refresh().failure is not None
    file.unlink()
    assert registry.refresh().failure == "the file cannot be read: FileNotFoundError"
    assert registry.current() == ("v1", "one")


def test_a_version_that_is_asked_for_and_missing_is_looked_for_at_once(file: Path) -> None:
    heard: list[Refresh] = []
    registry = MaterialRegistry(file, on_refresh=heard.append)
    _mount(file, "v1", v1="one")
    registry.refresh()
    _mount(file, "v2", v1="one", v2="two")
    assert registry.material("v2") == "two"
    assert registry.material("v1") == "one"
    assert heard == [Refresh(added=("v1",)), Refresh(added=("v2",))]


def test_a_version_that_is_not_there_either_is_named(file: Path) -> None:
    registry = MaterialRegistry(file)
    _mount(file, "v1", v1="one")
    with pytest.raises(KeyVersionMissing) as missing:
        registry.material("v9")
    assert missing.value.version == "v9"


def test_the_first_use_reads_the_file(file: Path) -> None:
    _mount(file, "v1", v1="one")
    assert MaterialRegistry(file).current() == ("v1", "one")


def test_what_is_sealed_next_uses_a_version_mounted_meanwhile(file: Path) -> None:
    _mount(file, "1", **{"1": "first"})
    registry = MaterialRegistry(file)
    assert registry.current() == ("1", "first")
    swapped_in = file.with_name("..data_tmp")
    _mount(swapped_in, "2", **{"1": "first", "2": "second"})
    swapped_in.replace(file)
    assert registry.current() == ("2", "second")


def test_without_a_file_nothing_is_sealed(file: Path) -> None:
    with pytest.raises(KeyMaterialError, match="no key material is mounted"):
        MaterialRegistry(file).current()


def test_no_repr_shows_material(file: Path) -> None:
    registry = MaterialRegistry(file)
    _mount(file, "v1", v1="secret-material")
    shown = f"{registry!r} {registry.refresh()!r} {registry._material!r}"
    assert "secret-material" not in shown
