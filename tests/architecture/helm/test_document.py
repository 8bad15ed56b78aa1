"""`helm/README.md` says what there is."""

import re
from fnmatch import fnmatch
from typing import Any

from shared import config
from tests.architecture.helm import values_document
from tests.architecture.helm.partitions import SETS, nested, over
from tests.architecture.helm.rendering import chart, leaves, rendered
from tests.architecture.pools import ENVIRONMENT
from tests.architecture.sources import text, yaml

README = text("helm/README.md")


def test_the_tables_of_values_are_those_of_the_chart() -> None:
    assert values_document.render() == README, "python -m tests.architecture.helm.values_document"


def test_every_value_that_there_is_has_a_meaning() -> None:
    """Those of roles and files are of several, with one meaning for all."""
    found = {path: meaning for path, meaning, _ in values_document.rows(chart_schema(), {})}
    assert [path for path, meaning in found.items() if not meaning] == []
    there = {re.sub(r"\[\d+\].*", "", path) for path, _ in leaves(yaml("helm/values.yaml"))}
    assert {path for path in there if not any(within(path, one) for one in found)} == set()


def within(path: str, value: str) -> bool:
    """Of a group, or of what there are several of."""
    return fnmatch(path, value) or fnmatch(path, f"{value}.*")


def chart_schema() -> dict[str, Any]:
    schema = chart().schema
    assert schema is not None
    return schema


def test_a_controller_is_told_to_let_through_as_much_as_the_module_takes() -> None:
    limits = config.read(ENVIRONMENT).ingress
    told = {int(megabytes) for megabytes in re.findall(r"`[\w./-]+: \"?(\d+)m\"?`", README)}
    assert told
    assert min(told) * 1_000_000 >= limits.batch_bytes_max >= limits.job_bytes_max >= limits.event_bytes_max


def test_postgres_is_told_of_all_connections_that_prod_may_open() -> None:
    database = config.read(ENVIRONMENT).database
    roles = over(yaml("helm/values.yaml"), yaml("helm/values-prod.yaml"))["roles"].values()
    pods = [
        (role.get("scaling", {}).get("max", role["replicas"]), processes(role["command"])) for role in roles
    ]
    opened = sum(count * each for count, each in pods) * (database.pool_size + database.pool_overflow)
    assert f"its largest comes to {opened}," in README


def processes(command: list[str]) -> int:
    return int(command[command.index("--workers") + 1]) if "--workers" in command else 1


def test_every_kind_of_object_is_in_the_readme() -> None:
    kinds = {one["kind"] for one in rendered(SETS["everything"])}
    kinds |= {one["kind"] for one in rendered(over(SETS["plain"], nested("podAnnotations", {})))}
    assert {kind for kind in kinds if kind not in README} == set()
