"""Encryption of what we must keep and must not show."""

from typing import Protocol
from uuid import UUID


class TokenCipher(Protocol):
    """Errors: `KeyVersionMissing`, `CiphertextInvalid`. Tenant and configuration are bound in: swapped rows fail."""

    def encrypt(self, plaintext: str, *, tenant_id: UUID, configuration_id: UUID) -> str:
        """With the current key version; the result names it."""
        ...

    def decrypt(self, envelope: str, *, tenant_id: UUID, configuration_id: UUID) -> str: ...
