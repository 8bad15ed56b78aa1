"""No secret and no mail is anywhere but where it belongs.

One world is played through, with values in it that are told again wherever they go; then everything that it left is
searched for each of them, in plain and in the usual disguises. What may be where stands in `canary/allowed.py`.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from stat import S_IMODE
from urllib.parse import quote

import pytest

from tests.acceptance.canary import allowed, places, story, world
from tests.acceptance.canary.search import Haystack, leaks, seen
from tests.acceptance.canary.values import Canaries, Kind
from tests.acceptance.canary.world import ROLES, World


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world.running(tmp_path_factory.mktemp("canaries")) as running:
        story.play(running)
        places.look(running)
        yield running


def found(haystacks: Sequence[Haystack], played: World) -> list[str]:
    assert any(haystack.data for haystack in haystacks), "there was something to search"
    return [str(leak) for leak in leaks(haystacks, played.canaries)]


def test_no_log_says_a_secret_or_what_is_in_a_mail(played: World) -> None:
    assert found(played.evidence.logs, played) == []


def test_no_report_and_no_trace_tells_the_collector(played: World) -> None:
    assert found(played.evidence.reports, played) == []


def test_no_metric_is_labelled_with_one(played: World) -> None:
    assert found(played.evidence.metrics, played) == []


def test_no_message_and_no_key_in_valkey_carries_one(played: World) -> None:
    assert found(played.evidence.valkey, played) == []


def test_no_column_holds_what_it_is_not_meant_for(played: World) -> None:
    assert found(played.evidence.tables, played) == []


def test_no_answer_tells_what_its_caller_is_not_to_see(played: World) -> None:
    assert found(played.evidence.answers, played) == []


def test_no_command_line_shows_one_to_everybody_on_the_machine(played: World) -> None:
    assert found(played.evidence.processes, played) == []


def test_no_command_shows_an_operator_more_than_it_is_for(played: World) -> None:
    assert found(played.evidence.commands, played) == []


def test_no_file_holds_one_that_is_not_there_to_hold_it(played: World) -> None:
    assert found(played.evidence.files, played) == []


def test_files_that_hold_secrets_are_for_their_owner_alone(played: World) -> None:
    folder = played.state.folder
    assert S_IMODE(folder.stat().st_mode) == 0o700
    held = [path for path in folder.rglob("*") if places.holds_secrets(str(path.relative_to(folder)))]
    assert {path.name for path in held} >= {"stack.json", "key-material.json", "valkey.conf"}
    assert {path.name for path in held if path.is_file() and S_IMODE(path.stat().st_mode) & 0o077} == set()


def test_a_server_token_is_kept_sealed_and_a_routing_token_as_its_hash(played: World) -> None:
    ((sealed, hashed),) = played.database.ask(
        "SELECT server_token, routing_token_hash FROM email_configuration WHERE routing_token_hash = %s",
        sha256(played.canaries.named("the routing token").encode()).digest(),
    ) or ((None, None),)
    assert hashed is not None
    # The provider keeps the server of the configuration that was removed, and we its token.
    assert sealed is None or sealed.startswith("a1.k2:")


# That something would have been found.


def test_every_column_that_may_hold_something_does(played: World) -> None:
    """A leave that nobody makes use of is a hole; and what is there to be found is found."""
    columns = {haystack.place: haystack for haystack in played.evidence.tables}
    unused = {
        f"{kind} in {place}"
        for place, kinds in allowed.COLUMNS.items()
        for kind in kinds
        if not seen([columns[place]], played.canaries.of(kind))
    }
    assert unused == set()


def test_what_can_go_wrong_went_wrong(played: World) -> None:
    assert played.witness.statuses >= {
        200,
        201,
        202,
        303,
        400,
        401,
        403,
        404,
        405,
        409,
        413,
        415,
        422,
        500,
        503,
    }
    assert played.reported() >= {
        ("web", "DatabaseFault"),
        ("web", "StoreUnavailable"),
        ("send", "TypeError"),
        ("projection", "DatabaseFault"),
        ("scheduler", "DatabaseFault"),
        ("drift", "email.drift.postmark_orphan_server"),
    }
    letters = played.database.ask("SELECT subject, error_class FROM dead_letter")
    assert {("job", "300"), ("message", "TypeError"), ("message", "DatabaseFault")} <= set(letters)


def test_every_role_was_as_talkative_as_it_can_be_made(played: World) -> None:
    assert {haystack.place for haystack in played.evidence.logs} >= {
        f"{role}.log" for role in (*ROLES, "migrate")
    }
    environments = [process.environ() for process in played.processes()]
    assert len(environments) >= len(ROLES)
    assert {environment["EMAIL_LOG_LEVEL"] for environment in environments} == {"DEBUG"}
    told = {role for kind in ("event", "transaction") for role in played.roles_that_told(kind)}
    assert told == set(ROLES)


@pytest.mark.parametrize("message", [b'"SendJobs"', b'"ProjectEvents"'])
def test_messages_were_waiting_when_valkey_was_looked_at(played: World, message: bytes) -> None:
    assert any(message in haystack.data for haystack in played.evidence.valkey)


Disguise = Callable[[str], str]
IN_DISGUISE = pytest.mark.parametrize(
    "disguise",
    [
        pytest.param(str, id="plain"),
        pytest.param(str.upper, id="upper case"),
        pytest.param(lambda value: value[:12] + "...", id="its beginning"),
        pytest.param(lambda value: "..." + value[-12:], id="its end"),
        pytest.param(lambda value: quote(value, safe=""), id="URL"),
        pytest.param(json.dumps, id="JSON"),
        pytest.param(lambda value: json.dumps(json.dumps(value)), id="JSON in JSON"),
        pytest.param(lambda value: value.encode().hex().upper(), id="hex"),
        pytest.param(lambda value: base64.b64encode(value.encode()).decode(), id="base64"),
        pytest.param(lambda value: base64.b64encode(f"x{value}".encode()).decode(), id="base64 after a byte"),
        pytest.param(lambda value: base64.urlsafe_b64encode(f"xy{value}".encode()).decode(), id="base64url"),
    ],
)


@IN_DISGUISE
def test_a_value_is_told_again_in_every_disguise(disguise: Disguise) -> None:
    value, planted = 'p/\u00fc?s"w\\rd>~+ /with&every=odd%thing', Canaries()
    planted.know("a password", value)
    haystack = Haystack("a place", f"before {disguise(value)} after".encode())
    assert {leak.place for leak in leaks([haystack], planted)} == {"a place"}
    assert leaks([Haystack("a place", b"before after")], planted) == []


@IN_DISGUISE
def test_a_canary_is_found_in_a_log_line_in_valkey_and_in_a_table(played: World, disguise: Disguise) -> None:
    planted = Canaries()
    shown = disguise(planted.new("what was planted", Kind.SECRET))
    with (played.state.logs / "send.log").open("a") as log:
        log.write(json.dumps({"event": "email.send.accepted", "of": shown}) + "\n")
    with played.valkey.connected() as client:
        client.hset("shop-access-email:send.msgs", "planted", f'{{"args": ["{shown}"]}}')
    played.database.run("UPDATE dead_letter SET reason = %s", f"refused: {shown}")
    haystacks = [*places.logs(played), *played.valkey.haystacks("now"), *played.database.haystacks()]
    assert {leak.place for leak in leaks(haystacks, planted)} == {
        "send.log",
        "Valkey now: 0/shop-access-email:send.msgs",
        "dead_letter.reason",
    }


def test_what_may_be_somewhere_is_a_leak_elsewhere() -> None:
    recipients = Canaries()
    core = recipients.new("a recipient", Kind.RECIPIENT)
    here, there = (
        Haystack(place, core.encode(), may)
        for place, may in (("here", frozenset({Kind.RECIPIENT})), ("there", frozenset[Kind]()))
    )
    assert [leak.place for leak in leaks([here, there], recipients)] == ["there"]
