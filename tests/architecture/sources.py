"""The project's files as the laws read them."""

import ast
import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PRODUCT = ("web", "workers", "scheduler", "shared")


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def yaml(path: str) -> Any:
    """YAML 1.2; a key that stands twice is an error."""
    return YAML(typ="safe", pure=True).load(text(path))


def json_document(path: str) -> Any:
    return json.loads(text(path))


def pyproject() -> dict[str, Any]:
    return tomllib.loads(text("pyproject.toml"))


def python_files(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def documents() -> list[Path]:
    """Every Markdown file, but for what tools have put here."""
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if not name.startswith(".") and name != "node_modules"]
        found += [Path(folder, file) for file in files if file.endswith(".md")]
    return sorted(found)


def imported_modules(path: Path) -> Iterator[str]:
    """Absolute imports, by the name that is imported from; not those for the type checker alone."""
    unseen: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while unseen:
        node = unseen.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        unseen += node.orelse if _is_for_types(node) else ast.iter_child_nodes(node)


def _is_for_types(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def merged(under: Any, over: Any) -> Any:
    """As Helm lays one set of values over another: maps are merged, everything else is replaced."""
    if not isinstance(under, dict) or not isinstance(over, dict):
        return over
    both = {key: merged(under[key], over[key]) for key in under.keys() & over.keys()}
    return {**under, **over, **both}
