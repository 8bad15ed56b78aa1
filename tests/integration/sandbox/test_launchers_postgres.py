"""The launcher of PostgreSQL, on real processes."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sandbox import postgres, postgres_binaries, postgres_cluster
from sandbox.accounts import unprivileged
from sandbox.ports import listens
from sandbox.postgres_cluster import Cluster

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="asks what root does; we are not root")


@pytest.fixture(autouse=True)
def _own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (postgres.GIVEN, postgres_binaries.CHOICE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv(postgres.GIVEN, raising=False)
        with postgres.running(tmp_path_factory.mktemp("postgres")) as running:
            yield running


def one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def pid_of(server: postgres.Server) -> int:
    assert server.pid is not None
    return server.pid


def port_of(server: postgres.Server) -> int:
    return int(str(conninfo_to_dict(server.url)["port"]))


def files_of(server: postgres.Server) -> Path:
    return Path(str(one(server.superuser_url, "SHOW data_directory")))


def test_the_application_role_is_no_superuser_and_cannot_bypass_row_security(server: postgres.Server) -> None:
    rights = "SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert one(server.url, rights) is False


def test_the_application_role_owns_its_database(server: postgres.Server) -> None:
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert one(server.url, owner) == postgres.ROLE


def test_text_is_utf8_and_sorted_by_code_point(server: postgres.Server) -> None:
    assert one(server.url, "SHOW server_encoding") == "UTF8"
    assert one(server.url, "SELECT 'Z' < 'a' AND upper('é') = 'É'") is True


def test_a_wrong_password_is_refused(server: postgres.Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(server.url, password="guess"))


def test_no_password_is_shown_by_repr(server: postgres.Server) -> None:
    assert str(conninfo_to_dict(server.url)["password"]) not in repr(server)


def test_the_listener_is_the_process_we_started(server: postgres.Server) -> None:
    assert listens(pid_of(server), port_of(server))


def test_a_database_made_from_a_template_holds_the_templates_rows(server: postgres.Server) -> None:
    source = server.create_database("source")
    with psycopg.connect(source) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    copy = server.create_database("copy", template="source")
    assert one(copy, "SELECT answer FROM kept") == 42


def test_a_database_is_dropped_under_its_sessions(server: postgres.Server) -> None:
    url = server.create_database("short_lived")
    with psycopg.connect(url):
        server.drop_database("short_lived")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_two_servers_at_once_have_ports_and_files_of_their_own(
    server: postgres.Server, tmp_path: Path
) -> None:
    with postgres.running(tmp_path) as other:
        assert port_of(other) != port_of(server)
        assert files_of(other) != files_of(server)


def test_a_port_that_somebody_took_is_given_up_for_another(server: postgres.Server, tmp_path: Path) -> None:
    cluster = replace(Cluster.prepare(tmp_path, durable=False), port=port_of(server))
    cluster, child = cluster.start()
    try:
        assert cluster.port != port_of(server)
        assert listens(child.pid, cluster.port)
    finally:
        child.stop()
        postgres_cluster.remove(tmp_path)


def test_nothing_is_left_after_the_end(tmp_path: Path) -> None:
    with postgres.running(tmp_path) as server:
        pid, files = pid_of(server), files_of(server)
    assert not psutil.pid_exists(pid)
    assert not files.parent.exists()


def test_kept_data_is_there_for_the_next_server(tmp_path: Path) -> None:
    with (
        postgres.running(tmp_path, durable=True, keep=True) as server,
        psycopg.connect(server.url) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with postgres.running(tmp_path) as server:
        assert one(server.url, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
def test_only_a_durable_server_waits_for_the_disk(durable: bool, fsync: str, tmp_path: Path) -> None:
    with postgres.running(tmp_path, durable=durable) as server:
        assert one(server.url, "SHOW fsync") == fsync


def test_a_server_named_by_the_environment_is_used_as_it_is(
    server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(postgres.GIVEN, server.url)
    with postgres.running(tmp_path) as used:
        assert (used.url, used.pid) == (server.url, None)
    assert list(tmp_path.iterdir()) == []


def copy_of_the_wheel(folder: Path) -> Path:
    package = postgres_binaries.find().parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / package.name / "pginstall"


@as_root
def test_root_lets_an_unprivileged_account_run_the_server(server: postgres.Server) -> None:
    account = unprivileged()
    assert account is not None
    process = psutil.Process(pid_of(server))
    assert set(process.uids()) == {account.uid}
    assert process.gids().real == account.gid != 0
    assert stat.S_IMODE(files_of(server).parent.stat().st_mode) == 0o700


@as_root
def test_a_checkout_that_only_root_may_enter_still_starts_a_server(tmp_path: Path) -> None:
    private = tmp_path / "root"
    private.mkdir(mode=0o700)
    installation = copy_of_the_wheel(private)
    with postgres.running(private / "state", installation=installation) as server:
        assert one(server.url, "SELECT 1") == 1
        assert private not in Path(psutil.Process(pid_of(server)).exe()).parents
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


_RUN_UNTIL_KILLED = """
import signal, sys
from pathlib import Path
from sandbox import postgres
with postgres.running(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    signal.pause()
"""


def test_the_server_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _RUN_UNTIL_KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        server = psutil.Process(int(owner.stdout.readline()))
        owner.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([server], timeout=20)[1] == []
    postgres_cluster.remove(tmp_path)


def test_an_unknown_choice_of_binaries_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(postgres_binaries.CHOICE, "docker")
    with pytest.raises(ValueError, match="wheel, system"):
        postgres_binaries.find()
