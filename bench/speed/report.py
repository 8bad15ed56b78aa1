"""Figures as people and programs read them."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pygal
from pygal.style import CleanStyle
from rich.console import Console
from rich.table import Table

from bench import told
from bench.faults.result import insert_section
from bench.speed.figures import Figure

_HEADINGS = ("bench", "value", "beside", "ratio", "least to most", "target", "met")


def show(figures: Sequence[Figure], console: Console) -> None:
    table = Table(title="How fast it is")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in ("value", "ratio") else "left")
    for figure in figures:
        table.add_row(*_cells(figure))
    console.print(table)


def write(figures: Sequence[Figure], folder: Path) -> list[Path]:
    """JSON, Markdown and SVG; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"bench.{ending}" for ending in ("json", "md", "svg")]
    paths[0].write_text(json.dumps([_document(figure) for figure in figures], indent=2) + "\n")
    paths[1].write_text(_markdown(figures))
    paths[2].write_bytes(_chart(figures).render())
    return paths


def insert(folder: Path, document: Path) -> None:
    """The last table and the last chart into `document`, and into the folder of pictures beside it."""
    insert_section(folder / "bench.md", document, name="bench")
    shutil.copyfile(folder / "bench.svg", document.parent / "images" / "bench.svg")


def _document(figure: Figure) -> dict[str, object]:
    target = None if figure.target is None else str(figure.target)
    return {**asdict(figure), "target": target, "met": figure.met}


def _cells(figure: Figure) -> tuple[str, ...]:
    beside = "" if figure.reference is None else f"{_number(figure.reference_value)} {figure.reference}"
    spread = f"{_number(min(figure.rounds))} to {_number(max(figure.rounds))}" if figure.rounds else ""
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    return (
        figure.bench,
        f"{_number(figure.value)} {figure.unit}",
        beside,
        "" if figure.ratio is None else f"{figure.ratio:.2f}x",
        f"{spread}, {len(figure.rounds)} rounds" if spread else "",
        "" if figure.target is None else str(figure.target),
        met,
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def _markdown(figures: Sequence[Figure]) -> str:
    return f"{told.when_and_where()}.\n\n{told.markdown(_HEADINGS, [_cells(one) for one in figures])}\n"


def _chart(figures: Sequence[Figure]) -> pygal.HorizontalBar:
    """Each ratio beside its target: what reaches 1 is met."""
    chart = pygal.HorizontalBar(
        style=CleanStyle,
        js=(),
        title="Reached of each target; 1 is met",
        show_legend=False,
        print_values=True,
    )
    aimed = [figure for figure in figures if figure.target is not None]
    chart.x_labels = [figure.bench for figure in aimed]
    chart.add("reached", [_reached(figure) for figure in aimed])
    return chart


def _reached(figure: Figure) -> float | None:
    target = figure.target
    found = figure.ratio if target and target.of == "ratio" else figure.value
    if target is None or not found:
        return None
    return round(target.bound / found if target.at_most else found / target.bound, 2)
