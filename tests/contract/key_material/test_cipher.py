import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.errors import CiphertextInvalid, KeyVersionMissing
from shared.gateways.key_material.cipher import AesGcmCipher
from shared.gateways.key_material.registry import MaterialRegistry
from shared.ports.key_material import TokenCipher
from tests.fakes.key_material import FakeCipher

TENANT = UUID("019b0000-0000-7000-8000-0000000000a1")
OTHER_TENANT = UUID("019b0000-0000-7000-8000-0000000000a2")
CONFIGURATION = UUID("019b0000-0000-7000-8000-0000000000c1")
OTHER_CONFIGURATION = UUID("019b0000-0000-7000-8000-0000000000c2")
TOKEN = "8f2b6c1e-5a5d-4a39-9a39-1c2d3e4f5a6b"


@dataclass
class Ciphers:
    cipher: TokenCipher
    # Takes the versions that are mounted from now on, the current one first.
    mount: Callable[..., None]


@pytest.fixture(params=["fake", "aes-gcm"])
def ciphers(request: pytest.FixtureRequest, tmp_path: Path) -> Ciphers:
    made = _fake() if request.param == "fake" else _aes_gcm(tmp_path / "material.json")
    made.mount("v1")
    return made


def _fake() -> Ciphers:
    cipher = FakeCipher()

    def mount(current: str, *others: str) -> None:
        cipher.current, cipher.versions = current, {current, *others}

    return Ciphers(cipher, mount)


def _aes_gcm(file: Path) -> Ciphers:
    registry = MaterialRegistry(file)

    def mount(current: str, *others: str) -> None:
        versions = {version: f"material of {version}" for version in (current, *others)}
        file.write_text(json.dumps({"current": current, "versions": versions}))
        registry.refresh()

    return Ciphers(AesGcmCipher(registry), mount)


def _sealed(cipher: TokenCipher) -> str:
    return cipher.encrypt(TOKEN, tenant_id=TENANT, configuration_id=CONFIGURATION)


def _opened(cipher: TokenCipher, envelope: str) -> str:
    return cipher.decrypt(envelope, tenant_id=TENANT, configuration_id=CONFIGURATION)


def test_what_was_sealed_is_opened(ciphers: Ciphers) -> None:
    assert _opened(ciphers.cipher, _sealed(ciphers.cipher)) == TOKEN


def test_an_envelope_names_the_current_version_and_not_the_token(ciphers: Ciphers) -> None:
    envelope = _sealed(ciphers.cipher)
    assert envelope.startswith("a1.kv1:")
    assert TOKEN not in envelope


def test_another_tenant_or_configuration_opens_nothing(ciphers: Ciphers) -> None:
    envelope = _sealed(ciphers.cipher)
    for tenant, configuration in ((OTHER_TENANT, CONFIGURATION), (TENANT, OTHER_CONFIGURATION)):
        with pytest.raises(CiphertextInvalid):
            ciphers.cipher.decrypt(envelope, tenant_id=tenant, configuration_id=configuration)


def test_old_envelopes_are_opened_after_a_rotation(ciphers: Ciphers) -> None:
    old = _sealed(ciphers.cipher)
    ciphers.mount("v2", "v1")
    assert _opened(ciphers.cipher, old) == TOKEN
    assert _sealed(ciphers.cipher).startswith("a1.kv2:")


def test_an_envelope_of_a_version_that_is_not_mounted_names_it(ciphers: Ciphers) -> None:
    old = _sealed(ciphers.cipher)
    ciphers.mount("v2")
    with pytest.raises(KeyVersionMissing) as missing:
        _opened(ciphers.cipher, old)
    assert missing.value.version == "v1"


@pytest.mark.parametrize("envelope", ["", TOKEN, "a1.kv1:", "a1.kv1:%%%", "kv1:AAAA"])
def test_what_is_no_envelope_is_refused(ciphers: Ciphers, envelope: str) -> None:
    with pytest.raises(CiphertextInvalid):
        _opened(ciphers.cipher, envelope)
