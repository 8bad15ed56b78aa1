"""The world of the sandbox with canaries in it: its processes, its servers, and every way to look at them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import urlsplit
from uuid import uuid4

import psutil

from sandbox.client import wait_for
from sandbox.files import write_json, write_private
from sandbox.sentry import Receiver
from sandbox.stack import commands
from sandbox.stack.commands import Places
from sandbox.stack.records import State
from sandbox.stack.world import PROJECT, key_material_file
from shared.config.settings import Console
from tests.acceptance.canary.broker import Valkey
from tests.acceptance.canary.database import Database
from tests.acceptance.canary.door import Stranger, WatchedClient, Witness
from tests.acceptance.canary.evidence import Evidence
from tests.acceptance.canary.plan import CANARIES as PLAN
from tests.acceptance.canary.provider import Provider
from tests.acceptance.canary.search import Haystack
from tests.acceptance.canary.values import Canaries
from web.console.session import secret_of

ROLES = tuple(role.name for role in PLAN.roles)
PATIENCE_SECONDS = 60.0


@dataclass
class World:
    state: State
    places: Places = field(repr=False)
    sentry: Receiver
    previous_key: str = field(repr=False)
    canaries: Canaries = field(default_factory=Canaries)
    # What was looked at while the story went on.
    evidence: Evidence = field(default_factory=Evidence)
    witness: Witness = field(default_factory=Witness)

    def __post_init__(self) -> None:
        self.provider = Provider(self.places)
        self.database = Database(self.places["database_url"])
        self.valkey = Valkey(self.places["redis_url"])
        self.stranger = Stranger(self.places["web_url"], self.witness)
        self._know_credentials()

    @property
    def api_key(self) -> str:
        return str(self.places["api_key"])

    @property
    def account_token(self) -> str:
        return str(self.places["postmark_account_token"])

    def client(self, api_key: str | None = None) -> WatchedClient:
        """Of a tenant of its own."""
        return WatchedClient(self.places["web_url"], api_key or self.api_key, str(uuid4()), self.witness)

    def hold(self, *names: str) -> None:
        """Killed, and not there until they are let go."""
        for name in names:
            commands.kill(self.state, name, hold=True)

    def let_go(self, *names: str) -> None:
        for name in names:
            commands.start(self.state, name)

    @contextmanager
    def without(self, *names: str) -> Iterator[None]:
        self.hold(*names)
        try:
            yield
        finally:
            self.let_go(*names)

    def log(self, name: str) -> str:
        return (self.state.logs / f"{name}.log").read_text(errors="replace")

    def wait_for_log(self, name: str, words: str) -> None:
        wait_for(lambda: words in self.log(name), bool, seconds=PATIENCE_SECONDS, what=f"{words!r} by {name}")

    def wait_for_rows(self, question: str, *values: object) -> None:
        """Until there is one."""
        wait_for(lambda: self.database.ask(question, *values), bool, seconds=PATIENCE_SECONDS, what=question)

    def wait_for_report(self, role: str, error: str) -> None:
        """Until it has told the collector of an error of this class."""
        wait_for(
            lambda: (role, error) in self.reported(),
            bool,
            seconds=PATIENCE_SECONDS,
            what=f"a report of {error} by {role}",
        )

    def reported(self) -> set[tuple[str, str]]:
        """Roles, and what they told of: the class of an error, or the tag of a finding."""
        events = self.sentry.payloads("event")
        return {(event["tags"]["role"], name) for event in events for name in _names_of(event)}

    def roles_that_told(self, kind: str) -> set[str]:
        """The collector of something: `event` or `transaction`."""
        return {told["tags"]["role"] for told in self.sentry.payloads(kind)}

    def processes(self) -> Iterator[psutil.Process]:
        """Of every role, with those that it started."""
        known = self.state.processes()
        assert known is not None, "the stack runs"
        for role in ROLES:
            leader = known.by_name[role].process()
            if leader is not None:
                yield leader
                with suppress(psutil.NoSuchProcess):
                    yield from leader.children(recursive=True)

    def look_at_processes(self) -> None:
        """What everybody on the machine can read of them."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                line = " ".join((process.name(), *process.cmdline()))
                self.evidence.processes.append(Haystack(f"the command line of {process.pid}", line.encode()))

    def look_at_valkey(self, when: str) -> None:
        self.evidence.valkey += self.valkey.haystacks(when)

    def start(self, *command: str, **environment: str) -> "subprocess.Popen[bytes]":
        """`python -m`, with what the web server is given and `environment` over it; its output is one stream."""
        known = self.state.processes()
        assert known is not None, "the stack runs"
        given = psutil.Process(known.by_name["web"].pid).environ()
        # It has no page of metrics to add to.
        given.pop("PROMETHEUS_MULTIPROC_DIR", None)
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            env=given | environment,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def mount(self, text: str) -> None:
        """Replaced whole, as a mounted secret is."""
        write_private(key_material_file(self.state.folder), text)

    def mounted(self) -> str:
        return key_material_file(self.state.folder).read_text()

    def _know_credentials(self) -> None:
        know, places = self.canaries.know, self.places
        know("the API key", self.api_key)
        know("the previous API key", self.previous_key)
        know("the account token", self.account_token)
        know("the operators' key", places["operator_key"])
        know("the readers' key", places["reader_key"])
        know("the password of the database", urlsplit(places["database_url"]).password or "")
        know("the password of Valkey", urlsplit(places["redis_url"]).password or "")
        know("the key material, version 1", json.loads(self.mounted())["versions"]["1"])
        know("what sessions are signed with", _session_secret(places))


@contextmanager
def running(folder: Path) -> Iterator[World]:
    """Every role as it would be deployed while an API key gives way to another, and as talkative as it can be."""
    previous_key, state = token_urlsafe(32), State(folder / "state")
    with Receiver() as sentry:
        dress = {
            "ARDA_API_KEY_PREVIOUS": previous_key,
            "EMAIL_LOG_LEVEL": "DEBUG",
            "SENTRY_DSN": sentry.dsn,
            "EMAIL_TRACES_SAMPLE_RATE": "1.0",
        }
        write_json(folder / "dress.json", dress)
        with commands.running(state, PLAN_NAME, lambda _: None) as places:
            yield World(state, places, sentry, previous_key)


PLAN_NAME = "tests.acceptance.canary.plan:CANARIES"


def _session_secret(places: Mapping[str, str]) -> bytes:
    keys = {"operatorKey": places["operator_key"], "readerKey": places["reader_key"]}
    return secret_of(Console.model_validate({"enabled": True, "sessionMinutes": 1, **keys}))


def _names_of(event: Mapping[str, object]) -> Iterator[str]:
    tags, exception = event.get("tags"), event.get("exception")
    if isinstance(tags, dict) and "drift" in tags:
        yield str(tags["drift"])
    if isinstance(exception, dict):
        yield from (str(one["type"]) for one in exception["values"])
