"""Findings, told of: each once to whoever listens for errors."""

from collections.abc import Collection

from shared.domain.drift import Drift
from shared.ports.store import Store
from shared.telemetry.drift import record_drift_found
from shared.telemetry.errors import flush

# Between two notes of what was told: after a death only so many are told twice.
_SOME = 50
# For what listens to take them in; it goes on without.
_FLUSH_SECONDS = 2.0


def tell_findings(store: Store, tags: Collection[Drift]) -> None:
    """Told first and noted then: a death between the two tells twice, and never not at all.

    `tags` are those that the caller looks for: of others that end their work now, each tells of its own.
    """
    while True:
        with store.begin() as tx:
            untold = tx.findings.untold(tags, _SOME)
        if not untold:
            return
        for finding in untold:
            record_drift_found(finding)
        if not flush(_FLUSH_SECONDS):
            # Whoever listens is away: they are told of again by the next round.
            return
        with store.begin() as tx:
            tx.findings.told({finding.e_id for finding in untold})
