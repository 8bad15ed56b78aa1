"""Pictures: plain SVG, readable on any background, and never the only way to know."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from shared.domain.traffic import Counted
from shared.ports.traffic import Bar
from tests.fakes.store import MemoryStore
from tests.unit.web.console.browser import Browser, text
from web.console import charts
from web.console.charts import SERIES_MAX, Chart, Picture, Series, svg
from web.console.traffic import DEFAULT, OTHERS, PLOTS, WINDOWS, Window, chart_of

NINE = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
LIGHT, DARK = "#ffffff", "#212529"


def a_chart(*series: Series, stacked: bool = True) -> Chart:
    spans = len(series[0].counts)
    begins = [NINE + HALF_AN_HOUR * index for index in range(spans)]
    return Chart(name="x", title="Jobs", begins=begins, span=HALF_AN_HOUR, series=series, stacked=stacked)


def luminance(colour: str) -> float:
    """As WCAG 2.2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def elements(picture: str) -> Iterator[ET.Element]:
    return ET.fromstring(picture.encode()).iter()


@pytest.mark.parametrize("stacked", [True, False])
def test_a_picture_has_no_script_and_asks_for_nothing(stacked: bool) -> None:
    picture = svg(a_chart(Series("sent", [1, 2, 3]), Series("failed", [0, 1, 0]), stacked=stacked))
    tags = {element.tag.rpartition("}")[2] for element in elements(picture)}
    assert tags & {"svg", "rect", "path", "text"}
    assert not tags & {"script", "foreignObject", "image", "use", "a"}
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]+"', "", picture)
    assert not re.search(r"https?:|//\w|@import|url\(|<!--|<\?xml-stylesheet", without_namespaces)


def test_labels_of_the_world_are_escaped_in_a_picture() -> None:
    picture = svg(a_chart(Series("<script>alert(1)</script>", [1]), Series("a & b", [1])))
    assert "<script" not in picture
    assert any(element.text == "a & b" for element in elements(picture))


@pytest.mark.parametrize("count", range(1, SERIES_MAX + 1))
@pytest.mark.parametrize("stacked", [True, False])
def test_the_legend_of_every_series_is_within_the_picture(count: int, stacked: bool) -> None:
    picture = svg(a_chart(*(Series(f"number {index}", [index]) for index in range(count)), stacked=stacked))
    root = ET.fromstring(picture.encode())
    (legends,) = (element for element in root.iter() if element.get("class") == "legends")
    boxes = [element for element in legends.iter() if element.tag.endswith("rect")]
    moved = re.fullmatch(r"translate\([\d.]+,\s*([\d.]+)\)", legends.get("transform", ""))
    assert len(boxes) == count
    assert moved
    for box in boxes:
        assert float(moved[1]) + float(box.get("y", 0)) + float(box.get("height", 0)) <= float(
            root.get("height", 0)
        )


def test_colours_can_be_told_from_both_backgrounds() -> None:
    for colour in charts._COLOURS:
        assert contrast(colour, LIGHT) >= 3, colour
        assert contrast(colour, DARK) >= 3, colour


def test_words_are_dark_on_light_and_light_on_dark() -> None:
    picture = svg(a_chart(Series("sent", [1, 2])))
    assert "prefers-color-scheme: dark" in picture.replace(
        "prefers-color-scheme:dark", "prefers-color-scheme: dark"
    )
    (light,) = set(re.findall(r"\.legends \.legend text\{fill:(#\w+)\}", picture))
    (dark,) = set(re.findall(r"fill:\s*(#\w+)\s*!important", picture))
    assert contrast(light, LIGHT) >= 4.5
    assert contrast(dark, DARK) >= 4.5
    assert "background-color:transparent" in picture


def test_lines_are_told_apart_without_colour() -> None:
    picture = svg(a_chart(Series("accepted", [1, 2, 3]), Series("refused", [3, 2, 1]), stacked=False))
    assert re.search(r"\.serie-1[^{]*\{[^}]*stroke-dasharray:8,4", picture)


def test_a_picture_says_when_and_how_much() -> None:
    picture = svg(a_chart(Series("sent", [index * 100 for index in range(48)])))
    written = [element.text for element in elements(picture) if element.tag.endswith("text")]
    assert {"09:00", "12:00", "sent"} <= set(written)
    assert any("," in (text or "") for text in written)
    assert not any("…" in (text or "") for text in written)


