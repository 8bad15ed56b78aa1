"""What a configuration waits for, in sentences: of every state, and whether or not somebody has to do something."""

from collections.abc import Iterator
from datetime import datetime

from shared.domain.configuration import EmailConfiguration
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.verification import CheckRun
from shared.ports.store import Transaction
from web.console.signals import made
from web.console.wording import counted, listed
from web.verification import waits_for

# What is said of these depends on the last check.
_CHECKED = (Operational.AWAITING_VERIFICATION, Operational.UNVERIFIED)
_WORKING = (Operational.OK, Operational.DEGRADED)


def waits_of(tx: Transaction, held: EmailConfiguration) -> str:
    """Reads no more than the state needs: of most there is nothing to be read."""
    runs = tx.checks.latest(held.e_id, limit=1) if held.operational in _CHECKED else []
    locking = held.administrative is Administrative.LOCKING and not held.retired
    in_flight = tx.jobs.in_flight(held.e_id) if locking else 0
    return waits(held, runs[0] if runs else None, in_flight=in_flight, now=tx.now())


def waits(held: EmailConfiguration, last: CheckRun | None, *, in_flight: int | None, now: datetime) -> str:
    """ "" when nothing is waited for. `in_flight`, of one that is LOCKING, is None where nobody could tell."""
    if held.retired:
        return _removal(held)
    told = [waits_for(held, last, now=now) or "", *_locking(held, in_flight)]
    return " ".join(filter(None, told))


def _removal(held: EmailConfiguration) -> str:
    if held.cleaned_up_at is not None:
        return "" if held.failure is None else f"It was removed; what is left: {held.failure.message}"
    left = made(held.provisioned)
    return f"It is being taken down; there still: {listed(left)}." if left else "It is being taken down."


def _locking(held: EmailConfiguration, in_flight: int | None) -> Iterator[str]:
    if held.administrative is not Administrative.LOCKING:
        return
    if in_flight is None:
        yield "It is LOCKED when what is in flight is done."
        return
    if not in_flight:
        yield "Nothing is in flight any more: it is LOCKED with the next look of the scheduler."
        return
    yield f"It is LOCKED when {counted(in_flight, 'job')} in flight {'is' if in_flight == 1 else 'are'} done."
    if held.operational not in _WORKING:
        yield f"While it is {held.operational.value} nothing that is queued goes out: mend it, or force-lock."
