"""AES-256-GCM under a key derived from mounted material.

Envelope  a1.k{versionId}:{base64url without padding of nonce(12) + ciphertext + tag(16)}
          `a1` is this algorithm; another one will be `a2`, and both will be readable.
Key       HKDF-SHA256 of the material's text as UTF-8: no salt, 32 bytes, info
          `shop-access.email.server-token.v1`.
Binding   associated data `{tenant id}:{configuration id}`, both in canonical lower-case form, as ASCII.
"""

import re
import secrets
from base64 import b64decode, urlsafe_b64encode
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.domain.errors import CiphertextInvalid
from shared.gateways.key_material.registry import MaterialRegistry

_ALGORITHM = "a1"
_INFO = b"shop-access.email.server-token.v1"
_KEY_BYTES = 32
# NIST SP 800-38D: 96 random bits are safe for 2^32 messages under one key; we write one a configuration.
_NONCE_BYTES = 12
_TAG_BYTES = 16
_ENVELOPE = re.compile(r"(a[1-9][0-9]*)\.k([A-Za-z0-9._-]+):([A-Za-z0-9_-]+)")


class AesGcmCipher:
    """Implements `ports.key_material.TokenCipher`."""

    def __init__(self, registry: MaterialRegistry) -> None:
        self._registry = registry

    def encrypt(self, plaintext: str, *, tenant_id: UUID, configuration_id: UUID) -> str:
        version, material = self._registry.current()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = _key(material).encrypt(nonce, plaintext.encode(), _binding(tenant_id, configuration_id))
        return f"{_ALGORITHM}.k{version}:{_to_text(nonce + sealed)}"

    def decrypt(self, envelope: str, *, tenant_id: UUID, configuration_id: UUID) -> str:
        version, sealed = _opened(envelope)
        key, binding = _key(self._registry.material(version)), _binding(tenant_id, configuration_id)
        try:
            return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], binding).decode()
        except (InvalidTag, UnicodeDecodeError):
            raise CiphertextInvalid("not sealed by this key for this tenant and configuration") from None

    def is_current(self, envelope: str) -> bool:
        return version_of(envelope) == self._registry.current()[0]

    def version_of(self, envelope: str) -> str:
        return version_of(envelope)


def version_of(envelope: str) -> str:
    """The key version an envelope names, without opening it. Raises `CiphertextInvalid`."""
    return _opened(envelope)[0]


def _opened(envelope: str) -> tuple[str, bytes]:
    parts = _ENVELOPE.fullmatch(envelope)
    if parts is None:
        raise CiphertextInvalid("not in the form of an envelope")
    algorithm, version, text = parts.groups()
    if algorithm != _ALGORITHM:
        raise CiphertextInvalid(f"sealed by the unknown algorithm {algorithm}")
    return version, _from_text(text)


def _to_text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _from_text(text: str) -> bytes:
    """One text for each ciphertext: stray bits at the end, which decoders drop, are refused."""
    try:
        sealed = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise CiphertextInvalid("not base64url") from None
    if _to_text(sealed) != text or len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise CiphertextInvalid("cut short or not in canonical form")
    return sealed


def _key(material: str) -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_INFO)
    return AESGCM(derivation.derive(material.encode("utf-8")))


def _binding(tenant_id: UUID, configuration_id: UUID) -> bytes:
    return f"{tenant_id}:{configuration_id}".encode("ascii")
