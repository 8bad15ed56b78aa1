"""Renders the tables of `helm/README.md`: `python -m tests.architecture.helm.values_document` writes them.

What a value means stands in values.schema.json, what it is without being said in values.yaml.
"""

import json
from collections.abc import Iterator
from functools import reduce
from typing import Any

from tests.architecture.sources import ROOT, json_document, merged, yaml

Schema = dict[str, Any]
Row = tuple[str, str, Any]  # path, meaning, default (None: it has none)

DOCUMENT = ROOT / "helm" / "README.md"
BEGIN, END = "<!-- begin: values -->", "<!-- end: values -->"
LONGEST = 48
# What there may be several of, and is one row.
SEVERAL = {"roles": ("webRole", "poolRole", "schedulerRole"), "secrets.files": ("secretFile",)}


def render() -> str:
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    assert after, f"{DOCUMENT} has no {END}"
    return f"{before}{BEGIN}\n\n{_values()}\n\n{_roles()}\n\n{END}{after}"


def _values() -> str:
    found = rows(json_document("helm/values.schema.json"), yaml("helm/values.yaml"))
    lines = [f"| `{path}` | {meaning} | {_shown(default)} |" for path, meaning, default in found]
    return "\n".join(["| value | meaning | default |", "|---|---|---|", *lines])


def rows(schema: Schema, defaults: Any) -> list[Row]:
    return list(_of_properties(schema, schema["definitions"], defaults, "", ""))


def _of(one: Schema, definitions: Schema, default: Any, path: str, around: str) -> Iterator[Row]:
    """`around`: what the group means, for those in it that say nothing of their own."""
    one = _resolved(one, definitions)
    meaning = one.get("description", around)
    if path in SEVERAL:
        path, default = f"{path}.*", {}
        one = reduce(merged, (definitions[name] for name in SEVERAL[path.removesuffix(".*")]))
    is_group = "properties" in one and not path.endswith(".resources")
    if not is_group or one.get("additionalProperties") is not False:
        yield path, meaning, default
    if is_group:
        yield from _of_properties(one, definitions, default, path, meaning)


def _of_properties(
    group: Schema, definitions: Schema, defaults: Any, path: str, around: str
) -> Iterator[Row]:
    for name, one in group["properties"].items():
        inner = defaults.get(name) if isinstance(defaults, dict) else None
        yield from _of(one, definitions, inner, f"{path}.{name}" if path else name, around)


def _resolved(one: Schema, definitions: Schema) -> Schema:
    """With what it refers to, whose meaning is the more general one."""
    for reference in (one, *one.get("allOf", [])):
        if "$ref" in reference:
            return {**definitions[reference["$ref"].rpartition("/")[2]], **one}
    return one


def _shown(default: Any) -> str:
    if default is None:
        return ""
    shown = json.dumps(default, ensure_ascii=False)
    return f"`{shown}`" if len(shown) <= LONGEST else "see values.yaml"


def _roles() -> str:
    rows = [_role(name, role) for name, role in yaml("helm/values.yaml")["roles"].items()]
    head = [
        "| role | pods | scaled between | grace, s | asks for | at most | reaches | calls AWS |",
        "|---" * 8 + "|",
    ]
    return "\n".join([*head, *rows])


def _role(name: str, role: dict[str, Any]) -> str:
    scaling, resources = role.get("scaling"), role["resources"]
    cells = [
        name,
        role["replicas"],
        f"{scaling['min']} and {scaling['max']}" if scaling else "-",
        role["terminationGracePeriodSeconds"],
        ", ".join(resources["requests"].values()),
        resources["limits"]["memory"],
        ", ".join(role["egress"]),
        "yes" if role["aws"] else "no",
    ]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
