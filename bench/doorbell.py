"""What one ring costs: Dramatiq's plain enqueue, a first ring, one that coalesces, a sweep's, and two round trips.

    python -m bench.doorbell [--rings N] [--rounds N]

All ways take turns in one run on one Valkey, so that the ratios hold though the machine is busy. The table is also
written as JSON to `.state/doorbell.json`.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import redis
from rich.console import Console
from rich.table import Table

from sandbox import valkey
from shared.messaging.broker import BrokerSettings, build_broker
from shared.messaging.messages import SendJobs
from shared.messaging.rings import Rings, RingSettings, envelope

NAMESPACE = "bench"
PLAIN = "dramatiq's enqueue"


@dataclass(frozen=True)
class Line:
    """`ratio`: to Dramatiq's plain enqueue."""

    way: str
    microseconds: float
    ratio: float


def measure(url: str, *, rings: int, rounds: int) -> list[Line]:
    ways = Ways(url, rings).by_name()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with redis.Redis.from_url(url) as client:
        for _ in range(rounds):
            for name, way in ways.items():
                taken[name].append(microseconds(client, way, rings))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    plain = medians[PLAIN]
    return [Line(name, round(median, 1), round(median / plain, 2)) for name, median in medians.items()]


def microseconds(client: "redis.Redis", way: Callable[[int], None], rings: int) -> float:
    """Of one ring. The server is emptied before."""
    client.flushall()
    way(1)  # connections and scripts stand
    begun = time.perf_counter()
    way(rings)
    return (time.perf_counter() - begun) / rings * 1e6


class Ways:
    """Each method rings so often."""

    def __init__(self, url: str, most: int) -> None:
        settings = BrokerSettings(
            url=url,
            namespace=NAMESPACE,
            heartbeat_timeout_seconds=15,
            maintenance_chance=100_000,
            socket_timeout_seconds=2,
            ring_flag_seconds=60,
            ring_patience_seconds=10,
        )
        self._broker = build_broker(settings)
        self._client = self._broker.client
        self._rings = Rings(
            self._client, RingSettings(namespace=NAMESPACE, flag_seconds=60, patience_seconds=10)
        )
        self._messages = [SendJobs(uuid4()) for _ in range(most)]

    def by_name(self) -> dict[str, Callable[[int], None]]:
        return {
            PLAIN: self.plainly,
            "first ring": self.first,
            "coalesced ring": self.coalesced,
            "a sweep's ring, 200 a call": self.swept,
            "two trips: SET NX, then enqueue": self.in_two_trips,
            "two trips, coalesced: SET NX only": self.in_one_of_two_trips,
        }

    def plainly(self, count: int) -> None:
        for message in self._messages[:count]:
            self._broker.enqueue(envelope(message))

    def first(self, count: int) -> None:
        for message in self._messages[:count]:
            self._rings.put("send", [message], by_sweep=False)

    def coalesced(self, count: int) -> None:
        for _ in range(count):
            self._rings.put("send", self._messages[:1], by_sweep=False)

    def swept(self, count: int) -> None:
        self._rings.put("send", self._messages[:count], by_sweep=True)

    def in_two_trips(self, count: int) -> None:
        for message in self._messages[:count]:
            if self._set_flag(message):
                self._broker.enqueue(envelope(message))

    def in_one_of_two_trips(self, count: int) -> None:
        for _ in range(count):
            self._set_flag(self._messages[0])

    def _set_flag(self, message: SendJobs) -> bool:
        return bool(self._client.set(f"{NAMESPACE}:ring:SendJobs:{message.id}", 1, nx=True, px=60_000))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rings", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Never a server that somebody else uses: it is emptied at every turn.
        keeper, child = valkey.Keeper.prepare(Path(folder)).start()
        try:
            lines = measure(keeper.url, rings=given.rings, rounds=given.rounds)
        finally:
            child.stop()
    _show(lines)


def _show(lines: list[Line]) -> None:
    table = Table(title="One ring, median of the rounds")
    for heading in ("way", "µs", "of a plain enqueue"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for line in lines:
        table.add_row(line.way, f"{line.microseconds:.0f}", f"{line.ratio:.2f}")
    Console().print(table)
    report = Path(".state/doorbell.json")
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps([asdict(line) for line in lines], indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
