"""API keys: who showed which when, and which one each webhook shows. Keys are told by their names only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.webhook import fingerprint
from shared.ports.store import Store, Transaction
from shared.ports.webhooks import KeyUse


class Which(StrEnum):
    CURRENT = "current"
    PREVIOUS = "previous"
    # No longer valid, or of a webhook that was made before anybody noted its key.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KeyPorts:
    """`valid_keys`: the current one first, then the previous one if there is a rotation."""

    store: Store
    valid_keys: Sequence[str]

    def __repr__(self) -> str:
        return f"KeyPorts({len(self.valid_keys)} keys)"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`last_used_at` for `purpose`, which is None of a key nobody has shown. `webhooks`: how many show it."""

    fingerprint: str
    which: Which
    purpose: str | None
    last_used_at: datetime | None
    webhooks: int


def used(store: Store, name: str, purpose: str) -> None:
    with store.begin() as tx:
        tx.key_uses.used(name, purpose)


def names_of(valid_keys: Sequence[str]) -> Mapping[str, Which]:
    """Fingerprint to what it is the fingerprint of."""
    names = zip(map(fingerprint, valid_keys), (Which.CURRENT, Which.PREVIOUS), strict=False)
    return dict(reversed(list(names)))


def api_keys(ports: KeyPorts) -> list[ApiKey]:
    """Valid ones first, the current one leading, used or not; then whatever else is known, by its name."""
    with ports.store.begin() as tx:
        return api_keys_of(tx, ports.valid_keys)


def api_keys_of(tx: Transaction, valid_keys: Sequence[str]) -> list[ApiKey]:
    """As `api_keys`, within a transaction."""
    uses, webhooks = tx.key_uses.all(), tx.webhook_keys.count()
    valid = names_of(valid_keys)
    known = {use.fingerprint for use in uses} | webhooks.keys() | valid.keys()
    rows = []
    for name in sorted(known, key=lambda name: (_rank(valid, name), name)):
        which, count = valid.get(name, Which.UNKNOWN), webhooks.get(name, 0)
        mine = [use for use in uses if use.fingerprint == name]
        rows += [
            ApiKey(name, which, use.purpose, use.last_used_at, count) for use in sorted(mine, key=_purpose)
        ]
        if not mine:
            rows.append(ApiKey(name, which, None, None, count))
    return rows


def _purpose(use: KeyUse) -> str:
    return use.purpose


def _rank(valid: Mapping[str, Which], name: str) -> int:
    return list(Which).index(valid.get(name, Which.UNKNOWN))
