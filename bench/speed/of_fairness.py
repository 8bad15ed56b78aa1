"""What a tenant feels of another that has much to send."""

import random
import time
from collections.abc import Iterable, Iterator

from bench.speed import of_drains
from bench.speed import product as products
from bench.speed.figures import Figure, Target, compared
from bench.speed.product import EVERY_CALL, Product
from bench.speed.registry import Size, Tell, bench
from bench.speed.singles import IDLE_SECONDS, Singles, at_wall_clock, percentile
from bench.speed.stage import Stage

WHOLE = 100_000
SHARE = 0.95
IDLE_SAMPLES, BUSY_SAMPLES = 30, 100
IDLE_SAMPLES_SHORT = 8
# The last fifth is not what is asked about.
LEAST_SHARE = 0.2
BUSY_SECONDS = (0.05, 0.25)
# It takes its time to count so many.
LOOK_EVERY = 5


@bench(
    "fairness",
    "a single mail while 100,000 of another tenant wait, beside itself when nothing waits",
    long=Size(work=WHOLE),
    short=Size(work=10_000, rounds=1),
)
def fairness(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """The 95th percentile of each round, with the 50 ms of the call. Both take turns."""
    long = size.work >= WHOLE
    idle: list[float] = []
    busy: list[float] = []
    with (
        products.running(stage.folder / "world", 2, tell) as product,
        at_wall_clock(product, EVERY_CALL),
        Singles(product, product.tenants[1]) as singles,
    ):
        neighbour = Neighbour(product, singles)
        for number in range(size.rounds):
            tell(f"round {number + 1}: idle")
            idle.append(_p95(neighbour.idle(IDLE_SAMPLES if long else IDLE_SAMPLES_SHORT)))
            tell(f"round {number + 1}: {size.work:,} of the other's wait")
            busy.append(_p95(neighbour.busy(size.work)))
    yield compared(
        "fairness",
        busy,
        unit="ms at p95",
        reference="ms at p95 when idle",
        others=idle,
        target=Target(2.0, at_most=True),
    )


def _p95(seconds: Iterable[float]) -> float:
    return percentile(list(seconds), SHARE) * 1000


class Neighbour:
    def __init__(self, product: Product, singles: Singles) -> None:
        self._product, self._singles = product, singles
        # Not in step with anybody's looks.
        self._chance = random.Random(1)

    def idle(self, samples: int) -> Iterator[float]:
        for _ in range(samples):
            time.sleep(self._chance.uniform(*IDLE_SECONDS))
            yield self._singles.seconds(self._singles.send())

    def busy(self, jobs: int) -> Iterator[float]:
        """As long as most of so many wait; then waits for the rest."""
        self._product.hold()
        self._product.fill(jobs, self._product.tenants[:1])
        with self._product.counting(of_drains.LEFT) as left:
            self._product.release()
            of_drains.wait_for(jobs - 1, left)
            for number in range(BUSY_SAMPLES):
                if number % LOOK_EVERY == 0 and left() < jobs * LEAST_SHARE:
                    break
                time.sleep(self._chance.uniform(*BUSY_SECONDS))
                yield self._singles.seconds(self._singles.send())
            of_drains.wait_for(0, left)
