"""`emailctl webhooks`: the provider's callbacks. Works on the rows, and asks the provider itself."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import click

from shared.cli import catching_up
from shared.cli.exits import Absent, Found, PartlyFailed, Unusable
from shared.cli.options import asks, confirm, gives_reason, shows, writes
from shared.cli.output import Column, Output, Row
from shared.cli.reinstalling import ReinstallDeps
from shared.cli.reinstalling import reinstall as reinstall_webhook
from shared.cli.session import Session, pass_session
from shared.cli.times import Moment
from shared.cli.webhook_keys import keys, rotate_bearer
from shared.domain.gap import Gap
from shared.domain.webhook import WebhookReport
from shared.messaging.messages import CatchUpEvents

_CONFIGURATION = Column("configurationEId", "CONFIGURATION")
_STATES = (Column("state", "STATE"), Column("webhooks", "WEBHOOKS"))
_AILING = (
    _CONFIGURATION,
    Column("state", "STATE"),
    Column("since", "SINCE"),
    Column("checkedAt", "LOOKED AT"),
    Column("webhooks", "FOUND"),
    Column("paused", "PAUSED"),
    Column("requests", "REQUESTS"),
    Column("failures", "FAILED"),
    Column("fault", "FAULT"),
)
_GAPS = (
    _CONFIGURATION,
    Column("from", "FROM"),
    Column("until", "UNTIL"),
    Column("found", "NEW EVENTS"),
    Column("finishedAt", "FINISHED"),
    Column("fault", "FAULT"),
    Column("cause", "CAUSE"),
)
_AILING_MAX = 1000


@click.group()
def webhooks() -> None:
    """The provider's callbacks: their health, their keys, and what they missed."""


@webhooks.command()
@click.option("--ailing", is_flag=True, help="Only those that are not well.")
@click.option("--configuration", "configuration_id", type=click.UUID, help="Of this configuration alone.")
@shows
@pass_session
def health(session: Session, *, ailing: bool, configuration_id: UUID | None) -> None:
    """Whether the provider still tells us what happens, by the last look at each webhook.

    Ends with 8 when one is not well.

    \b
    Examples:
      emailctl webhooks health
      emailctl webhooks health --ailing -o json
      emailctl webhooks health --configuration 019b0000-0000-7000-8000-000000000001
    """
    if configuration_id is not None:
        _tell_one(session, configuration_id)
        return
    with session.container().store.begin() as tx:
        counts, found = tx.webhook_looks.count_by_state(), tx.webhook_looks.ailing(_AILING_MAX)
    out, rows = session.out, [_report(e_id, report) for e_id, report in found]
    states = [{"state": state, "webhooks": count} for state, count in sorted(counts.items())]
    if not out.for_people:
        out.value(rows if ailing else {"states": states, "ailing": rows})
    else:
        if not ailing:
            out.rows(_STATES, states, empty="Nobody has looked at a webhook yet: the scheduler has it done.")
            out.say("")
        out.rows(_AILING, rows, empty="All are well.")
    if rows:
        raise Found(
            f"{len(rows)} not well: docs/runbooks/webhooks-and-catch-up.md says what each state wants."
        )


def _tell_one(session: Session, configuration_id: UUID) -> None:
    with session.container().store.begin() as tx:
        report = tx.webhook_looks.report(configuration_id)
    if report is None:
        raise Absent("Nobody has looked at a webhook of this configuration: does it have one?")
    session.out.record(_report(configuration_id, report))


def _report(configuration_id: UUID, report: WebhookReport) -> Row:
    health = report.health
    return {
        "configurationEId": configuration_id,
        "state": health.state.value,
        "since": report.since,
        "checkedAt": report.checked_at,
        "webhooks": health.webhooks,
        "paused": list(health.paused),
        "reverified": health.reverified,
        "requests": health.requests,
        "failures": health.failures,
        "fault": health.fault,
    }


