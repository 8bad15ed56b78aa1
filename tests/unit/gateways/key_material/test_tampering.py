"""Nothing but the envelope that was made is ever opened: every bit of it, every character, every exchange of parts."""

import json
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.errors import CiphertextInvalid, KeyVersionMissing
from shared.gateways.key_material.cipher import AesGcmCipher
from shared.gateways.key_material.registry import MaterialRegistry

TENANT = UUID("019b0000-0000-7000-8000-0000000000a1")
CONFIGURATION = UUID("019b0000-0000-7000-8000-0000000000c1")
TOKEN = "8f2b6c1e-5a5d-4a39-9a39-1c2d3e4f5a6b"
NONCE_BYTES, TAG_BYTES = 12, 16
# Whatever a person can type, ends of lines, and letters that look like those of the alphabet or fold to them.
CHARACTERS = string.printable + "\x00\x7f\xe9\u0430\uff11\u212a\ud800"


@pytest.fixture
def cipher(tmp_path: Path) -> AesGcmCipher:
    """One character changed in `v1` may name `v2`, which is mounted, or `v3`, which is not."""
    file = tmp_path / "material.json"
    file.write_text(json.dumps({"current": "v1", "versions": {"v1": "first", "v2": "second"}}))
    return AesGcmCipher(MaterialRegistry(file))


@pytest.fixture
def envelope(cipher: AesGcmCipher) -> str:
    return _seal(cipher)


def _seal(cipher: AesGcmCipher) -> str:
    return cipher.encrypt(TOKEN, tenant_id=TENANT, configuration_id=CONFIGURATION)


def _refused(cipher: AesGcmCipher, envelope: str) -> bool:
    """False when it was opened. Any other error than the two is a failure of the test."""
    try:
        cipher.decrypt(envelope, tenant_id=TENANT, configuration_id=CONFIGURATION)
    except (CiphertextInvalid, KeyVersionMissing):
        return True
    return False


def _parts(envelope: str) -> tuple[str, bytes]:
    head, _, text = envelope.partition(":")
    return head, urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _joined(head: str, sealed: bytes) -> str:
    return f"{head}:{urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def _opened(cipher: AesGcmCipher, tampered: Iterator[str]) -> tuple[int, list[str]]:
    """How many were tried, and those that were not refused."""
    tried = list(tampered)
    return len(tried), [text for text in tried if not _refused(cipher, text)]


def test_the_envelope_itself_is_opened(cipher: AesGcmCipher, envelope: str) -> None:
    head, sealed = _parts(envelope)
    assert len(sealed) == NONCE_BYTES + len(TOKEN) + TAG_BYTES
    assert _joined(head, sealed) == envelope
    assert not _refused(cipher, envelope)


def test_every_flipped_bit_of_nonce_ciphertext_and_tag_is_refused(
    cipher: AesGcmCipher, envelope: str
) -> None:
    head, sealed = _parts(envelope)
    whole, size = int.from_bytes(sealed), len(sealed)
    flipped = (_joined(head, (whole ^ 1 << bit).to_bytes(size)) for bit in range(8 * size))
    assert _opened(cipher, flipped) == (8 * size, [])


def test_every_other_value_of_every_byte_is_refused(cipher: AesGcmCipher, envelope: str) -> None:
    head, sealed = _parts(envelope)
    changed = (
        _joined(head, sealed[:at] + bytes([sealed[at] ^ mask]) + sealed[at + 1 :])
        for at in range(len(sealed))
        for mask in range(1, 256)
    )
    assert _opened(cipher, changed) == (255 * len(sealed), [])


def test_every_byte_that_is_missing_added_or_doubled_is_refused(cipher: AesGcmCipher, envelope: str) -> None:
    head, sealed = _parts(envelope)
    moved = (
        _joined(head, sealed[:at] + between + sealed[at + dropped :])
        for at in range(len(sealed))
        for between, dropped in ((b"", 1), (b"\x00", 0), (sealed[at : at + 1], 0))
    )
    assert _opened(cipher, moved) == (3 * len(sealed), [])


def test_every_character_replaced_by_any_other_is_refused(cipher: AesGcmCipher, envelope: str) -> None:
    replaced = [
        envelope[:at] + other + envelope[at + 1 :]
        for at in range(len(envelope))
        for other in CHARACTERS
        if other != envelope[at]
    ]
    assert len(replaced) > 100 * len(envelope)
    assert _opened(cipher, iter(replaced)) == (len(replaced), [])


def test_every_character_dropped_added_or_doubled_is_refused(cipher: AesGcmCipher, envelope: str) -> None:
    moved = [
        envelope[:at] + between + envelope[at + dropped :]
        for at in range(len(envelope))
        for between, dropped in (("", 1), ("A", 0), ("1", 0), ("=", 0), ("\n", 0), (envelope[at], 0))
    ]
    assert _opened(cipher, iter(moved)) == (6 * len(envelope), [])


def test_every_begin_and_every_end_is_refused(cipher: AesGcmCipher, envelope: str) -> None:
    cuts = [envelope[:at] for at in range(len(envelope))] + [envelope[at:] for at in range(1, len(envelope))]
    assert _opened(cipher, iter(cuts)) == (2 * len(envelope) - 1, [])


def test_parts_of_two_envelopes_of_the_same_owner_make_no_third(cipher: AesGcmCipher) -> None:
    parts = []
    for _ in range(30):
        head, sealed = _parts(_seal(cipher))
        parts.append((sealed[:NONCE_BYTES], sealed[NONCE_BYTES:-TAG_BYTES], sealed[-TAG_BYTES:]))
    mixed = (
        _joined(head, b"".join(pieces))
        for one, other in permutations(parts, 2)
        for pieces in (
            (other[0], one[1], one[2]),
            (one[0], other[1], one[2]),
            (one[0], one[1], other[2]),
        )
    )
    assert _opened(cipher, mixed) == (30 * 29 * 3, [])


def test_a_version_that_is_mounted_but_did_not_seal_it_opens_nothing(
    cipher: AesGcmCipher, envelope: str
) -> None:
    other = envelope.replace("a1.kv1:", "a1.kv2:")
    with pytest.raises(CiphertextInvalid):
        cipher.decrypt(other, tenant_id=TENANT, configuration_id=CONFIGURATION)


def test_no_refusal_shows_a_part_of_the_token_or_the_material(cipher: AesGcmCipher, envelope: str) -> None:
    head, sealed = _parts(envelope)
    with pytest.raises(CiphertextInvalid) as invalid:
        cipher.decrypt(
            _joined(head, bytes([sealed[0] ^ 1]) + sealed[1:]),
            tenant_id=TENANT,
            configuration_id=CONFIGURATION,
        )
    shown = f"{invalid.value!r} {invalid.value}"
    assert not any(word in shown for word in (*TOKEN.split("-"), "first", "second"))
    assert invalid.value.__cause__ is None
