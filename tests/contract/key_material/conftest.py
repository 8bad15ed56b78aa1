from pathlib import Path

import pytest

from tests.contract.key_material.worlds import AesGcmCiphers, Ciphers, FakeCiphers


@pytest.fixture(params=["fake", "aes-gcm"])
def ciphers(request: pytest.FixtureRequest, tmp_path: Path) -> Ciphers:
    made: Ciphers = FakeCiphers() if request.param == "fake" else AesGcmCiphers(tmp_path / "material.json")
    made.mount("v1")
    return made
