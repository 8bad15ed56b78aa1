import pytest

from tests.architecture.pools import Pool, container, declared


@pytest.fixture(scope="session")
def pools() -> list[Pool]:
    return declared(container())
