"""What is installed is pinned and hashed, and says nothing of where it came from."""

import re
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.architecture.sources import PRODUCT, ROOT, imported_modules, pyproject, python_files, text

FILES = sorted(path.name for path in (ROOT / "requirements").iterdir() if path.suffix in (".txt", ".in"))
PINS = [name for name in FILES if name.endswith(".txt")]


def requirements(name: str) -> list[str]:
    """Each requirement on one line, its hashes behind it."""
    joined = text(f"requirements/{name}").replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def normal(name: str) -> str:
    """As the packaging specification compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(name: str) -> dict[str, str]:
    found = (re.match(r"([\w.-]+)(?:\[[^]]*\])?==(\S+)", line) for line in requirements(name))
    return {normal(match[1]): match[2] for match in found if match}


@pytest.mark.parametrize("name", FILES)
def test_no_requirement_names_a_place_to_get_it_from(name: str) -> None:
    places = re.compile(r"^.*(?:://|--(?:extra-)?index|--find-links|-i ).*$", re.MULTILINE)
    assert places.findall(text(f"requirements/{name}")) == []


@pytest.mark.parametrize("name", PINS)
def test_every_requirement_has_one_version_and_its_hashes(name: str) -> None:
    loose = [
        line for line in requirements(name) if not re.match(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    ]
    assert loose == []


def test_developers_run_the_versions_that_are_deployed() -> None:
    base, dev = pins("base.txt"), pins("dev.txt")
    assert base
    assert {name: dev.get(name) for name in base} == base


def test_every_declared_dependency_is_pinned() -> None:
    declared = {normal(re.split(r"[\[<>=~! ]", line)[0]) for line in pyproject()["project"]["dependencies"]}
    assert declared - pins("base.txt").keys() == set()


def test_the_product_imports_only_what_a_deployment_installs() -> None:
    installed = pins("base.txt")
    providers = packages_distributions()
    tops = {module.partition(".")[0] for path in python_files(*PRODUCT) for module in imported_modules(path)}
    foreign = tops - set(sys.stdlib_module_names) - set(PRODUCT)
    missing = {
        top for top in foreign if not {normal(name) for name in providers.get(top, [])} & installed.keys()
    }
    assert missing == set()
