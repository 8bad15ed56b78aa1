"""`emailctl job`: one mail's life, and an operator's word where nobody else can tell. Speaks to the API."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import click

from shared.cli.api import JsonObject
from shared.cli.job_sending import body_of, new_key
from shared.cli.job_story import follow_job, give_story, story_of, tell_story
from shared.cli.job_trace import now
from shared.cli.options import asks, calls_api, confirm, gives_reason, reason_for, shows, waits, writes
from shared.cli.output import Column, Output, Row, moment
from shared.cli.session import Session, pass_session
from shared.cli.times import MomentOrAgo, milliseconds, moment_of
from shared.domain.job import JobStatus, checked_idempotency_key
from shared.domain.suppression import checked_address

_PATH = "/job"
_COLUMNS = (
    Column("status", "STATUS"),
    Column("recipient", "RECIPIENT"),
    Column("tag", "TAG"),
    Column("acceptedAt", "ACCEPTED"),
    Column("attempts", "TRIES"),
    Column("error", "ERROR"),
    Column("eId", "ID", whole=True),
)
_TIMES = ("acceptedAt", "updatedAt", "dueAt", "inDoubtSince")
_QUESTIONS = {
    "sent": "It counts as sent, and is not sent again. Is that so?",
    "resend": "It is sent now. If it did go out after all, the recipient gets it twice. Send it?",
    "fail": "It is not sent any more, and nobody will know what became of it. Give it up?",
}


@click.group()
def job() -> None:
    """One mail each: what became of it, and what to do where nobody knows.

    All of them speak to the API: EMAIL_API_URL, ARDA_API_KEY (or ARDA_API_KEY_FILE), EMAIL_TENANT.
    """


@job.command()
@click.argument("job_id", metavar="JOB", type=click.UUID)
@calls_api
@shows
@pass_session
def show(session: Session, job_id: UUID) -> None:
    """Show JOB as it is now. ('job trace' tells how it came to that.)

    \b
    Examples:
      emailctl job show 019b0000-0000-7000-8000-000000000002
    """
    out = session.out
    out.record(_row(session.api().get(f"{_PATH}/{job_id}"), out))


@job.command()
@click.argument("job_id", metavar="JOB", type=click.UUID)
@click.option("--follow", is_flag=True, help="Until it has ended; tell what is new as it comes.")
@waits("15m")
@calls_api
@shows
@pass_session
def trace(session: Session, job_id: UUID, *, follow: bool, timeout: timedelta) -> None:
    """Tell what happened to JOB, as one list: the request, each attempt, what operators did, what the provider told.

    With --follow it ends with 8 when the mail was not delivered, and with 4 when the time was over before.

    \b
    Examples:
      emailctl job trace 019b0000-0000-7000-8000-000000000002
      emailctl job trace 019b0000-0000-7000-8000-000000000002 --follow --timeout 2h
      emailctl job trace 019b0000-0000-7000-8000-000000000002 -o json
    """
    api = session.api()
    if follow:
        follow_job(session, api, f"{_PATH}/{job_id}", timeout)
    else:
        story = story_of(api, f"{_PATH}/{job_id}")
        tell_story(session.out, story, told=set())
        session.out.say(now(story["job"]))
        give_story(session.out, story)


@job.command()
@click.option("--status", type=click.Choice(JobStatus), multiple=True, help="Only in this status.")
@click.option("--recipient", help="Only to this address.")
@click.option("--tag", help="Only with this tag.")
@click.option("--configuration", "configuration_id", type=click.UUID, help="Only of this configuration.")
@click.option(
    "--since", type=MomentOrAgo(), help="Accepted since then: 2026-11-22T01:00Z, or 2h for so long ago."
)
@click.option("--until", type=MomentOrAgo(), help="Accepted before then.")
@click.option("--error", help="Only with this error code.")
@click.option("--key", help="Only with this Idempotency-Key.")
@click.option("--message-id", help="Only what the provider calls so.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@calls_api
@shows
@pass_session
def query(
    session: Session,
    /,
    *,
    status: Sequence[JobStatus],
    configuration_id: UUID | None,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    limit: int,
    **fields: str | None,
) -> None:
    """Find the tenant's jobs, the newest first. All that is given has to hold.

    \b
    Examples:
      emailctl job query --status BOUNCED --status COMPLAINED --since 24h
      emailctl job query --recipient person@example.com --limit 10
      emailctl job query --tag invoice --since 2026-11-22T01:00Z --until 2026-11-22T03:30Z -o json
    """
    wanted: list[JsonObject] = (
        [] if not status else [{"locator": "status", "in": [one.value for one in status]}]
    )
    if configuration_id is not None:
        wanted.append({"locator": "configurationEId", "eq": str(configuration_id)})
    for operator, at in (("ge", since), ("lt", until)):
        if at is not None:
            wanted.append({"locator": "acceptedAt", operator: milliseconds(moment_of(session, at))})
    wanted += _equal(fields)
    question = {
        "filter": {"and": wanted} if wanted else True,
        "sort": [{"locator": "acceptedAt", "descending": True}],
    }
    out = session.out
    records = session.api().pages(f"{_PATH}/query", question, limit=limit)
    out.rows(_COLUMNS, [_row(record, out) for record in records], empty="No such job.")


def _equal(fields: dict[str, str | None]) -> list[JsonObject]:
    locators = {
        "recipient": "recipient",
        "tag": "tag",
        "error": "errorCode",
        "key": "idempotencyKey",
        "message_id": "providerMessageId",
    }
    if fields["recipient"] is not None:
        fields = {**fields, "recipient": checked_address(fields["recipient"], "--recipient")}
    return [{"locator": locators[name], "eq": value} for name, value in fields.items() if value is not None]


@job.command()
@click.argument("job_id", metavar="JOB", type=click.UUID)
@calls_api
@writes
@gives_reason
@asks
@shows
@pass_session
def resolve(session: Session, job_id: UUID, *, yes: bool) -> None:
    """Settle JOB, whose events contradict one another (INCONSISTENT), from all that the provider has told.

    \b
    Examples:
      emailctl job resolve 019b0000-0000-7000-8000-000000000002 --reason "delivered late, then reported as spam"
    """
    author, api = session.author, session.api()
    reason = reason_for(session, "Why is it settled?")
    confirm(session, "It becomes what is most concerning of all that was told. Settle it?", yes=yes)
    body = {"reason": reason}
    _tell(session.out, api.post(f"{_PATH}/{job_id}/resolve", body, author=author))


@job.command()
@click.argument("job_id", metavar="JOB", type=click.UUID)
@click.argument("verdict", type=click.Choice(list(_QUESTIONS)))
@click.option("--message-id", help="What the provider calls it, where it was found there; with sent only.")
@calls_api
@writes
@gives_reason
@asks
@shows
@pass_session
def decide(session: Session, job_id: UUID, *, verdict: str, message_id: str | None, yes: bool) -> None:
    """Decide what became of JOB when it has been in doubt for too long: sent, resend or fail.

    Look at the provider's activity first. Until it awaits a decision the workers are still asking there, and it is
    refused.

    \b
    Examples:
      emailctl job decide 019b0000-0000-7000-8000-000000000002 sent --message-id b7bc2f4a --reason "in the activity"
      emailctl job decide 019b0000-0000-7000-8000-000000000002 resend --reason "not in the activity, asked support"
      emailctl job decide 019b0000-0000-7000-8000-000000000002 fail --reason "out of date by now"
    """
    author, api = session.author, session.api()
    reason = reason_for(session, "Why is it so?")
    confirm(session, _QUESTIONS[verdict], yes=yes)
    found = {} if message_id is None else {"providerMessageId": message_id}
    body = {"verdict": verdict, "reason": reason, **found}
    _tell(session.out, api.post(f"{_PATH}/{job_id}/decide", body, author=author))


@job.command()
@click.argument("file", type=click.File(encoding="utf-8"), required=False)
@click.option("--configuration", "configuration_id", type=click.UUID, help="The configuration that sends.")
@click.option("--recipient", help="One bare address.")
@click.option("--subject", help="Of a test mail, if nothing else is said.")
@click.option("--text", help="The plain text.")
@click.option("--html", help="The HTML text.")
@click.option("--tag", help="To find it by.")
@click.option(
    "--key", help="The Idempotency-Key: the same one again is the same mail. Made when none is given."
)
@click.option("--follow", is_flag=True, help="Until it has ended, as 'job trace --follow' does.")
@waits("15m")
@calls_api
@writes
@shows
@pass_session
def send(
    session: Session, /, *, file: Any, key: str | None, follow: bool, timeout: timedelta, **given: Any
) -> None:
    """Send one mail, such as a test mail. FILE is the JSON body of POST /job, or - for standard input.

    Options come before what FILE says. Its Idempotency-Key is told before it is sent: where the answer got lost, run it
    again with --key and the same content, and nothing is sent twice.

    \b
    Examples:
      emailctl job send --configuration 019b0000-0000-7000-8000-000000000001 --recipient person@example.com
      emailctl job send mail.json --key order-4711-confirmation --follow
      echo '{"subject": "Hi", "textBody": "."}' | emailctl job send - --recipient person@example.com \\
        --configuration 019b0000-0000-7000-8000-000000000001
    """
    author, api = session.author, session.api()
    body = body_of(file, given)
    key = checked_idempotency_key(key if key is not None else new_key())
    session.out.note(f"Idempotency-Key: {key}")
    answer = api.ask(_PATH, body, author=author, headers={"Idempotency-Key": key})
    if answer.headers.get("Idempotent-Replayed") == "true":
        session.out.note("It was accepted before, with this key: nothing new is sent.")
    if follow:
        follow_job(session, api, f"{_PATH}/{answer.body['payload']['eId']}", timeout)
    else:
        _tell(session.out, answer.body)


def _tell(out: Output, record: JsonObject) -> None:
    if out.for_people:
        out.table(_COLUMNS, [_row(record, out)])
    else:
        out.value(_row(record, out))


def _row(record: JsonObject, out: Output) -> Row:
    payload: dict[str, Any] = {**record["payload"], "author": record["author"]}
    if out.for_people:
        error = payload["error"]
        payload |= {name: moment(payload[name]) for name in _TIMES}
        payload["error"] = error and f"{error['code']}: {error['text'] or '-'}"
    return payload
