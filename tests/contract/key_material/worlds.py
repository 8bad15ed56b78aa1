"""The ciphers that one suite is run against, each with the levers a test needs to set its scene."""

import json
from pathlib import Path
from typing import Protocol

from shared.gateways.key_material.cipher import AesGcmCipher
from shared.gateways.key_material.registry import MaterialRegistry
from shared.ports.key_material import KeyVersions, TokenCipher
from tests.fakes.key_material import FakeCipher


class Ciphers(Protocol):
    cipher: TokenCipher
    keys: KeyVersions

    def place(self, current: str, *others: str) -> None:
        """These versions are in the file from now on. Nobody is told to look."""
        ...

    def mount(self, current: str, *others: str) -> None:
        """And the file was read."""
        ...

    def spoil(self) -> None:
        """The file cannot be used until something is placed there again."""
        ...


class FakeCiphers:
    def __init__(self) -> None:
        self._fake = FakeCipher()
        self.cipher: TokenCipher = self._fake
        self.keys: KeyVersions = self._fake

    def place(self, current: str, *others: str) -> None:
        self._fake.current, self._fake.versions = current, {current, *others}
        self._fake.usable = True

    def mount(self, current: str, *others: str) -> None:
        self.place(current, *others)

    def spoil(self) -> None:
        self._fake.usable = False


class AesGcmCiphers:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._registry = MaterialRegistry(file)
        self.cipher: TokenCipher = AesGcmCipher(self._registry)
        self.keys: KeyVersions = self._registry

    def place(self, current: str, *others: str) -> None:
        versions = {version: f"material of {version}" for version in (current, *others)}
        self._file.write_text(json.dumps({"current": current, "versions": versions}))

    def mount(self, current: str, *others: str) -> None:
        self.place(current, *others)
        self._registry.refresh()

    def spoil(self) -> None:
        self._file.write_text('{"current": "v1", "versions"')
