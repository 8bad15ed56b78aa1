"""`emailctl configuration`: a tenant's right to send, looked at and steered. Speaks to the API."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from shared.cli.api import Api, JsonObject
from shared.cli.configuration_records import COLUMNS, PATH, flat, row, tell_one
from shared.cli.exits import Found, NotReached
from shared.cli.following import looks
from shared.cli.options import asks, calls_api, confirm, gives_reason, shows, waits, writes
from shared.cli.session import Session, pass_session
from shared.cli.signalling import ASKED, GOALS, Moving, consequence, moving
from shared.domain.lifecycle import SIGNALS, Administrative, Operational, Trigger


@click.group()
def configuration() -> None:
    """A tenant's right to send: its state, and the signals that steer it.

    All of them speak to the API: EMAIL_API_URL, ARDA_API_KEY (or ARDA_API_KEY_FILE), EMAIL_TENANT.
    """


@configuration.command()
@click.option("--slug", help="Only the one with this slug.")
@click.option("--operational", type=click.Choice(Operational), multiple=True, help="Only in this state.")
@click.option("--administrative", type=click.Choice(Administrative), help="Only in this state.")
@click.option("--removed", is_flag=True, help="Also those that were removed.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="At most so many.")
@calls_api
@shows
@pass_session
def ls(
    session: Session,
    *,
    slug: str | None,
    operational: Sequence[Operational],
    administrative: Administrative | None,
    removed: bool,
    limit: int,
) -> None:
    """Show the tenant's configurations, the newest first.

    \b
    Examples:
      emailctl configuration ls
      emailctl configuration ls --operational FAILURE --operational MISSING
      emailctl configuration ls --slug acme --removed -o json
    """
    wanted: list[JsonObject] = [] if removed else [{"locator": "retired", "eq": False}]
    if slug is not None:
        wanted.append({"locator": "sendingDomainSlug", "eq": slug})
    if operational:
        wanted.append({"locator": "operational", "in": [state.value for state in operational]})
    if administrative is not None:
        wanted.append({"locator": "administrative", "eq": administrative.value})
    question = {
        "filter": {"and": wanted} if wanted else True,
        "sort": [{"locator": "createdAt", "descending": True}],
    }
    records = session.api().pages(f"{PATH}/query", question, limit=limit)
    out = session.out
    out.rows(COLUMNS, [row(record, out) for record in records], empty="No such configuration.")


@configuration.command()
@click.argument("configuration_id", metavar="CONFIGURATION", type=click.UUID)
@click.option("--history", is_flag=True, help="Also every change: who, what and why.")
@calls_api
@shows
@pass_session
def show(session: Session, configuration_id: UUID, *, history: bool) -> None:
    """Show CONFIGURATION: its states, what it waits for, and its records in the zone as last seen.

    \b
    Examples:
      emailctl configuration show 019b0000-0000-7000-8000-000000000001
      emailctl configuration show 019b0000-0000-7000-8000-000000000001 --history -o yaml
    """
    api, place = session.api(), f"{PATH}/{configuration_id}"
    record, checked = api.get(place), api.get(f"{place}/verification")
    past = api.get(f"{place}/history")["records"] if history else None
    tell_one(session.out, record, checked, past)


@configuration.command()
@click.argument("slug")
@click.option("--from-name", required=True, help="The name that recipients see.")
@click.option("--from-local-part", help="What comes before the @ of the From address.  [default: noreply]")
@click.option("--reply-to", help="Where answers go, if not to the From address.")
@calls_api
@writes
@shows
@pass_session
def create(
    session: Session, slug: str, *, from_name: str, from_local_part: str | None, reply_to: str | None
) -> None:
    """Make a configuration, PENDING and LOCKED. SLUG is the first label of its domain, for ever.

    Next: 'configuration signal ... provision --wait', then 'unlock'. Where an answer got lost it may be there all the
    same: look with 'configuration ls --slug' before making it again.

    \b
    Examples:
      emailctl configuration create acme --from-name "Acme Orders"
      emailctl configuration create acme --from-name Acme --from-local-part orders --reply-to help@acme.example
    """
    given = {"fromLocalPart": from_local_part, "fromName": from_name, "replyToEmail": reply_to}
    request = {name: value for name, value in given.items() if value is not None}
    author = session.author
    record = session.api().post(PATH, {"sendingDomainSlug": slug, "signatureRequest": request}, author=author)
    _tell(session, record)


@configuration.command()
@click.argument("configuration_id", metavar="CONFIGURATION", type=click.UUID)
@click.argument("signal_name", metavar="SIGNAL", type=click.Choice([one.value for one in SIGNALS]))
@click.option("--wait", is_flag=True, help="Until the configuration rests; say where.")
@waits("30m")
@click.option(
    "--version",
    type=click.IntRange(min=0),
    help="Only if this is its version still, as 'configuration show' told it.",
)
@calls_api
@writes
@gives_reason
@asks
@shows
@pass_session
def signal(
    session: Session,
    configuration_id: UUID,
    signal_name: str,
    *,
    wait: bool,
    timeout: timedelta,
    version: int | None,
    yes: bool,
) -> None:
    """Steer CONFIGURATION: SIGNAL is provision, re-provision, re-verify, unlock, lock, force-lock or remove.

    The last three ask first, and say what will come of it. With --wait it ends with 8 when the configuration came to
    rest elsewhere than the signal leads, and with 4 when the time was over before that; then run it again, or look with
    'configuration show'. A signal whose goal holds already changes nothing.

    \b
    Examples:
      emailctl configuration signal 019b0000-0000-7000-8000-000000000001 provision --wait
      emailctl configuration signal 019b0000-0000-7000-8000-000000000001 unlock --version 7
      emailctl configuration signal 019b0000-0000-7000-8000-000000000001 lock --reason "invoice unpaid" --wait
    """
    author, api, place = session.author, session.api(), f"{PATH}/{configuration_id}"
    trigger = Trigger(signal_name)
    if trigger in ASKED:
        confirm(session, consequence(trigger, api.get(place)), yes=yes)
    body = {"reason": session.reason} if session.given_reason.strip() else {}
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    answer = api.ask(f"{place}/{trigger}", body, author=author, headers=headers)
    if wait:
        _follow(session, api, place, trigger, timeout)
    else:
        _tell(session, answer.body)
        if answer.status == 202:
            session.out.note("Work follows: --wait, or 'configuration show', tells how far it is.")


def _follow(session: Session, api: Api, place: str, trigger: Trigger, timeout: timedelta) -> None:
    """Raises `Found` when it ended elsewhere, `NotReached` when it moves still."""
    goal, now = GOALS[trigger], Moving("", rests=False, reached=False)
    record: JsonObject = {}

    def look() -> JsonObject:
        found = api.get(place)
        return found if goal.rests(found) else {**found, "checked": api.get(f"{place}/verification")}

    with session.out.watching() as tell:
        for record in looks(session, look, timeout=timeout):
            now = moving(goal, record)
            tell(now.text)
            if now.rests:
                break
    record.pop("checked", None)
    _tell(session, record)
    if not now.rests:
        raise NotReached(f"The time is over, and it moves still: {now.text} Run it again, or look later.")
    if not now.reached:
        raise Found(f"It came to rest elsewhere: {now.text} See 'configuration show'.")


def _tell(session: Session, record: dict[str, Any]) -> None:
    out = session.out
    if out.for_people:
        out.table(COLUMNS, [row(record, out)])
    else:
        out.value(flat(record))
