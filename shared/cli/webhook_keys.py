"""`emailctl webhooks rotate-bearer` and `keys`: the API key that the provider shows us, from one to the next."""

from collections import Counter
from collections.abc import Sequence

import click

from shared.bootstrap import Container
from shared.cli import rotation
from shared.cli.exits import Found, PartlyFailed
from shared.cli.options import shows
from shared.cli.output import Column, Output, Row
from shared.cli.rotation import ADVICE, Fate, Result, RotationDeps
from shared.cli.session import Session, pass_session
from shared.rotating import Keys, objections

_RESULTS = (
    Column("configurationEId", "CONFIGURATION"),
    Column("result", "RESULT"),
    Column("code", "CODE"),
    Column("advice", "WHAT TO DO"),
)
_SHOWN = (Column("key", "KEY"), Column("is", "IS"), Column("webhooks", "WEBHOOKS"))
_USED = (
    Column("key", "KEY"),
    Column("is", "IS"),
    Column("purpose", "SHOWN BY"),
    Column("lastUsedAt", "LAST"),
)


@click.command("rotate-bearer")
@click.option("--dry-run", is_flag=True, help="Look at every webhook, and change none.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True, max=50),
    default=5.0,
    show_default=True,
    help="Webhooks a second, by all operators together.",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many, for a first try.")
@shows
@pass_session
def rotate_bearer(session: Session, *, dry_run: bool, rate: float, limit: int | None) -> None:
    """Have every webhook show the current API key.

    The web server must take the new key already: the provider tries each webhook while it is rewritten. Broken off and
    run again it goes on where it stopped.

    \b
    Examples:
      emailctl webhooks rotate-bearer --dry-run
      emailctl webhooks rotate-bearer --limit 1
      emailctl webhooks rotate-bearer --rate 10
    """
    deps = _rotation(session, rate=rate, dry_run=dry_run)
    ids = rotation.candidates(deps, limit=limit)
    results: list[Result] = []
    with session.out.progress(
        "looking at webhooks" if dry_run else "rewriting webhooks", len(ids)
    ) as advance:
        for result in rotation.rotate(ids, deps):
            results.append(result)
            advance(1)
    _tell_results(session.out, results, untried=len(ids) - len(results))


def _rotation(session: Session, *, rate: float, dry_run: bool) -> RotationDeps:
    container = session.container()
    postmark = container.settings.postmark
    return RotationDeps(
        store=container.store,
        mail=container.mail_account,
        cipher=container.cipher,
        new_id=container.new_id,
        wait=session.tools.wait,
        webhook_url=container.settings.webhook_url,
        api_key=container.settings.api_keys.current.get_secret_value(),
        rate=rate,
        # One write with its test posts, a look before it and one after it; and as much again.
        lease_seconds=2 * (postmark.webhook_timeout_seconds + 2 * postmark.read_timeout_seconds),
        dry_run=dry_run,
    )


def _tell_results(out: Output, results: Sequence[Result], *, untried: int) -> None:
    rows = [_result(result) for result in results]
    counts = Counter(result.fate.value for result in results)
    if out.for_people:
        failed = [_result(result) for result in results if result.failed or result.fate is Fate.PLANNED]
        if failed:
            out.table(_RESULTS, failed)
        told = ", ".join(f"{count} {fate}" for fate, count in sorted(counts.items()))
        out.say(told or "Every webhook shows the current key, as far as the rows know.")
    else:
        out.value({"results": rows, "counts": counts, "untried": untried})
    failures = sum(result.failed for result in results)
    if untried:
        raise PartlyFailed(
            f"{rotation.HOPELESS} in a row failed, so {untried} were not tried: see WHAT TO DO, run it again."
        )
    if failures:
        raise PartlyFailed(f"{failures} of {len(results)} failed: see WHAT TO DO, then run it again.")


def _result(result: Result) -> Row:
    return {
        "configurationEId": result.configuration_id,
        "result": result.fate.value,
        "code": result.code,
        "advice": ADVICE.get(result.fate),
    }


@click.command()
@shows
@pass_session
def keys(session: Session) -> None:
    """Which key each webhook shows, when each key was last shown, and whether the previous one may be dropped.

    Keys go by the first digits of their digest. Ends with 8 while the previous one is still needed.

    \b
    Examples:
      emailctl webhooks keys
      emailctl webhooks keys -o json
    """
    container = session.container()
    valid = _valid(container)
    with container.store.begin() as tx:
        shown, uses, now = tx.webhook_keys.count(), tx.key_uses.all(), tx.now()
    against = objections(valid, shown, uses, now) if valid.previous else []
    names = sorted({*shown, valid.current} | ({valid.previous} if valid.previous else set()))
    counts = [{"key": name, "is": valid.role_of(name), "webhooks": shown.get(name, 0)} for name in names]
    used = [
        {
            "key": use.fingerprint,
            "is": valid.role_of(use.fingerprint),
            "purpose": use.purpose,
            "lastUsedAt": use.last_used_at,
        }
        for use in uses
    ]
    verdict = not against if valid.previous else None
    out = session.out
    if out.for_people:
        out.table(_SHOWN, counts)
        out.say("")
        out.rows(_USED, used, empty="No key was shown yet.")
        out.say("")
        out.say(_verdict(verdict, against))
    else:
        out.value({"webhooks": counts, "uses": used, "previousMayBeDropped": verdict, "objections": against})
    if against:
        raise Found("The previous key is still needed.")


def _valid(container: Container) -> Keys:
    keys = container.settings.api_keys
    previous = keys.previous.get_secret_value() if keys.previous is not None else None
    return Keys.of(keys.current.get_secret_value(), previous)


def _verdict(may_be_dropped: bool | None, against: Sequence[str]) -> str:
    if may_be_dropped is None:
        return "There is no previous key here: ARDA_API_KEY_PREVIOUS is not set."
    if may_be_dropped:
        return (
            "The previous key may be dropped: no webhook shows it, and nobody has shown it for long enough."
        )
    return "\n".join(("The previous key may NOT be dropped yet:", *(f"  - {each}" for each in against)))
