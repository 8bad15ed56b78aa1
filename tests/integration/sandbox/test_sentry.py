"""The stand-in for an error collector, as a client of its protocol meets it."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.leash import leashed
from sandbox.process import Child, Program, bare_environment
from sandbox.sentry import KEY, Receiver

ROOT = Path(__file__).parents[3]
AUTH = {"X-Sentry-Auth": f"Sentry sentry_key={KEY}, sentry_version=7"}
EVENT = {"event_id": "e1", "message": "Grüße"}


def envelope(*items: tuple[str, object]) -> bytes:
    lines = [json.dumps({"event_id": "e1"})]
    for type, payload in items:
        text = json.dumps(payload)
        lines += [json.dumps({"type": type, "length": len(text.encode())}), text]
    return "\n".join(lines).encode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def post(receiver: Receiver, body: bytes, **headers: str) -> int:
    url = f"{receiver.url}/api/1/envelope/"
    return requests.post(url, data=body, headers={**AUTH, **headers}, timeout=5).status_code


def test_an_envelope_is_kept_with_its_items(receiver: Receiver) -> None:
    assert post(receiver, envelope(("event", EVENT), ("client_report", {}))) == 200
    (kept,) = receiver.envelopes()
    assert [item.type for item in kept.items] == ["event", "client_report"]
    assert receiver.payloads("event") == [EVENT]


def test_an_envelope_may_come_compressed(receiver: Receiver) -> None:
    body = gzip.compress(envelope(("event", EVENT)))
    assert post(receiver, body, **{"Content-Encoding": "gzip"}) == 200
    assert receiver.payloads("event") == [EVENT]
    assert post(receiver, body, **{"Content-Encoding": "br"}) == 415


def test_an_item_without_a_length_ends_with_its_line(receiver: Receiver) -> None:
    body = b'{}\n{"type": "event"}\n{"a": 1}\n{"type": "event"}\n{"a": 2}'
    assert post(receiver, body) == 200
    assert receiver.payloads("event") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("body", [b"", b"rubbish", b"{}\n{}\n{}", b'{}\n{"length": 2}\n{}'])
def test_what_is_no_envelope_is_refused(receiver: Receiver, body: bytes) -> None:
    assert post(receiver, body) == 400
    assert receiver.envelopes() == []


def test_who_shows_another_key_is_refused(receiver: Receiver) -> None:
    assert post(receiver, envelope(("event", EVENT)), **{"X-Sentry-Auth": "Sentry sentry_key=other"}) == 401
    assert receiver.envelopes() == []


def test_what_is_answered_can_be_changed_and_what_was_kept_forgotten(receiver: Receiver) -> None:
    assert requests.put(f"{receiver.url}/answer", json={"status": 429}, timeout=5).status_code == 200
    assert post(receiver, envelope(("event", EVENT))) == 429
    requests.put(f"{receiver.url}/answer", json={"status": 200}, timeout=5)
    assert post(receiver, envelope(("event", EVENT))) == 200
    (told,) = requests.get(f"{receiver.url}/envelopes", timeout=5).json()
    assert told["items"] == [{"type": "event", "payload": EVENT}]
    requests.delete(f"{receiver.url}/envelopes", timeout=5)
    assert receiver.envelopes() == []


def test_as_a_process_it_says_where_it_listens(tmp_path: Path) -> None:
    said = tmp_path / "state" / "sentry.json"
    program = Program(
        name="sentry",
        argv=(sys.executable, "-m", "sandbox.sentry", "--state-dir", str(said.parent)),
        env=bare_environment(),
        log=tmp_path / "sentry.log",
        cwd=ROOT,
    )
    with leashed(Child(program)) as child:
        child.wait_until(said.exists, seconds=20)
        found = json.loads(said.read_text())
        assert found["pid"] == child.pid
        dsn = urlsplit(found["dsn"])
        assert (dsn.username, dsn.path) == (KEY, "/1")
        assert requests.get(f"{found['url']}/envelopes", timeout=5).json() == []
        assert found["dsn"] in child.output()
        child.ask_to_stop()
        assert child.wait(seconds=10) == 0
