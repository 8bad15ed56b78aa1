"""What was measured: a table, a chart, JSON."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import pygal
from pygal.style import CleanStyle
from rich.console import Console
from rich.table import Table

from bench import told
from bench.faults.result import Result, insert_section
from bench.fleet.burden import shares
from bench.fleet.scaling import Measured

UNITS = {"send": "mails", "projection": "webhooks", "provisioning": "configurations"}
_HEADINGS = (
    *("pool", "processes", "a second", "least to most", "of 1 process"),
    *("cores used", "database", "pool", "provider", "others", "database, CPU ms each"),
)


@dataclass(frozen=True)
class Line:
    """Medians of all rounds. Shares are of the CPU time that everything of the world used."""

    pool: str
    processes: int
    unit: str
    per_second: float
    least: float
    most: float
    ratio: float
    cores: float
    database: float
    own: float
    provider: float
    others: float
    database_ms: float
    rounds: int


def lines(measured: Sequence[Measured]) -> list[Line]:
    return [
        _line(pool, processes, measured)
        for pool in UNITS
        for processes in sorted({one.processes for one in measured})
    ]


def _line(pool: str, processes: int, measured: Sequence[Measured]) -> Line:
    own = [one for one in measured if (one.pool, one.processes) == (pool, processes)]
    rates = [one.per_second for one in own]
    parts = [shares(one.used) for one in own]
    database, of_pool, provider = (
        median(part.get(name, 0.0) for part in parts) for name in ("database", pool, "provider")
    )
    return Line(
        pool=pool,
        processes=processes,
        unit=UNITS[pool],
        per_second=median(rates),
        least=min(rates),
        most=max(rates),
        ratio=median(_ratios(own, measured)),
        cores=median(one.cores for one in own),
        database=database,
        own=of_pool,
        provider=provider,
        others=1 - database - of_pool - provider,
        database_ms=median(1000 * one.used["database"] / one.work for one in own),
        rounds=len(own),
    )


def _ratios(own: Sequence[Measured], measured: Sequence[Measured]) -> Iterator[float]:
    """Round by round: what the machine was busy with besides was the same for both."""
    single = [one for one in measured if one.pool == own[0].pool and one.processes == 1]
    return (one.per_second / of_one.per_second for one, of_one in zip(own, single, strict=True))


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.pool,
        str(line.processes),
        f"{line.per_second:,.1f} {line.unit}",
        f"{line.least:,.1f} to {line.most:,.1f}",
        f"{line.ratio:.2f}x",
        f"{line.cores:.2f}",
        *(f"{share:.0%}" for share in (line.database, line.own, line.provider, line.others)),
        f"{line.database_ms:.2f}",
    )


def show(found: Sequence[Line], console: Console) -> None:
    table = Table(title="More processes of one pool")
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "pool" else "right")
    for line in found:
        table.add_row(*_cells(line))
    console.print(table)


def write(found: Sequence[Line], lost: Result | None, folder: Path) -> list[Path]:
    """JSON, Markdown and SVG; where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"fleet.{ending}" for ending in ("json", "md", "svg")]
    document = {"scaling": [asdict(line) for line in found], "replacing": lost and asdict(lost)}
    paths[0].write_text(json.dumps(document, indent=2) + "\n")
    paths[1].write_text(_markdown(found, lost))
    paths[2].write_bytes(_chart(found).render())
    return paths


def insert(folder: Path, document: Path) -> None:
    """The last table and the last chart into `document`, and into the folder of pictures beside it."""
    insert_section(folder / "fleet.md", document, name="fleet")
    shutil.copyfile(folder / "fleet.svg", document.parent / "images" / "fleet.svg")


def _markdown(found: Sequence[Line], lost: Result | None) -> str:
    rounds = found[0].rounds if found else 0
    parts = [
        f"{told.when_and_where()}, {rounds} rounds, medians.",
        told.markdown(_HEADINGS, [_cells(line) for line in found]),
        "![More processes of a pool](images/fleet.svg)",
    ]
    if lost:
        parts.append(
            f"Then half of a fleet lost again and again while mail went out: {lost.jobs:,} sends, {lost.lost} lost, "
            f"{lost.doubled} doubled, {lost.unresolved} unresolved; {lost.note}."
        )
    return "\n\n".join(parts) + "\n"


def _chart(found: Sequence[Line]) -> pygal.Line:
    processes = sorted({line.processes for line in found})
    chart = pygal.Line(
        style=CleanStyle,
        js=(),
        title="Work a second, as a multiple of one process",
        x_title="processes of the pool",
        range=(0, max((line.ratio for line in found), default=1)),
        show_minor_x_labels=False,
    )
    chart.x_labels = [str(count) for count in processes]
    for pool in UNITS:
        chart.add(pool, [round(line.ratio, 2) for line in found if line.pool == pool])
    return chart
