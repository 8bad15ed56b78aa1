"""What was measured: a table, charts, JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pygal
from pygal.style import CleanStyle
from rich.console import Console
from rich.table import Table

from bench.growth.points import ACCEPT, DRAIN, SWEPT, Measured, Size

OF_A_JOB, OF_A_SWEEP = (ACCEPT, DRAIN), tuple(SWEPT)
Axis = Callable[[Size], int]


def jobs_of(size: Size) -> int:
    return size.jobs


def tenants_of(size: Size) -> int:
    return size.tenants


def show(found: Sequence[Measured], console: Console) -> None:
    table = Table(title="What it costs by what there is")
    for heading in ("jobs", "tenants", "what", "median", "least to most"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for one in found:
        table.add_row(
            f"{one.size.jobs:,}",
            f"{one.size.tenants:,}",
            one.what,
            f"{one.value:,.1f} {one.unit}",
            f"{min(one.rounds):,.1f} to {max(one.rounds):,.1f}",
        )
    console.print(table)


def write(
    found: Sequence[Measured], by_jobs: Sequence[Size], by_tenants: Sequence[Size], folder: Path
) -> list[Path]:
    """JSON, and an SVG for each question; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    document = [{**asdict(one), "value": one.value} for one in found]
    paths = [folder / "growth.json"]
    paths[0].write_text(json.dumps(document, indent=2) + "\n")
    charts = {
        "growth-jobs": chart("A job, by jobs in the table", OF_A_JOB, found, by_jobs, jobs_of),
        "growth-tenants": chart("A job, by tenants", OF_A_JOB, found, by_tenants, tenants_of),
        "growth-sweeps": chart(
            "A sweep, by tenants with work waiting", OF_A_SWEEP, found, by_tenants, tenants_of
        ),
        "growth-sweeps-jobs": chart("A sweep, by jobs in the table", OF_A_SWEEP, found, by_jobs, jobs_of),
    }
    for name, drawn in charts.items():
        paths.append(folder / f"{name}.svg")
        paths[-1].write_bytes(drawn.render())
    return paths


def chart(
    title: str, names: Sequence[str], found: Sequence[Measured], sizes: Sequence[Size], axis: Axis
) -> pygal.Line:
    """Each step of the axis is ten times the one before."""
    values = {(one.size, one.what): one for one in found}
    unit = next(one.unit for one in found if one.what == names[0])
    drawn = pygal.Line(style=CleanStyle, js=(), title=f"{title}: {unit}", include_x_axis=True)
    drawn.x_labels = [f"{axis(size):,}" for size in sizes]
    for name in names:
        drawn.add(name, [round(values[size, name].value, 2) for size in sizes])
    return drawn
