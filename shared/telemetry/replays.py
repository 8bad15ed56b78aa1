"""What is worth telling of replays of dead letters: as in `metrics`."""

from collections.abc import Mapping
from uuid import UUID

import structlog
from prometheus_client import Counter

from shared.domain.replay import Fate, ReplayState

_log = structlog.get_logger("email")

_FATES = Counter(
    "email_dead_letter_replay", "Dead letters that a replay came by, by what became of them", ("fate",)
)


def record_replay(replay_id: UUID, *, state: ReplayState, fates: Mapping[Fate, int]) -> None:
    """Of one slice that was committed."""
    for fate, count in fates.items():
        _FATES.labels(fate).inc(count)
    counts = {fate.value: fates.get(fate, 0) for fate in Fate}
    _log.info("email.dead_letter.replay", replay=str(replay_id), state=state.value, **counts)
