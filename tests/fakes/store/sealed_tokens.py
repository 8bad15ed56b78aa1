import re
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.ports.sealed_tokens import SealedToken, VersionUse
from tests.fakes.store.state import State

_VERSION = re.compile(r"a[0-9]+\.k([A-Za-z0-9._-]+):")


class MemorySealedTokens:
    def __init__(self, state: State) -> None:
        self._state = state

    def uses(self) -> Mapping[str, VersionUse]:
        by_version: dict[str, list[EmailConfiguration]] = {}
        for one in self._sealed():
            by_version.setdefault(version_of(one), []).append(one)
        return {
            version: VersionUse(len(found), min(one.created_at for one in found))
            for version, found in by_version.items()
        }

    def behind(self, version: str, *, after: UUID | None, limit: int) -> list[UUID]:
        found = (one.e_id for one in self._sealed() if version_of(one) != version)
        return sorted(e_id for e_id in found if after is None or e_id > after)[:limit]

    def get(self, configuration_id: UUID) -> SealedToken | None:
        one = self._state.configurations.get(configuration_id)
        envelope = one.provisioned.server_token if one else None
        return SealedToken(one.e_id, one.tenant_id, envelope) if one and envelope is not None else None

    def reseal(self, token: SealedToken, envelope: str) -> bool:
        held = self._state.configurations[token.configuration_id]
        if held.provisioned.server_token != token.envelope:
            return False
        resealed = replace(held.provisioned, server_token=envelope)
        self._state.configurations[held.e_id] = replace(held, provisioned=resealed)
        return True

    def _sealed(self) -> list[EmailConfiguration]:
        return [
            one for one in self._state.configurations.values() if one.provisioned.server_token is not None
        ]


def version_of(one: EmailConfiguration) -> str:
    named = _VERSION.match(one.provisioned.server_token or "")
    return named[1] if named else ""
