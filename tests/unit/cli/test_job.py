"""Jobs from the command line, over the API itself: sent, found, told of, decided."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EventKind
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.persistence.ids import new_id
from shared.ports.events import EventHeaders
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.cli.world import OPERATOR, World
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.policy import ProjectionPolicy

WHY = ("--reason", "ticket 4711")
PERSON = "person@example.com"


@pytest.fixture
def world(world: World) -> World:
    return world.with_api()


@pytest.fixture
def acme(world: World) -> EmailConfiguration:
    configuration = factories.sendable()
    with world.store.begin() as tx:
        tx.configurations.add(configuration, factories.CREATED)
    return configuration


def accept(world: World, acme: EmailConfiguration, **given: Any) -> EmailJob:
    new = factories.new_job(acme, **{"due_at": world.store.clock.now(), **given})
    with world.store.begin() as tx:
        tx.jobs.accept([new])
    return new.job


def work(world: World, acme: EmailConfiguration, status: JobStatus, **given: Any) -> None:
    """A worker claims what is due; this comes of each."""
    claim_id = new_id()
    with world.store.begin() as tx:
        claimed = tx.jobs.claim(acme.e_id, claim_id=claim_id, limit=10, lease_seconds=60).jobs
        settled = [Settlement(job.e_id, status, **given) for job in claimed]
        assert len(tx.jobs.record(claim_id, settled)) == len(settled) > 0


def tell(world: World, acme: EmailConfiguration, job: EmailJob, kind: EventKind, **given: Any) -> None:
    """As the provider calls back, and a worker folds it in."""
    facts = factories.facts(kind, job_id=job.e_id, recipient=job.recipient, **given)
    event = factories.event(acme, facts, received_at=world.store.advance(seconds=1))
    with world.store.begin() as tx:
        tx.events.add(event, EventHeaders())
    policy = ProjectionPolicy(batch_size=50, retry_seconds=60, give_up_after=timedelta(hours=24))
    # What the worker logs is not on the operator's terminal.
    with capture_logs():
        project_events(acme.e_id, ProjectionDeps(world.store, RecordingDoorbell(), policy))


def held(world: World, e_id: UUID) -> EmailJob:
    with world.store.begin() as tx:
        found = tx.jobs.get(factories.TENANT, e_id)
    assert found is not None
    return found


# --- sending ---------------------------------------------------------------------------


def test_a_test_mail_needs_no_more_than_who_sends_it_and_who_gets_it(
    world: World, acme: EmailConfiguration
) -> None:
    told = world.run("job", "send", "--configuration", acme.e_id, "--recipient", PERSON, "-o", "json")
    assert told.exit_code == 0, told.output
    sent = json.loads(told.stdout)
    assert (sent["status"], sent["recipient"], sent["author"]) == ("QUEUED", PERSON, OPERATOR)
    assert told.stderr == f"Idempotency-Key: {sent['idempotencyKey']}\n"
    assert held(world, UUID(sent["eId"])).status is JobStatus.QUEUED


def test_the_same_key_again_is_the_same_mail(world: World, acme: EmailConfiguration) -> None:
    send = ("job", "send", "--configuration", acme.e_id, "--recipient", PERSON, "--key", "order-4711")
    first, again = world.run(*send), world.run(*send)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "accepted before" not in first.stderr
    assert "accepted before" in again.stderr
    assert len(world.run_json("job", "query", "--key", "order-4711")) == 1
    other = world.run(*send, "--text", "another")
    assert other.exit_code == 5
    assert "belongs to another body" in other.stderr


def test_a_file_is_the_body_and_options_come_before_it(
    world: World, acme: EmailConfiguration, tmp_path: Path
) -> None:
    body = {
        "configurationEId": str(acme.e_id),
        "recipient": "other@example.com",
        "subject": "Hi",
        "textBody": ".",
    }
    file = tmp_path / "mail.json"
    file.write_text(json.dumps(body), encoding="utf-8")
    assert world.run_json("job", "send", file)["recipient"] == "other@example.com"
    assert world.run_json("job", "send", file, "--recipient", PERSON, "--tag", "x")["tag"] == "x"
    assert json.loads(world.requests[-1].body or "") == {**body, "recipient": PERSON, "tag": "x"}


def test_the_file_may_be_standard_input(world: World, acme: EmailConfiguration) -> None:
    text = json.dumps({"configurationEId": str(acme.e_id), "subject": "Hi", "textBody": "."})
    told = world.run("job", "send", "-", "--recipient", PERSON, answer=text)
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize(
    ("content", "advice"), [("no json", "no JSON"), ("[]", "no JSON object"), ("[" * 100_000, "no JSON")]
)
def test_a_file_that_is_no_body_is_not_sent(world: World, tmp_path: Path, content: str, advice: str) -> None:
    file = tmp_path / "mail.json"
    file.write_text(content)
    told = world.run("job", "send", file)
    assert (told.exit_code, advice in told.stderr) == (2, True)
    assert world.requests == []


def test_without_a_file_it_says_what_is_missing(world: World) -> None:
    told = world.run("job", "send", "--recipient", PERSON)
    assert told.exit_code == 2
    assert "Give a FILE, or --configuration." in told.stderr


def test_a_suppressed_recipient_is_refused_with_the_reason(world: World, acme: EmailConfiguration) -> None:
    with world.store.begin() as tx:
        tx.suppressions.add(factories.suppression(address=PERSON))
    told = world.run("job", "send", "--configuration", acme.e_id, "--recipient", PERSON)
    assert told.exit_code == 5
    assert "Suppressed as MANUAL since 2026" in told.stderr


def test_what_is_sent_may_be_followed_to_its_end(world: World, acme: EmailConfiguration) -> None:
    def deliver() -> None:
        work(world, acme, JobStatus.SENT, provider_message_id="m-1")
        (job,) = world.store._state.jobs.values()
        tell(world, acme, job, EventKind.DELIVERY, message_id="m-1")

    world.meanwhile = [deliver]
    told = world.run("job", "send", "--configuration", acme.e_id, "--recipient", PERSON, "--follow")
    assert told.exit_code == 0, told.output
    assert "now: DELIVERED" in told.stdout


# --- finding ---------------------------------------------------------------------------


def test_options_are_told_in_the_filter_language_and_all_of_them_hold(
    world: World, acme: EmailConfiguration
) -> None:
    now = world.store.clock.now()
    wanted = accept(world, acme, recipient="a@example.com", tag="t", accepted_at=now)
    accept(world, acme, recipient="a@example.com", tag="other", accepted_at=now)
    accept(world, acme, recipient="b@example.com", tag="t", accepted_at=now)
    accept(world, acme, recipient="a@example.com", tag="t", accepted_at=now - timedelta(hours=3))
    found = world.run_json(
        *("job", "query", "--status", "QUEUED", "--status", "SENT", "--recipient", "A@Example.com"),
        *("--tag", "t", "--since", "2h", "--configuration", acme.e_id),
    )
    assert [row["eId"] for row in found] == [str(wanted.e_id)]


def test_since_and_until_are_moments_too_and_end_where_they_say(
    world: World, acme: EmailConfiguration
) -> None:
    for hour in (1, 2, 3):
        accept(
            world, acme, accepted_at=factories.LONG_AGO.replace(hour=hour, minute=0, second=0, microsecond=0)
        )
    day = f"{factories.LONG_AGO:%Y-%m-%d}"
    found = world.run_json("job", "query", "--since", f"{day}T01:00Z", "--until", f"{day}T03:00Z")
    assert len(found) == 2


def test_what_is_no_time_is_refused_with_an_example(world: World) -> None:
    for given in ("yesterday", "2h30", "0h", "-2h", "99999999d"):
        told = world.run("job", "query", f"--since={given}")
        assert (told.exit_code, "such as" in told.stderr) == (2, True), given


def test_pages_are_turned_up_to_the_limit_newest_first(world: World, acme: EmailConfiguration) -> None:
    begin = world.store.clock.now()
    for number in range(520):
        accept(world, acme, tag=str(number), accepted_at=begin + timedelta(seconds=number))
    assert [row["tag"] for row in world.run_json("job", "query", "--limit", 3)] == ["519", "518", "517"]
    assert len(world.run_json("job", "query", "--limit", 510)) == 510
    assert len(world.run_json("job", "query", "--limit", 1000)) == 520


def test_no_job_is_said_and_not_left_blank(world: World) -> None:
    assert world.run("job", "query").stderr == "No such job.\n"


# --- telling ---------------------------------------------------------------------------


def test_show_tells_people_of_the_error_in_words(world: World, acme: EmailConfiguration) -> None:
    job = accept(world, acme)
    work(world, acme, JobStatus.FAILED, error_code="300", error_text="Invalid 'To' address")
    assert "300: Invalid 'To' address" in world.run("job", "show", job.e_id).stdout
    assert world.run_json("job", "show", job.e_id)["error"] == {"code": "300", "text": "Invalid 'To' address"}
    assert world.run("job", "show", factories.TENANT).exit_code == 6


def test_trace_tells_request_attempts_operators_and_events_in_their_order(
    world: World, acme: EmailConfiguration
) -> None:
    job = accept(world, acme, accepted_at=world.store.clock.now())
    world.store.advance(seconds=1)
    work(
        world,
        acme,
        JobStatus.QUEUED,
        due_at=world.store.clock.now(),
        error_code="503",
        error_text="busy\nnow",
    )
    world.store.advance(seconds=1)
    work(world, acme, JobStatus.SENT, provider_message_id="m-1")
    tell(world, acme, job, EventKind.BOUNCE, message_id="m-1", hard_bounce=True)
    tell(world, acme, job, EventKind.DELIVERY, message_id="m-1")
    world.store.advance(seconds=1)
    assert world.run("job", "resolve", job.e_id, *WHY, "--yes").exit_code == 0
    lines = world.run("job", "trace", job.e_id).stdout.splitlines()
    told = [line.split("Z  ")[1].split()[0] for line in lines[:-1]]
    assert told == ["accepted", *["attempt"] * 4, "event", "event", "action"]
    text = "\n".join(lines)
    for part in ("503: busy now", "message id m-1", "Bounce", f"job.resolve by {OPERATOR}: ticket 4711"):
        assert part in text
    assert lines[-1].startswith("now: BOUNCED")
    story = world.run_json("job", "trace", job.e_id)
    assert [entry["type"] for entry in story["entries"]][:2] == ["accepted", "attempt"]
    assert story["job"]["status"] == "BOUNCED"


def test_follow_tells_each_line_once_as_it_comes(world: World, acme: EmailConfiguration) -> None:
    job = accept(world, acme)
    world.meanwhile = [
        lambda: work(world, acme, JobStatus.SENT, provider_message_id="m-1"),
        lambda: None,
        lambda: tell(world, acme, job, EventKind.DELIVERY, message_id="m-1"),
    ]
    told = world.run("job", "trace", job.e_id, "--follow")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert len(lines) == len(set(lines)) == 5
    assert lines[-1].startswith("now: DELIVERED")


def test_follow_ends_with_8_when_the_mail_was_not_delivered(world: World, acme: EmailConfiguration) -> None:
    job = accept(world, acme)
    world.meanwhile = [lambda: work(world, acme, JobStatus.FAILED, error_code="300", error_text="no")]
    told = world.run("job", "trace", job.e_id, "--follow", "-o", "json")
    assert told.exit_code == 8
    assert json.loads(told.stdout)["job"]["status"] == "FAILED"


def test_follow_gives_up_when_its_time_is_over(world: World, acme: EmailConfiguration) -> None:
    job = accept(world, acme)
    told = world.run("job", "trace", job.e_id, "--follow", "--timeout", "1m")
    assert told.exit_code == 4
    assert sum(world.waited) == 60


# --- deciding --------------------------------------------------------------------------


def doubt(world: World, acme: EmailConfiguration) -> EmailJob:
    job = accept(world, acme)
    later = world.store.clock.now() + timedelta(minutes=1)
    work(world, acme, JobStatus.IN_DOUBT, due_at=later, error_code="read_timeout", error_text="lost")
    return job


@pytest.mark.parametrize(
    ("args", "status"),
    [
        (("sent", "--message-id", "m-9"), JobStatus.SENT),
        (("resend",), JobStatus.QUEUED),
        (("fail",), JobStatus.FAILED),
    ],
)
def test_a_verdict_settles_a_job_that_awaits_one(
    world: World, acme: EmailConfiguration, args: tuple[str, ...], status: JobStatus
) -> None:
    job = doubt(world, acme)
    world.hour_passes(4)
    assert "waits for 'job decide'" in world.run("job", "trace", job.e_id).stdout
    told = world.run_json("job", "decide", job.e_id, *args, *WHY, "--yes")
    assert told["status"] == status
    assert held(world, job.e_id).provider_message_id == ("m-9" if "sent" in args else None)
    with world.store.begin() as tx:
        (action,) = tx.jobs.actions(factories.TENANT, job.e_id)
    assert (action.author, action.reason) == (OPERATOR, "ticket 4711")


def test_a_verdict_that_comes_too_early_is_told_from_when_on(world: World, acme: EmailConfiguration) -> None:
    job = doubt(world, acme)
    told = world.run("job", "decide", job.e_id, "sent", *WHY, "--yes")
    assert told.exit_code == 5
    assert "To be decided from 2026-11-02 13:00:00Z on." in told.stderr


@pytest.mark.parametrize("args", [("decide", "resend"), ("resolve",)])
def test_what_is_said_by_hand_asks_for_a_reason_and_then_whether_it_is_meant(
    world: World, acme: EmailConfiguration, args: tuple[str, ...]
) -> None:
    job = doubt(world, acme)
    command = ("job", args[0], job.e_id, *args[1:])
    assert world.run(*command, "--yes").exit_code == 2, "nobody says why"
    assert world.run(*command, *WHY).exit_code == 5, "nobody is there to ask"
    declined = world.run(*command, answer="because\nn\n")
    assert declined.exit_code == 1
    assert held(world, job.e_id).status is JobStatus.IN_DOUBT
    world.hour_passes(4)
    asked = world.run(*command, answer="because\ny\n")
    assert asked.exit_code == (0 if args[0] == "decide" else 5), asked.output


def test_resend_warns_that_the_recipient_may_get_it_twice(world: World, acme: EmailConfiguration) -> None:
    told = world.run("job", "decide", doubt(world, acme).e_id, "resend", *WHY, answer="n\n")
    assert "twice" in told.stderr
