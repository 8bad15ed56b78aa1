"""Encrypted server tokens, seen by the key version that each of them needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SealedToken:
    configuration_id: UUID
    tenant_id: UUID
    envelope: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class VersionUse:
    """`oldest` is when the longest-standing of these configurations was made."""

    rows: int
    oldest: datetime


class SealedTokens(Protocol):
    def uses(self) -> Mapping[str, VersionUse]:
        """By key version; "" for envelopes that name none."""
        ...

    def behind(self, version: str, *, after: UUID | None, limit: int) -> list[UUID]:
        """Configurations whose token is not sealed by `version`, in the order of their ids."""
        ...

    def get(self, configuration_id: UUID) -> SealedToken | None:
        """None when it has no token."""
        ...

    def reseal(self, token: SealedToken, envelope: str) -> bool:
        """Compare-and-set on the envelope: False when somebody was quicker, or the token is another one by now."""
        ...
