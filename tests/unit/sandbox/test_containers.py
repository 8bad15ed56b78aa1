"""What set-up writes for the containers, without the stand-in it fills."""

import stat
from pathlib import Path

import pytest

from sandbox import containers
from sandbox.containers import Address, Folder

SERVERS = Address("postgres", 5432), Address("valkey", 6379)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def write_all(folder: Folder) -> dict[str, str]:
    """What is in the folder afterwards."""
    postgres, valkey = SERVERS
    containers.write_keys(folder)
    containers.write_database(folder, postgres)
    containers.write_broker(folder, valkey, Path("/data"))
    return {path.name: path.read_text() for path in folder.path.iterdir()}


def test_another_up_finds_every_secret_as_it_was(folder: Folder) -> None:
    assert write_all(folder) == write_all(folder)


def test_no_two_worlds_share_a_secret(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    one, other = write_all(folder), write_all(Folder(tmp_path_factory.mktemp("other")))
    assert {name for name in one if one[name] == other[name]} == set()


def test_no_two_keys_are_the_same(folder: Folder) -> None:
    written = write_all(folder)
    assert len(set(written.values())) == len(written)


def test_only_the_servers_own_files_are_read_by_other_accounts(folder: Folder) -> None:
    write_all(folder)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.path.iterdir()}
    shared = {"postgres-password", "database-password", "broker-password", "valkey.conf"}
    assert {name for name, mode in modes.items() if mode == 0o644} == shared
    assert {mode for name, mode in modes.items() if name not in shared} == {0o600}


def test_the_roles_reach_the_servers_with_the_passwords_that_those_are_given(folder: Folder) -> None:
    written = write_all(folder)
    assert written["database-url"] == f"postgresql://email:{written['database-password']}@postgres:5432/email"
    assert written["redis-url"] == f"redis://:{written['broker-password']}@valkey:6379/0"
    assert f"requirepass {written['broker-password']}\n" in written["valkey.conf"]


def test_the_broker_keeps_what_it_was_given_and_forgets_nothing(folder: Folder) -> None:
    configured = write_all(folder)["valkey.conf"].splitlines()
    assert {"appendonly yes", "maxmemory-policy noeviction", 'dir "/data"', "port 6379"} <= set(configured)
    # Its container's own address, and no other than that is known here.
    assert [line for line in configured if line.startswith("bind")] == []


@pytest.mark.parametrize("text", ["5432", "postgres:", "postgres:port", ""])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # argparse says which option
        Address.parse(text)