def test_the_sentence_says_what_the_picture_shows() -> None:
    chart = a_chart(Series("sent", [1000, 234]), Series("failed", [0, 1]))
    assert chart.sentence == "Jobs, from 2026-11-02 09:00 to 2026-11-02 10:00 UTC: 1,234 sent, 1 failed."
    assert f"<title>{chart.sentence}</title>" in svg(chart)


def test_a_picture_of_nothing_says_so() -> None:
    chart = a_chart(Series("sent", [0, 0]))
    assert chart.is_empty
    assert chart.sentence == "Jobs: nothing was counted from 2026-11-02 09:00 to 2026-11-02 10:00 UTC."
    assert svg(chart).startswith("<?xml")
    assert svg(Chart(name="x", title="Jobs", begins=[], span=HALF_AN_HOUR, series=[])).startswith("<?xml")


def test_the_numbers_are_those_of_the_picture_newest_first() -> None:
    picture = Picture(a_chart(Series("sent", [1, 2]), Series("failed", [3, 4])), "/x.svg")
    assert picture.columns == ["From", "#sent", "#failed"]
    assert picture.rows == [(NINE + HALF_AN_HOUR, [2, 4]), (NINE, [1, 3])]


# Traffic.


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_a_window_is_of_spans_that_begin_where_bars_do(window: Window) -> None:
    now = datetime(2026, 11, 2, 9, 47, 31, tzinfo=UTC)
    begins = window.begins(now)
    span = timedelta(minutes=window.span_minutes)
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    assert len(begins) * span == timedelta(hours=window.hours)
    assert all((begin - midnight) % span == timedelta(0) for begin in begins)
    assert begins[-1] <= now < begins[-1] + span
    assert 1440 % window.span_minutes == 0


def plotted(name: str, *bars: tuple[datetime, Counted, str, int]) -> Chart:
    (plot,) = [plot for plot in PLOTS if plot.name == name]
    return chart_of(plot, WINDOWS["day"], NINE, [Bar(*bar) for bar in bars])


def totals(chart: Chart) -> dict[str, int]:
    return {series.label: sum(series.counts) for series in chart.series}


def test_refusals_are_one_line_whatever_their_reason() -> None:
    chart = plotted(
        "sends",
        (NINE, Counted.ACCEPTED, "", 5),
        (NINE, Counted.REFUSED, "suppressed", 2),
        (NINE - HALF_AN_HOUR, Counted.REFUSED, "locked", 1),
        (NINE, Counted.OUTCOME, "SENT", 100),
    )
    assert totals(chart) == {"accepted": 5, "refused": 3}
    assert [series.counts[-2:] for series in chart.series] == [[0, 5], [1, 2]]


def test_what_was_before_the_window_is_not_in_it() -> None:
    chart = plotted("sends", (NINE - timedelta(days=2), Counted.ACCEPTED, "", 5))
    assert chart.is_empty


def test_known_labels_keep_their_places_and_too_many_are_added_up() -> None:
    labels = [f"reason_{number}" for number in range(9)]
    bars = [(NINE, Counted.REJECTED, label, number + 1) for number, label in enumerate(labels)]
    chart = plotted("rejections", *bars, (NINE, Counted.REJECTED, "", 50))
    shown = [series.label for series in chart.series]
    assert shown[:2] == ["auth_mismatch", "not_stored"]
    assert len(shown) == SERIES_MAX
    assert shown[-1] == OTHERS
    assert sum(totals(chart).values()) == sum(range(1, 10)) + 50
    assert totals(chart)["unknown"] == 50


def test_a_picture_is_served_alone_with_a_policy_of_its_own(olga: Browser, store: MemoryStore) -> None:
    with store.begin() as tx:
        tx.traffic.add({(Counted.OUTCOME, "SENT"): 7, (Counted.OUTCOME, "FAILED"): 1})
    for window in WINDOWS:
        answer = olga.get(f"/console/chart/outcomes.svg?window={window}")
        assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
        assert "script" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert "7 SENT, 1 FAILED" in text(answer)


def test_a_window_that_is_not_known_is_the_usual_one(olga: Browser) -> None:
    usual = olga.get(f"/console/chart/sends.svg?window={DEFAULT}")
    unknown = olga.get("/console/chart/sends.svg?window=<b>")
    sentence = re.compile("<title>(.*?)</title>")
    assert sentence.findall(text(unknown)) == sentence.findall(text(usual))


def test_there_are_no_other_pictures(olga: Browser) -> None:
    assert olga.get("/console/chart/passwords.svg").status_code == 404
