"""Each panel says what it shows, in the unit of what it asks for, and where no other stands."""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from tests.architecture.monitoring import dashboard, exported
from tests.architecture.monitoring.dashboard import Panel
from tests.architecture.monitoring.promql import labels_of, selectors

PANELS = pytest.mark.parametrize(
    "panel", dashboard.panels(), ids=[panel.title for panel in dashboard.panels()]
)
MADE: dict[str, Any] = json.loads(dashboard.FILE.read_text(encoding="utf-8"))


def unit_of(query: str) -> str:
    """Of what the first series counts, and what is made of it."""
    name = str(selectors(query)[0].name)
    if ":ratio_" in name:
        return "percentunit"
    if "rate(" in query and not query.startswith("histogram_quantile("):
        # Seconds a second are threads.
        calls = name.startswith(("email_http_request", "email_send_call"))
        return "short" if name.endswith("_sum") else "reqps" if calls else "cps"
    if "_seconds" in name:
        return "s"
    return "bytes" if name.endswith("_bytes") else "short"


@PANELS
def test_a_panel_is_in_the_unit_of_what_it_asks_for(panel: Panel) -> None:
    assert {unit_of(query) for query in panel.queries.values()} == {panel.unit}


@PANELS
def test_a_panel_is_a_question_or_a_noun_and_says_what_it_shows(panel: Panel) -> None:
    asks = bool(re.match(r"(How|What|With|Which|Who|Do|Does|Is|Are|Was)\b", panel.title))
    assert panel.title.endswith("?") == asks
    assert panel.tells.endswith(".")
    assert panel.queries


@PANELS
def test_a_legend_names_labels_that_the_result_has(panel: Panel) -> None:
    for legend, query in panel.queries.items():
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels_of(query, exported.of_all)


@PANELS
def test_lines_of_a_panel_can_be_told_apart(panel: Panel) -> None:
    """Every label that stays is in the legend, or is the partition's."""
    if panel.kind == "timeseries":
        for legend, query in panel.queries.items():
            shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
            assert labels_of(query, exported.of_all) - shown <= {"partition"}


def test_no_title_stands_twice() -> None:
    titles = [panel.title for panel in dashboard.panels()]
    assert len(titles) == len(set(titles))


def test_every_panel_of_what_was_made_has_an_id_and_the_chosen_source() -> None:
    panels = [panel for panel in MADE["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in MADE["panels"]}) == len(MADE["panels"])
    sources = {target["datasource"]["uid"] for panel in panels for target in panel["targets"]}
    assert sources == {"${datasource}"}


def test_panels_stand_beside_one_another_within_the_grid() -> None:
    places = [panel["gridPos"] for panel in MADE["panels"]]
    assert [place for place in places if place["x"] + place["w"] > 24] == []
    assert [pair for pair in combinations(places, 2) if _overlap(*pair)] == []


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_the_variables_choose_among_what_there_is() -> None:
    variables = {variable["name"]: variable for variable in MADE["templating"]["list"]}
    assert list(variables) == ["datasource", "partition", "container"]
    for name in ("partition", "container"):
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variables[name]["query"]["query"])
        assert found
        assert found[2] == name
        assert name in labels_of(found[1], exported.of_all)
