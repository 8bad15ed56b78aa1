from itertools import permutations
from uuid import UUID

import pytest

from shared.domain.errors import CiphertextInvalid, KeyVersionMissing
from shared.ports.key_material import TokenCipher
from tests.contract.key_material.worlds import Ciphers

TENANT = UUID("019b0000-0000-7000-8000-0000000000a1")
OTHER_TENANT = UUID("019b0000-0000-7000-8000-0000000000a2")
CONFIGURATION = UUID("019b0000-0000-7000-8000-0000000000c1")
OTHER_CONFIGURATION = UUID("019b0000-0000-7000-8000-0000000000c2")
TOKEN = "8f2b6c1e-5a5d-4a39-9a39-1c2d3e4f5a6b"


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


def test_an_envelope_tells_its_version_without_being_opened_mounted_or_not(ciphers: Ciphers) -> None:
    envelope = _sealed(ciphers.cipher)
    assert ciphers.cipher.version_of(envelope) == "v1"
    ciphers.mount("v2")
    assert ciphers.cipher.version_of(envelope) == "v1"
    for strange in ("", "a1.k1", "token-in-the-clear"):
        with pytest.raises(CiphertextInvalid):
            ciphers.cipher.version_of(strange)


def test_another_tenant_or_configuration_opens_nothing(ciphers: Ciphers) -> None:
    envelope = _sealed(ciphers.cipher)
    for tenant, configuration in ((OTHER_TENANT, CONFIGURATION), (TENANT, OTHER_CONFIGURATION)):
        with pytest.raises(CiphertextInvalid):
            ciphers.cipher.decrypt(envelope, tenant_id=tenant, configuration_id=configuration)


def test_no_envelope_of_thirty_is_opened_in_the_place_of_another(ciphers: Ciphers) -> None:
    """Six tenants by five configurations: two owners differ in one of the ids, or in both."""
    owners = [
        (UUID(int=tenant), UUID(int=configuration)) for tenant in range(6) for configuration in range(5)
    ]
    sealed = {
        owner: ciphers.cipher.encrypt(TOKEN, tenant_id=owner[0], configuration_id=owner[1])
        for owner in owners
    }
    for (tenant, configuration), other in permutations(owners, 2):
        with pytest.raises(CiphertextInvalid):
            ciphers.cipher.decrypt(sealed[other], tenant_id=tenant, configuration_id=configuration)
    for tenant, configuration in owners:
        envelope = sealed[tenant, configuration]
        assert ciphers.cipher.decrypt(envelope, tenant_id=tenant, configuration_id=configuration) == TOKEN


def test_the_ids_of_tenant_and_configuration_cannot_change_places(ciphers: Ciphers) -> None:
    with pytest.raises(CiphertextInvalid):
        ciphers.cipher.decrypt(_sealed(ciphers.cipher), tenant_id=CONFIGURATION, configuration_id=TENANT)


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
