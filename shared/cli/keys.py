"""May the previous API key be dropped? Whoever still shows it is turned away from that moment on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.webhook import fingerprint
from shared.ports.webhooks import KeyUse

PROVIDER = "provider"
# The provider repeats a callback for some 72 minutes, maybe with the headers it began with.
_QUIET = {PROVIDER: timedelta(hours=2)}
# Of callers nobody knows more than that they were not there for a whole day.
_QUIET_CALLER = timedelta(hours=24)
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """Fingerprints; `previous` is None outside a rotation."""

    current: str
    previous: str | None

    @classmethod
    def of(cls, current: str, previous: str | None) -> "Keys":
        return cls(fingerprint(current), None if previous is None else fingerprint(previous))

    def role_of(self, name: str) -> str:
        if name == self.current:
            return "current"
        if name == self.previous:
            return "previous"
        return "unknown" if name == UNKNOWN else "not valid"


def objections(keys: Keys, webhooks: Mapping[str, int], uses: Sequence[KeyUse], now: datetime) -> list[str]:
    """Why it may not be dropped yet, a sentence each; empty when nothing speaks against it."""
    against = [
        f"Of the webhooks {count} {_shown(name, keys)}: run 'emailctl webhooks rotate-bearer'."
        for name, count in sorted(webhooks.items())
        if name != keys.current and count
    ]
    for use in uses:
        quiet = _QUIET.get(use.purpose, _QUIET_CALLER)
        if use.fingerprint == keys.previous and now - use.last_used_at < quiet:
            against.append(
                f"The {use.purpose} showed it {_ago(now - use.last_used_at)} ago: "
                f"wait until it has not for {_ago(quiet)}."
            )
    return against


def _shown(name: str, keys: Keys) -> str:
    if name == UNKNOWN:
        return "may show it still, since nobody noted their key"
    return f"still show key {name} ({keys.role_of(name)})"


def _ago(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
