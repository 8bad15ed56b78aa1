"""How the envelope is made and read."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.domain.errors import CiphertextInvalid
from shared.gateways.key_material.cipher import AesGcmCipher, version_of
from shared.gateways.key_material.registry import MaterialRegistry

TENANT = UUID("019B0000-0000-7000-8000-0000000000A1")
CONFIGURATION = UUID("019B0000-0000-7000-8000-0000000000C1")
BINDING = b"019b0000-0000-7000-8000-0000000000a1:019b0000-0000-7000-8000-0000000000c1"
MATERIAL = "Grüße-0123456789"
VERSION = "2026-11.A_1"


@pytest.fixture
def cipher(tmp_path: Path) -> AesGcmCipher:
    file = tmp_path / "material.json"
    file.write_text(json.dumps({"current": VERSION, "versions": {VERSION: MATERIAL}}))
    return AesGcmCipher(MaterialRegistry(file))


def _seal(cipher: AesGcmCipher, plaintext: str = "token") -> str:
    return cipher.encrypt(plaintext, tenant_id=TENANT, configuration_id=CONFIGURATION)


def _open(cipher: AesGcmCipher, envelope: str) -> str:
    return cipher.decrypt(envelope, tenant_id=TENANT, configuration_id=CONFIGURATION)


def _key() -> AESGCM:
    info = b"shop-access.email.server-token.v1"
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(MATERIAL.encode("utf-8")))


def test_an_envelope_is_made_as_documented(cipher: AesGcmCipher) -> None:
    head, _, text = _seal(cipher).partition(":")
    assert head == f"a1.k{VERSION}"
    assert "=" not in text
    sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert len(sealed) == 12 + len("token") + 16
    assert _key().decrypt(sealed[:12], sealed[12:], BINDING) == b"token"


def test_an_envelope_made_elsewhere_by_the_same_rules_is_opened(cipher: AesGcmCipher) -> None:
    nonce = bytes(range(12))
    sealed = nonce + _key().encrypt(nonce, "tökén".encode(), BINDING)
    envelope = f"a1.k{VERSION}:{urlsafe_b64encode(sealed).rstrip(b'=').decode()}"
    assert _open(cipher, envelope) == "tökén"


def test_no_two_envelopes_are_alike(cipher: AesGcmCipher) -> None:
    assert len({_seal(cipher) for _ in range(100)}) == 100


@pytest.mark.parametrize("change", ["{}=", "{}\n", " {}", "{}A", "b{}", "{}:"])
def test_nothing_may_stand_around_an_envelope(cipher: AesGcmCipher, change: str) -> None:
    with pytest.raises(CiphertextInvalid):
        _open(cipher, change.format(_seal(cipher)))


def test_the_ordinary_base64_alphabet_is_refused(cipher: AesGcmCipher) -> None:
    head = f"a1.k{VERSION}:"
    for text in ("+" * 44, "/" * 44):
        with pytest.raises(CiphertextInvalid, match="form of an envelope"):
            _open(cipher, head + text)


@pytest.mark.parametrize("algorithm", ["a2", "a10"])
def test_another_algorithm_is_named(cipher: AesGcmCipher, algorithm: str) -> None:
    with pytest.raises(CiphertextInvalid, match=f"unknown algorithm {algorithm}"):
        _open(cipher, _seal(cipher).replace("a1", algorithm, 1))


def test_the_version_is_read_without_the_key(cipher: AesGcmCipher) -> None:
    assert version_of(_seal(cipher)) == VERSION
    with pytest.raises(CiphertextInvalid):
        version_of("token")


def test_no_error_shows_the_token_or_the_envelope(cipher: AesGcmCipher) -> None:
    envelope = _seal(cipher)
    with pytest.raises(CiphertextInvalid) as invalid:
        cipher.decrypt(envelope, tenant_id=CONFIGURATION, configuration_id=TENANT)
    assert envelope not in str(invalid.value)
    assert invalid.value.__cause__ is None
