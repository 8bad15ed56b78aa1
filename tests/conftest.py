"""Fixtures that every folder may use. A test's markers come from its folder."""

import signal
from pathlib import Path

import pytest

pytest_plugins = ["tests.database"]

_TESTS = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background jobs ignore it, and with them we and whoever we start: nobody could be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "model: walks through the whole module on fakes, watched by a model")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(_TESTS).parts[0]
        item.add_marker(getattr(pytest.mark, folder))
