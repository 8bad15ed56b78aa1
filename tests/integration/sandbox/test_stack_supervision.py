"""`python -m sandbox.stack` on real servers, with tiny roles in place of the product's."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from sandbox.stack.world import PROJECT

PLANS = "tests.integration.sandbox.launcher_fixtures"
PATIENCE_SECONDS = 30.0


class Stack:
    """The command line, on a state folder of its own."""

    def __init__(self, folder: Path, plan: str = "HEALTHY") -> None:
        self.folder = folder
        self._plan = f"{PLANS}:{plan}"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EMAIL_")}
        return subprocess.run(
            [sys.executable, "-m", "sandbox.stack", "--plan", self._plan, *arguments],
            env=environment | {"EMAIL_STATE_DIR": str(self.folder)},
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )

    def do(self, *arguments: str) -> str:
        answer = self.run(*arguments)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def places(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "stack.json").read_text())
        return found

    def pid(self, name: str) -> int:
        return int(self.places()["pids"][name])

    def family(self) -> list[psutil.Process]:
        """The supervisor and every descendant of it."""
        supervisor = psutil.Process(self.pid("supervisor"))
        return [supervisor, *supervisor.children(recursive=True)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("stack"))
    running.do("up")
    yield running
    running.run("down")


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    running = Stack(tmp_path)
    running.do("up")
    yield running
    running.run("down")


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def gone(processes: list[psutil.Process]) -> bool:
    return psutil.wait_procs(processes, timeout=PATIENCE_SECONDS)[1] == []


def test_up_publishes_where_things_are_to_its_owner_only(stack: Stack) -> None:
    assert stat.S_IMODE((stack.folder / "stack.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.folder.stat().st_mode) == 0o700
    assert {
        "web_url",
        "console_url",
        "aws_url",
        "database_url",
        "redis_url",
        "api_key",
    } <= stack.places().keys()


def test_up_lists_the_pid_of_every_process(stack: Stack) -> None:
    names = {"supervisor", "postgres", "valkey", "aws", "web", "send", "scheduler"}
    assert stack.places()["pids"].keys() == names
    assert all(psutil.pid_exists(stack.pid(name)) for name in names)


def test_the_migrations_ran_before_the_roles(stack: Stack) -> None:
    with psycopg.connect(stack.places()["database_url"]) as connection:
        assert connection.execute("SELECT one FROM migrated").fetchone() == (1,)


def test_a_second_up_finds_the_same_stack(stack: Stack) -> None:
    before = stack.places()
    stack.do("up")
    assert stack.places() == before


def test_a_killed_role_is_started_again_and_its_orphans_are_not_left(stack: Stack) -> None:
    old = psutil.Process(stack.pid("send"))
    orphans = old.children()
    assert orphans
    old.kill()
    assert gone([old, *orphans])
    eventually(lambda: stack.pid("send") != old.pid and psutil.pid_exists(stack.pid("send")))


def test_a_kill_does_not_wait_for_the_supervisor_to_end_what_the_role_has_started(stack: Stack) -> None:
    old, supervisor = psutil.Process(stack.pid("send")), psutil.Process(stack.pid("supervisor"))
    started = old.children()
    assert started
    supervisor.suspend()
    try:
        stack.do("kill", "send")
        assert gone(started)
    finally:
        supervisor.resume()
    eventually(lambda: stack.pid("send") != old.pid)


def test_a_restarted_role_is_ended_in_order(stack: Stack) -> None:
    old = psutil.Process(stack.pid("scheduler"))
    stack.do("restart", "scheduler")
    assert stack.pid("scheduler") != old.pid
    assert gone([old])


def test_a_killed_database_comes_back_on_its_port_with_its_rows(stack: Stack) -> None:
    with psycopg.connect(stack.places()["database_url"], autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    stack.do("kill", "postgres")
    eventually(lambda: rows_are_back(stack.places()["database_url"]))


def rows_are_back(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    except psycopg.OperationalError:
        return False


def test_a_held_server_stays_down_until_it_is_started(stack: Stack) -> None:
    url = stack.places()["redis_url"]
    old = psutil.Process(stack.pid("valkey"))
    stack.do("kill", "valkey", "--hold")
    assert gone([old])
    # Everything else that was killed meanwhile has come back: the supervisor has looked at valkey too, and let it be.
    stack.do("restart", "web")
    assert not answers(url)
    stack.do("start", "valkey")
    eventually(lambda: answers(url))


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_down_ends_ours_but_not_a_stranger_who_was_given_a_pid_of_ours(own_stack: Stack) -> None:
    processes = own_stack.family()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        file = own_stack.folder / "processes.json"
        known = json.loads(file.read_text())
        known["by_name"]["stranger"] = {"pid": stranger.pid, "created_at": 1.0}
        file.write_text(json.dumps(known))
        own_stack.do("down")
        assert stranger.poll() is None
        stranger.kill()
    assert not any(process.is_running() for process in processes)
    assert {path.name for path in own_stack.folder.iterdir()} == {"logs", "lock"}


def test_what_a_killed_supervisor_left_is_spared_by_up_and_ended_by_down(own_stack: Stack) -> None:
    supervisor, *others = own_stack.family()
    unnamed = psutil.Process(
        own_stack.pid("send")
    )  # its worker is in no file, and without a leader from now on
    assert unnamed.children()
    for process in (supervisor, unnamed):
        process.send_signal(signal.SIGKILL)
    assert gone([supervisor])
    refused = own_stack.run("up")
    assert (refused.returncode, "`down` stops them" in refused.stdout) == (1, True)
    own_stack.do("down")
    assert not any(process.is_running() for process in others)


@pytest.mark.parametrize(("plan", "part"), [("BROKEN_ROLE", "send"), ("BROKEN_MIGRATION", "migrate")])
def test_a_part_that_fails_ends_up_with_its_reason_and_nothing_running(
    plan: str, part: str, tmp_path: Path
) -> None:
    broken = Stack(tmp_path, plan)
    answer = broken.run("up")
    assert answer.returncode == 1
    assert f"{part} ended with exit code 1" in answer.stdout
    assert "the reason of this crash" in answer.stdout
    assert broken.run("status").stdout == "nothing is running\n"
    assert not (tmp_path / "stack.json").exists()


def test_down_without_a_stack_is_no_fault(tmp_path: Path) -> None:
    assert Stack(tmp_path).do("down") == "nothing was running\n"
