"""A cipher that hides nothing, but keeps every promise of the real one about who may read what."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from shared.domain.errors import CiphertextInvalid, KeyVersionMissing


class FakeCipher:
    """Implements `ports.key_material.TokenCipher`. Remove a version from `versions` to unmount it."""

    def __init__(self, current: str = "v1", versions: set[str] | None = None) -> None:
        self.current = current
        self.versions = {current} if versions is None else versions
        # The file can be used. When it cannot, what was read before still serves.
        self.usable = True

    def encrypt(self, plaintext: str, *, tenant_id: UUID, configuration_id: UUID) -> str:
        self._require(self.current)
        content = json.dumps([plaintext, str(tenant_id), str(configuration_id)])
        return f"a1.k{self.current}:{urlsafe_b64encode(content.encode()).rstrip(b'=').decode()}"

    def decrypt(self, envelope: str, *, tenant_id: UUID, configuration_id: UUID) -> str:
        self._require(_version_of(envelope))
        plaintext, *bound_to = _content(envelope.partition(":")[2])
        if bound_to != [str(tenant_id), str(configuration_id)]:
            raise CiphertextInvalid("not sealed for this tenant and configuration")
        return plaintext

    def is_current(self, envelope: str) -> bool:
        return envelope.startswith(f"a1.k{self.current}:")

    def version_of(self, envelope: str) -> str:
        return _version_of(envelope)

    # And `ports.key_material.KeyVersions`.
    def look(self) -> None:
        pass

    def mounted(self) -> set[str] | None:
        return set(self.versions) if self.usable else None

    @property
    def current_version(self) -> str | None:
        return self.current

    def _require(self, version: str) -> None:
        if version not in self.versions:
            raise KeyVersionMissing(version)


def _version_of(envelope: str) -> str:
    head, _, text = envelope.partition(":")
    if not head.startswith("a1.k") or not text:
        raise CiphertextInvalid("not in the form of an envelope")
    return head.removeprefix("a1.k")


def _content(text: str) -> list[str]:
    try:
        content: list[str] = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise CiphertextInvalid("changed or cut short") from None
    return content
