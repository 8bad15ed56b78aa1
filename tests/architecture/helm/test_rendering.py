"""Helm's own engine takes the chart, with every set of values."""

import helm_python as helm
import pytest

from shared.cli.main import cli
from tests.architecture.helm.partitions import EXAMPLE, OF_SETS, PARTITIONS, SETS, over
from tests.architecture.helm.rendering import CHART, Values, chart, leaves, of_kind, rendered, texts
from tests.architecture.sources import yaml

WARNING = 2


@OF_SETS
def test_lint_has_nothing_to_say(values: Values) -> None:
    report = helm.lint(CHART, values, strict=True)
    assert report["total_charts_linted"] == 1
    assert [one for one in report["messages"] if one["severity"] >= WARNING] == []
    assert report["errors"] == []


def test_the_chart_says_of_itself_what_helm_needs() -> None:
    metadata = chart().metadata
    assert metadata["kubeVersion"] == ">=1.30.0-0"
    assert metadata["type"] == "application"


@OF_SETS
def test_a_release_has_each_object_once(values: Values) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered(values)]
    assert len(names) == len(set(names))
    assert {"Deployment", "Job", "Service", "ServiceAccount", "ConfigMap"} <= {kind for kind, _ in names}


@OF_SETS
def test_nothing_is_left_unsaid(values: Values) -> None:
    """A value that is not there comes out of a template as null, or in so many words."""
    unsaid = [
        (one["kind"], path)
        for one in rendered(values)
        for path, value in leaves(one)
        if value is None or (isinstance(value, str) and ("<no value>" in value or "%!" in value))
    ]
    assert unsaid == []


def test_each_release_of_a_namespace_has_its_own_names() -> None:
    mine, theirs = (
        chart().render(SETS["everything"], name=name, namespace="mail") for name in ("one", "another")
    )
    assert mine.keys() == theirs.keys()
    for path in mine:
        assert "name: one" not in theirs[path]


def test_a_release_with_a_long_name_still_has_names_that_kubernetes_takes() -> None:
    long = "a" * 53
    found = chart().render(SETS["everything"], name=long, namespace="mail")
    names = [
        line.split("name: ")[1]
        for text in found.values()
        for line in text.splitlines()
        if "  name: a" in line
    ]
    assert names
    assert max(map(len, names)) <= 63


@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_file_of_a_partition_is_for_that_partition(partition: str) -> None:
    values = yaml(f"helm/values-{partition}.yaml")
    assert values["environment"]["EMAIL_PARTITION"] == partition
    assert of_kind(rendered(over(values, EXAMPLE, values)), "Deployment")


def test_what_the_product_does_not_read_is_not_packed() -> None:
    assert not [one["name"] for one in chart().files if one["name"].startswith("ci/")]
    assert {one["name"] for one in chart().files} >= {"README.md", "queries/send.sql"}


def test_notes_say_where_postmark_has_to_come_in() -> None:
    assert (
        "https://api.dev.example.com/v1/shop-access/email/job/postmark-events" in texts(EXAMPLE)["NOTES.txt"]
    )


def test_what_notes_tell_to_run_is_there() -> None:
    assert "python -m shared.cli.main doctor" in texts(EXAMPLE)["NOTES.txt"]
    assert "doctor" in cli.commands
