"""`docs/api.md` does what it says: its commands and its Python are run, one block after the other, against the app.

A comment before a block says what has to be there (`given`), and which statuses its requests are answered with
(`answers`). A block without a comment is run as it is. All Python is one program, as it is for who reads it.
"""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.unit.web.api import KEY, ROUTING_TOKEN
from tests.unit.web.example_world import Sender, sender
from web import BASE
from web.examples import common

API_MD = Path(__file__).parents[3] / "docs" / "api.md"
_BLOCK = re.compile(
    r"(?:^<!-- (?P<said>[^>]+) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
# Says the status of each answer, and else does what the command does.
_CURL = "curl() { command curl -w '%{stderr}status %{http_code}\\n' \"$@\"; }\n"


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    code: str
    given: str
    answers: list[int]


def blocks() -> list[Block]:
    text = API_MD.read_text(encoding="utf-8")
    return [_block(text, found) for found in _BLOCK.finditer(text)]


def _block(text: str, found: re.Match[str]) -> Block:
    said = dict(part.split(": ", 1) for part in (found["said"] or "").split("; ") if part)
    assert set(said) <= {"given", "answers"}, said
    return Block(
        line=text.count("\n", 0, found.start("code")) + 1,
        language=found["language"],
        code=found["code"],
        given=said.get("given", "a new tenant"),
        answers=[int(status) for status in said.get("answers", "").split()],
    )


def of(language: str) -> list[Any]:
    return [pytest.param(block, id=f"line {block.line}") for block in blocks() if block.language == language]


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Sender, dict[str, str]]]:
    """The app on a port of its own, and what the examples take from the environment."""
    app = sender()
    server = make_server("127.0.0.1", 0, app.api.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield (
            app,
            {
                "BASE": f"http://127.0.0.1:{server.server_port}{BASE}",
                "KEY": KEY,
                "TENANT": common.TENANT,
                "CONFIGURATION": common.CONFIGURATION,
                "JOB": common.JOB,
                "SUPPRESSION": common.SUPPRESSION,
                "ROUTING_TOKEN": ROUTING_TOKEN,
                "NO_PROXY": "127.0.0.1",
                "no_proxy": "127.0.0.1",
            },
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("block", of("sh"))
def test_a_command_is_answered_as_the_document_says(
    served: tuple[Sender, dict[str, str]], block: Block, tmp_path: Path
) -> None:
    app, environment = served
    app.world.set(block.given)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", _CURL + block.code],
        env={**os.environ, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    statuses = [int(status) for status in re.findall(r"^status (\d{3})$", ran.stderr, re.MULTILINE)]
    assert statuses == block.answers, ran.stdout


def test_every_command_says_how_its_requests_are_answered() -> None:
    for block in blocks():
        if block.language == "sh":
            assert len(block.answers) == len(re.findall(r"^curl ", block.code, re.MULTILINE)) > 0, block.line


@pytest.fixture
def environment(served: tuple[Sender, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Sender:
    for name, value in served[1].items():
        monkeypatch.setenv(name, value)
    return served[0]


def run(app: Sender, *, until: str = "") -> dict[str, Any]:
    """The program of the document, each of its parts in its scene; as far as a part in which `until` is made."""
    program: dict[str, Any] = {"__name__": "document"}
    for block in blocks():
        if block.language == "python":
            app.world.set(block.given)
            # Faults are told by their lines in the document.
            at_its_line = "\n" * (block.line - 1) + block.code
            exec(compile(at_its_line, str(API_MD), "exec"), program)
            if until and until in program:
                return program
    assert not until
    return program


def test_the_python_of_the_document_is_a_program_that_runs(environment: Sender) -> None:
    program = run(environment)
    assert {"call", "send", "send_all", "ask", "make_configuration"} <= set(program)
    program["session"].close()


def test_a_send_is_repeated_while_the_store_is_away_and_for_as_long_as_it_is_told(
    environment: Sender,
) -> None:
    program = run(environment, until="send")
    store, waited = environment.world.store, []
    store.down = True

    def pause(seconds: float) -> None:
        waited.append(seconds)
        store.down = len(waited) < 3

    job = program["send"]("order-4712", {**program["message"], "subject": "Another"}, pause=pause)
    assert job["payload"]["status"] == "QUEUED"
    assert waited == [5.0, 5.0, 5.0]
    program["session"].close()


def test_a_send_waits_for_a_domain_that_is_being_verified(environment: Sender) -> None:
    program = run(environment, until="send")
    environment.world.set("a configuration that waits for its verification")
    waited: list[float] = []
    with pytest.raises(TimeoutError):
        program["send"]("order-4713", program["message"], pause=waited.append)
    assert waited == [10.0] * 6
    program["session"].close()


def test_a_send_that_nothing_mends_is_not_repeated(environment: Sender) -> None:
    program = run(environment, until="send")
    environment.world.set("a configuration that was locked a minute ago")
    waited: list[float] = []
    with pytest.raises(program["Refused"]) as refused:
        program["send"]("order-4714", program["message"], pause=waited.append)
    assert (refused.value.problem["code"], waited) == ("locked", [])
    program["session"].close()


def test_every_block_is_of_a_kind_that_is_looked_at() -> None:
    assert {block.language for block in blocks()} == {"sh", "python", "json"}


def test_a_question_is_asked_to_its_last_page(environment: Sender) -> None:
    program = run(environment, until="ask")
    environment.world.set("a configuration that may send")
    for number in range(5):
        program["send"](f"order-{number}", program["message"])
    asked = program["ask"]("/job/query", {"paginate": {"size": 2}})
    assert [job["idempotencyKey"] for job in asked] == [f"order-{number}" for number in range(5)]
    program["session"].close()


@pytest.mark.parametrize("block", of("json"))
def test_what_is_shown_as_json_is_json(block: Block) -> None:
    json.loads(block.code)
