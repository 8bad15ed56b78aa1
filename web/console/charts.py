"""Counts over time as pictures: SVG without scripts, on any background, in the light and in the dark.

Colour is not all there is: lines are dashed in their own ways, and beside each picture stands the same in numbers.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pygal
from flask import Response
from pygal.style import Style

# It is for plugins that we do not have, in a protocol that Python 3.12 dropped: who walks the finders stumbles over it.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

# At least 3 to 1 against Bootstrap's light and dark background; told apart also by who sees no red or no green.
_COLOURS = ("#3d7dd8", "#c2571a", "#0a9396", "#a06ad0", "#b8860b", "#7a7f87")
SERIES_MAX = len(_COLOURS)
_DASHES = ("", "8, 4", "2, 4", "12, 3, 2, 3", "4, 8", "16, 4")
_LABELS = 8
_LEGEND_COLUMNS = 3
_LEGEND_BOX = 14
_MARGIN = 4
# Guides are there to be overlooked. Words need more contrast than one colour has on both; and a picture is drawn at
# once, where a change from light to dark would be caught half way.
_LOOK = """inline:* { transition: none !important; }
.axis .guide.line { stroke: #ced4da !important; stroke-dasharray: none !important; }
@media (prefers-color-scheme: dark) {
  text, .title, .legends .legend text, .axis text, .axis text.major { fill: #dee2e6 !important; }
  .axis .line { stroke: #adb5bd !important; }
  .axis .guide.line { stroke: #495057 !important; }
}"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Series:
    """`counts`: one for each span of its chart."""

    label: str
    counts: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`begins`: of each span, in the order of time. Stacked bars, or lines."""

    name: str
    title: str
    begins: Sequence[datetime]
    span: timedelta
    series: Sequence[Series]
    stacked: bool = True

    @property
    def is_empty(self) -> bool:
        return not any(any(series.counts) for series in self.series)

    @property
    def sentence(self) -> str:
        """What the picture shows, for who does not see it."""
        if not self.begins:
            return f"{self.title}: nothing was counted."
        during = f"from {self.begins[0]:%Y-%m-%d %H:%M} to {self.begins[-1] + self.span:%Y-%m-%d %H:%M} UTC"
        if self.is_empty:
            return f"{self.title}: nothing was counted {during}."
        totals = ", ".join(f"{sum(series.counts):,} {series.label}" for series in self.series)
        return f"{self.title}, {during}: {totals}."


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as a page shows it, by the macro `chart`."""

    chart: Chart
    url: str

    @property
    def name(self) -> str:
        return self.chart.name

    @property
    def title(self) -> str:
        return self.chart.title

    @property
    def is_empty(self) -> bool:
        return self.chart.is_empty

    @property
    def sentence(self) -> str:
        return self.chart.sentence

    @property
    def columns(self) -> list[str]:
        return ["From", *(f"#{series.label}" for series in self.chart.series)]

    @property
    def rows(self) -> list[tuple[datetime, list[int]]]:
        """The newest first."""
        rows = [
            (begin, [series.counts[index] for series in self.chart.series])
            for index, begin in enumerate(self.chart.begins)
        ]
        return rows[::-1]


def respond(chart: Chart) -> Response:
    headers = {
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(svg(chart), headers=headers, content_type="image/svg+xml; charset=utf-8")


def svg(chart: Chart) -> str:
    made = (pygal.StackedBar if chart.stacked else pygal.Line)(**_look(chart))
    made.x_labels = [_label(begin, chart.span) for begin in chart.begins]
    for index, series in enumerate(chart.series):
        dashes = None if chart.stacked else {"dasharray": _DASHES[index]}
        made.add(series.label, list(series.counts), stroke_style=dashes)
    made.add_xml_filter(lambda root: _plain(root, chart.sentence))
    return str(made.render(is_unicode=True))


def _look(chart: Chart) -> dict[str, Any]:
    return {
        "style": Style(
            background="transparent",
            plot_background="transparent",
            foreground="#212529",
            foreground_strong="#212529",
            foreground_subtle="#adb5bd",
            colors=_COLOURS,
            opacity="1",
            stroke_width="1" if chart.stacked else "2.5",
            font_family="system-ui, sans-serif",
            label_font_size=13,
            major_label_font_size=13,
            legend_font_size=13,
            no_data_font_size=18,
        ),
        "css": ["file://style.css", "file://graph.css", _LOOK],
        "js": [],
        "width": 640,
        "height": 250,
        "margin": _MARGIN,
        "margin_bottom": _MARGIN + _legend_missing(len(chart.series)),
        "explicit_size": True,
        "no_data_text": "Nothing was counted",
        "legend_at_bottom": True,
        "legend_at_bottom_columns": _LEGEND_COLUMNS,
        "legend_box_size": _LEGEND_BOX,
        "truncate_legend": -1,
        "truncate_label": -1,
        "show_dots": False,
        "show_minor_x_labels": False,
        "x_labels_major_every": max(1, -(-len(chart.begins) // _LABELS)),
        "min_scale": 2,
        "max_scale": 5,
        "include_x_axis": True,
        "range": (0, 1) if chart.is_empty else None,
        "value_formatter": lambda count: f"{count:,.0f}",
    }


def _legend_missing(series: int) -> float:
    """How much of the legend's height pygal leaves out: it counts full rows alone, each of one and a half boxes."""
    return 1.5 * _LEGEND_BOX * (-(-series // _LEGEND_COLUMNS) - series // _LEGEND_COLUMNS)


def _label(begin: datetime, span: timedelta) -> str:
    return (
        f"{begin.astimezone(UTC):%H:%M}"
        if span < timedelta(hours=1)
        else f"{begin.astimezone(UTC):%b %d %H:%M}"
    )


def _plain(root: Any, sentence: str) -> Any:
    """Without scripts, and without what its maker says of itself."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] == "script":
                parent.remove(child)
    for title in root.findall("title"):
        title.text = sentence
    return root
