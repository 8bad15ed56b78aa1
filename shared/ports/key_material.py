"""Encryption of what we must keep and must not show."""

from collections.abc import Set
from typing import Protocol
from uuid import UUID


class TokenCipher(Protocol):
    """Errors: `KeyVersionMissing`, `CiphertextInvalid`. Tenant and configuration are bound in: swapped rows fail."""

    def encrypt(self, plaintext: str, *, tenant_id: UUID, configuration_id: UUID) -> str:
        """With the current key version; the result names it."""
        ...

    def decrypt(self, envelope: str, *, tenant_id: UUID, configuration_id: UUID) -> str: ...

    def is_current(self, envelope: str) -> bool:
        """Whether it was sealed by the current key version, as far as this process knows."""
        ...

    def version_of(self, envelope: str) -> str:
        """The key version that sealed it, mounted or not. Without opening it; raises `CiphertextInvalid`."""
        ...


class KeyVersions(Protocol):
    """Which key versions are mounted."""

    def look(self) -> None:
        """Reads the file again if it has changed. A file that cannot be used leaves everything as it is."""
        ...

    def mounted(self) -> Set[str] | None:
        """The versions in the file as it is at this moment, read anew; None when it cannot be used.

        Then what was read before stays in use.
        """
        ...

    @property
    def versions(self) -> Set[str]: ...

    @property
    def current_version(self) -> str | None: ...