@webhooks.command("catch-up")
@click.option("--from", "from_at", type=Moment(), required=True, help="When callbacks began to be lost.")
@click.option("--until", "until_at", type=Moment(), required=True, help="When they came again.")
@click.option("--configuration", "configuration_id", type=click.UUID, help="For this configuration.")
@click.option("--all", "everybody", is_flag=True, help="For every configuration with a webhook.")
@click.option("--wait", is_flag=True, help="Until the workers are done with it, and say what they found.")
@writes
@gives_reason
@shows
@pass_session
def catch_up(
    session: Session,
    *,
    from_at: datetime,
    until_at: datetime,
    configuration_id: UUID | None,
    everybody: bool,
    wait: bool,
) -> None:
    """Ask the provider for what its callbacks could not tell in a time when nobody took them.

    It gives a callback up after some 72 minutes; shorter outages need nothing. Asking twice adds nothing twice.

    \b
    Examples:
      emailctl webhooks catch-up --all --from 2026-11-22T01:00Z --until 2026-11-22T03:30Z \\
        --reason "ingress down, incident 12" --wait
      emailctl webhooks catch-up --configuration 019b0000-0000-7000-8000-000000000001 \\
        --from 2026-11-22T01:00Z --until 2026-11-22T03:30Z --reason "webhook was missing"
    """
    if everybody == (configuration_id is not None):
        raise Unusable("Say for whom: either --all or --configuration.")
    if from_at >= until_at:
        raise Unusable("--from must be before --until.")
    wanted = catching_up.Wanted(
        from_at, until_at, author=session.author, reason=session.reason, configuration_id=configuration_id
    )
    container = session.container()
    opened, watched = catching_up.begin(container.store, wanted)
    if not watched:
        raise Absent("No configuration with a webhook is concerned.")
    container.doorbell.ring(*(CatchUpEvents(gap.configuration_id) for gap in watched.values()))
    if wait:
        with session.out.progress("catching up", len(watched)) as advance:
            for done in catching_up.watch(container.store, watched, session.tools.wait):
                advance(done)
    _tell_gaps(session.out, list(watched.values()), opened=opened, waited=wait)


def _tell_gaps(out: Output, gaps: Sequence[Gap], *, opened: int, waited: bool) -> None:
    out.rows(_GAPS, [_gap(gap) for gap in gaps], empty="")
    if out.for_people:
        out.say(
            f"{opened} opened, {len(gaps) - opened} open already; {sum(gap.found for gap in gaps)} new events."
        )
    failed = sum(gap.fault is not None for gap in gaps)
    if waited and failed:
        raise PartlyFailed(
            f"{failed} of {len(gaps)} ended with a fault: run it again for those when it is mended."
        )


def _gap(gap: Gap) -> Row:
    return {
        "configurationEId": gap.configuration_id,
        "from": gap.from_at,
        "until": gap.until_at,
        "found": gap.found,
        "finishedAt": gap.finished_at,
        "fault": gap.fault,
        "cause": gap.cause,
    }


@webhooks.command()
@click.argument("configuration_id", metavar="CONFIGURATION", type=click.UUID)
@writes
@gives_reason
@asks
@pass_session
def reinstall(session: Session, configuration_id: UUID, *, yes: bool) -> None:
    """Put the webhook of CONFIGURATION back when it is missing, or carries no routing token of ours.

    It gets a new routing token and the current API key. Whatever another webhook with our url still shows is turned
    away from then on. One that is as it should be is left alone.

    \b
    Examples:
      emailctl webhooks reinstall 019b0000-0000-7000-8000-000000000001 --reason "deleted by hand at Postmark"
    """
    container, postmark = session.container(), session.container().settings.postmark
    deps = ReinstallDeps(
        store=container.store,
        mail=container.mail_account,
        cipher=container.cipher,
        new_id=container.new_id,
        webhook_url=container.settings.webhook_url,
        api_key=container.settings.api_keys.current.get_secret_value(),
        lease_seconds=2 * (postmark.webhook_timeout_seconds + 2 * postmark.read_timeout_seconds),
        author=session.author,
        reason=session.reason,
    )
    confirm(session, "The webhook gets a new routing token. Go on?", yes=yes)
    if reinstall_webhook(configuration_id, deps):
        session.out.say("It is back. What was missed is asked for with 'emailctl webhooks catch-up'.")
    else:
        session.out.say("It is there, with our routing token: nothing was changed.")


webhooks.add_command(rotate_bearer)
webhooks.add_command(keys)
