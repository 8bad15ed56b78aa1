"""The launcher of Valkey, on real processes."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox import valkey
from sandbox.ports import listens
from sandbox.valkey import Keeper


@pytest.fixture(autouse=True)
def _own_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(valkey.GIVEN, raising=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[valkey.Server]:
    with valkey.running(tmp_path / "shared") as running:
        yield running


def test_every_write_goes_to_the_append_only_file_and_nothing_is_evicted(server: valkey.Server) -> None:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        found = {
            name: client.config_get(name)[name] for name in ("appendonly", "appendfsync", "maxmemory-policy")
        }
    assert found == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


def test_a_client_without_the_password_is_refused(server: valkey.Server) -> None:
    port = int(server.url.split(":")[-1].split("/")[0])
    once = Retry(NoBackoff(), 0)
    with redis.Redis(port=port, retry=once) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_numbered_databases_are_apart(server: valkey.Server) -> None:
    with (
        redis.Redis.from_url(server.database_url(1)) as one,
        redis.Redis.from_url(server.database_url(2)) as two,
    ):
        one.set("key", "value")
        assert two.get("key") is None


def test_a_killed_server_comes_back_with_what_it_had_written(tmp_path: Path) -> None:
    keeper, child = Keeper.prepare(tmp_path).start()
    with redis.Redis.from_url(keeper.url) as client:
        client.set("key", "value")
    psutil.Process(child.pid).send_signal(signal.SIGKILL)
    child.stop()
    with valkey.running(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        assert client.get("key") == b"value"


def test_a_port_that_somebody_took_is_given_up_for_another(server: valkey.Server, tmp_path: Path) -> None:
    taken = int(server.url.split(":")[-1].split("/")[0])
    keeper, child = replace(Keeper.prepare(tmp_path), port=taken).start()
    try:
        assert keeper.port != taken
        assert listens(child.pid, keeper.port)
    finally:
        child.stop()


def test_a_server_named_by_the_environment_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(valkey.GIVEN, "redis://elsewhere:6379/0")
    with valkey.running(tmp_path) as used:
        assert (used.url, used.pid) == ("redis://elsewhere:6379/0", None)
    assert list(tmp_path.iterdir()) == []
