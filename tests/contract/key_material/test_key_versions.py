"""Which versions are mounted at this moment, and what serves when that cannot be told."""

from uuid import UUID

import pytest

from shared.domain.errors import KeyVersionMissing
from tests.contract.key_material.worlds import Ciphers

TENANT = UUID("019b0000-0000-7000-8000-0000000000a1")
CONFIGURATION = UUID("019b0000-0000-7000-8000-0000000000c1")


def _sealed(ciphers: Ciphers) -> str:
    return ciphers.cipher.encrypt("token", tenant_id=TENANT, configuration_id=CONFIGURATION)


def _opened(ciphers: Ciphers, envelope: str) -> str:
    return ciphers.cipher.decrypt(envelope, tenant_id=TENANT, configuration_id=CONFIGURATION)


def test_mounted_is_what_the_file_holds_now(ciphers: Ciphers) -> None:
    assert ciphers.keys.mounted() == {"v1"}
    ciphers.place("v2", "v1")
    assert ciphers.keys.mounted() == {"v1", "v2"}
    ciphers.place("v2")
    assert ciphers.keys.mounted() == {"v2"}


def test_what_was_seen_to_be_mounted_is_in_use(ciphers: Ciphers) -> None:
    old = _sealed(ciphers)
    ciphers.place("v2")
    ciphers.keys.mounted()
    assert (ciphers.keys.current_version, ciphers.keys.versions) == ("v2", {"v2"})
    with pytest.raises(KeyVersionMissing):
        _opened(ciphers, old)


def test_of_a_file_that_cannot_be_used_nothing_is_told_and_what_was_read_still_opens(
    ciphers: Ciphers,
) -> None:
    sealed = _sealed(ciphers)
    ciphers.spoil()
    assert ciphers.keys.mounted() is None
    assert _opened(ciphers, sealed) == "token"
    assert (ciphers.keys.current_version, ciphers.keys.versions) == ("v1", {"v1"})


def test_a_file_that_was_mended_is_told_of_again(ciphers: Ciphers) -> None:
    ciphers.spoil()
    assert ciphers.keys.mounted() is None
    ciphers.place("v2", "v1")
    assert ciphers.keys.mounted() == {"v1", "v2"}
