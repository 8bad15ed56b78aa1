"""What went through, as pictures: jobs at the door, what became of messages, callbacks turned away."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.errors import NotFound
from shared.domain.traffic import Counted
from shared.ports.store import Transaction
from shared.ports.traffic import Bar
from web.console.charts import SERIES_MAX, Chart, Picture, Series, respond
from web.console.pages import page

OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Window:
    """`span_minutes` divides a day, as bars begin at multiples of it since midnight."""

    label: str
    hours: int
    span_minutes: int

    def begins(self, now: datetime) -> list[datetime]:
        """Of every span, the running one the last."""
        span = timedelta(minutes=self.span_minutes)
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        last = midnight + (now - midnight) // span * span
        return [last - span * back for back in reversed(range(self.hours * 60 // self.span_minutes))]


WINDOWS = {
    "2h": Window("2 hours", 2, 5),
    "day": Window("24 hours", 24, 30),
    "week": Window("7 days", 168, 360),
}
DEFAULT = "day"


@dataclass(frozen=True, slots=True)
class Plot:
    """`shown`: of what is counted, with the word for what has no label of its own. `first`: labels in this order."""

    name: str
    title: str
    shown: tuple[tuple[Counted, str], ...]
    first: tuple[str, ...] = ()
    stacked: bool = True
    # Of one kind all labels are one line.
    merged: bool = False


PLOTS = (
    Plot(
        "sends",
        "Jobs at the door",
        ((Counted.ACCEPTED, "accepted"), (Counted.REFUSED, "refused")),
        ("accepted", "refused"),
        stacked=False,
        merged=True,
    ),
    Plot(
        "outcomes",
        "What calls made of messages",
        ((Counted.OUTCOME, "unknown"),),
        ("SENT", "FAILED", "IN_DOUBT", "QUEUED", "SUPPRESSED"),
    ),
    Plot(
        "deliveries",
        "What events told of messages",
        ((Counted.STATUS, "unknown"),),
        ("DELIVERED", "BOUNCED", "COMPLAINED", "INCONSISTENT"),
    ),
    Plot(
        "rejections",
        "Callbacks turned away",
        ((Counted.REJECTED, "unknown"),),
        ("auth_mismatch", "not_stored"),
    ),
)
_BY_NAME = {plot.name: plot for plot in PLOTS}


@dataclass(frozen=True, slots=True)
class Pictures:
    window: str
    pictures: Sequence[Picture]


class TrafficPictures:
    def __init__(self, container: Container) -> None:
        self._store = container.store

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/chart/<name>.svg", endpoint="chart")(self.picture)

    @page("A picture of what went through")
    def picture(self, name: str) -> Response:
        if name not in _BY_NAME:
            raise NotFound
        window = WINDOWS[chosen_window()]
        with self._store.begin() as tx:
            return respond(chart_of(_BY_NAME[name], window, tx.now(), _bars(tx, window)))

    def all(self, tx: Transaction) -> Pictures:
        chosen = chosen_window()
        window = WINDOWS[chosen]
        bars = _bars(tx, window)
        charts = [chart_of(plot, window, tx.now(), bars) for plot in PLOTS]
        pictures = [
            Picture(chart, url_for("console.chart", name=chart.name, window=chosen)) for chart in charts
        ]
        return Pictures(chosen, pictures)


def chosen_window() -> str:
    """Of the query string. What is not known is the usual one."""
    sent = request.args.get("window", "")
    return sent if sent in WINDOWS else DEFAULT


def chart_of(plot: Plot, window: Window, now: datetime, bars: Iterable[Bar]) -> Chart:
    begins = window.begins(now)
    counts: Counter[tuple[str, datetime]] = Counter()
    words = dict(plot.shown)
    for bar in bars:
        if bar.counted in words:
            label = words[bar.counted] if plot.merged else bar.label or words[bar.counted]
            counts[label, bar.begins_at] += bar.count
    return Chart(
        name=plot.name,
        title=plot.title,
        begins=begins,
        span=timedelta(minutes=window.span_minutes),
        series=_series(plot, begins, counts),
        stacked=plot.stacked,
    )


def _series(plot: Plot, begins: Sequence[datetime], counts: Counter[tuple[str, datetime]]) -> list[Series]:
    """The known labels keep their places, and with them their colours; what is too much is one series."""
    totals: Counter[str] = Counter()
    for (label, _), count in counts.items():
        totals[label] += count
    more = [label for label, _ in totals.most_common() if label not in plot.first]
    labels = [*plot.first, *more]
    if len(labels) > SERIES_MAX:
        kept = labels[: SERIES_MAX - 1]
        others = labels[SERIES_MAX - 1 :]
    else:
        kept, others = labels, []
    series = [Series(label, [counts[label, begin] for begin in begins]) for label in kept]
    if others:
        summed = [sum(counts[label, begin] for label in others) for begin in begins]
        series.append(Series(OTHERS, summed))
    return series


def _bars(tx: Transaction, window: Window) -> Sequence[Bar]:
    return tx.traffic.bars(since=window.begins(tx.now())[0], span_minutes=window.span_minutes)
