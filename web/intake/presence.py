"""That callbacks are being taken, as a row. Whoever finds that nobody took any for too long opens gaps."""

from dataclasses import dataclass
from datetime import timedelta

from shared.ports.store import Store

INGRESS = "ingress"
AUTHOR = "web"
CAUSE = "ingress was away"


@dataclass(frozen=True, slots=True)
class Away:
    """`configurations`: for how many a gap was opened; none where there are open ones that cover it."""

    configurations: int
    length: timedelta
    cause: str = CAUSE


def seen(store: Store, *, away_from: timedelta) -> Away | None:
    """The gaps are opened in the transaction that notes the presence, or neither is done. None: it was there lately."""
    with store.begin() as tx:
        before, now = tx.presence.seen(INGRESS), tx.now()
        if before is None or now - before <= away_from:
            return None
        return Away(tx.gaps.open(before, now, cause=CAUSE, author=AUTHOR), now - before)
