"""Keys on their way from one to the next: the API key that others show us, and the key that seals server tokens.

Whoever still shows the previous API key is turned away from the moment it is dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from shared.domain.errors import KeyMaterialError
from shared.domain.webhook import fingerprint
from shared.messaging.messages import ResealToken
from shared.ports.doorbell import Doorbell
from shared.ports.key_material import KeyVersions
from shared.ports.sealed_tokens import VersionUse
from shared.ports.store import Store
from shared.ports.webhooks import KeyUse

PROVIDER = "provider"
# The provider repeats a callback for some 72 minutes, maybe with the headers it began with.
_QUIET = {PROVIDER: timedelta(hours=2)}
# Of callers nobody knows more than that they were not there for a whole day.
_QUIET_CALLER = timedelta(hours=24)
UNKNOWN = ""
# Rung for at a time.
_PAGE: Final = 1000
# What deeds about the encryption key are kept under: it has no row.
ENCRYPTION_KEY: Final = uuid5(NAMESPACE_URL, "shop-access.email/encryption-key")


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


@dataclass(frozen=True, slots=True)
class KeyVersionPorts:
    store: Store
    doorbell: Doorbell
    key_versions: KeyVersions


@dataclass(frozen=True, slots=True)
class Rung:
    """How many tokens other versions sealed, and whether each of them was rung for: not while the broker is away."""

    behind: int
    rung: bool


def uses(ports: KeyVersionPorts) -> Mapping[str, VersionUse]:
    """By key version; what is mounted is looked at anew."""
    ports.key_versions.look()
    with ports.store.begin() as tx:
        return tx.sealed_tokens.uses()


def current(ports: KeyVersionPorts) -> str:
    """Raises `KeyMaterialError` when none is mounted."""
    ports.key_versions.look()
    version = ports.key_versions.current_version
    if version is None:
        raise KeyMaterialError("no key material is mounted")
    return version


def seal_anew(ports: KeyVersionPorts, version: str) -> Rung:
    """Rings for every token that `version` did not seal. The workers seal them."""
    behind, rung, after = 0, True, None
    while True:
        with ports.store.begin() as tx:
            page = tx.sealed_tokens.behind(version, after=after, limit=_PAGE)
        if page:
            rung = ports.doorbell.ring_again(*map(ResealToken, page)) and rung
        behind += len(page)
        if len(page) < _PAGE:
            return Rung(behind, rung)
        after = page[-1]


def version_is(version: str, current_version: str | None, *, mounted: bool) -> str:
    """In a word or two."""
    if version == current_version:
        return "current"
    return "mounted" if mounted else "not mounted"
