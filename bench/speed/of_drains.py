"""A queue that is full when the senders come, and how fast it gets empty: ours beside naive pipelines."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.peers import lineup
from bench.peers.lineup import Peer
from bench.peers.mails import TABLE, WAITING
from bench.speed import product as products
from bench.speed.figures import Figure, Target, alone, compared, take_turns
from bench.speed.product import Account, Product
from bench.speed.registry import Size, Tell, bench
from bench.speed.stage import Stage
from sandbox.process import Child, Program, bare_environment
from sandbox.stack.world import PROJECT

WHOLE = 20_000
TENANTS, TENANTS_SHORT = 50, 10
# Of the mails: a peer needs seconds for each thousand.
PEERS_SHARE = 10
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 300.0
LEFT = "SELECT (SELECT count(*) FROM email_job WHERE status = 'QUEUED')" + "".join(
    f" + (SELECT count(*) FROM email_job WHERE status = '{status}')" for status in ("SENDING", "IN_DOUBT")
)
PEERS_LEFT = f"SELECT count(*) FROM {TABLE} WHERE status = '{WAITING}'"

Left = Callable[[], int]


@bench(
    "drain",
    "jobs that wait for 2 senders of 8 threads, beside naive pipelines with as many mails in flight",
    long=Size(work=WHOLE),
    short=Size(work=5_000, rounds=2),
)
def drain(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """Jobs a second between the first and the last tenth: how long processes take to start is another figure."""
    whole = size.work >= WHOLE
    # The short form guards the targets, and only one peer is in them.
    peers = [peer for peer in (lineup.PEERS if whole else [lineup.DRAMATIQ]) if _is_there(peer, tell)]
    tenants = TENANTS if whole else TENANTS_SHORT
    with products.running(stage.folder / "world", tenants, tell) as product:
        pipelines = Pipelines(product, stage.folder, size.work // PEERS_SHARE)
        ways: dict[str, Callable[[], float]] = {"own": partial(_drain_own, product, size.work)}
        ways |= {peer.name: partial(pipelines.drain, peer) for peer in peers}
        found = take_turns(ways, size.rounds)
    yield alone("drain", found["own"], unit="jobs/s", target=Target(5_000, of="value"))
    for peer in peers:
        yield compared(
            f"drain-{peer.name}",
            found["own"],
            unit="jobs/s",
            reference=f"naive {peer.name}, {peer.note}, {pipelines.mails_of(peer):,} mails",
            others=found[peer.name],
            target=Target(15.0) if peer is lineup.DRAMATIQ else None,
        )


def _is_there(peer: Peer, tell: Tell) -> bool:
    if peer.missing:
        tell(f"{peer.name} {peer.missing}")
    return peer.missing is None


def _drain_own(product: Product, jobs: int) -> float:
    product.hold()
    product.fill(jobs, product.tenants)
    with product.counting(LEFT) as left:
        product.release()
        return per_second(jobs, left)


class Pipelines:
    """Each runs on the world's own servers, in a database of Valkey's and a table of its own."""

    def __init__(self, product: Product, folder: Path, mails: int) -> None:
        self._product, self._folder, self._mails = product, folder, mails
        account, places = Account.of(product.world), product.world.places
        self._environment = bare_environment(
            PYTHONPATH=str(PROJECT),
            BENCH_DATABASE_URL=places["database_url"],
            BENCH_REDIS_URL=f"{places['redis_url'].rpartition('/')[0]}/1",
            BENCH_POSTMARK_URL=account.url,
            BENCH_POSTMARK_TOKEN=account.server_token,
            BENCH_SENDER=account.sender,
        )

    def mails_of(self, peer: Peer) -> int:
        return int(self._mails * peer.share)

    def drain(self, peer: Peer) -> float:
        """Mails a second; ours are held meanwhile."""
        self._product.hold()
        subprocess.run(
            [sys.executable, "-m", "bench.peers", peer.module, str(self.mails_of(peer))],
            env=self._environment,
            cwd=PROJECT,
            check=True,
        )
        with self._working(peer), self._product.counting(PEERS_LEFT) as left:
            return per_second(self.mails_of(peer), left)

    @contextmanager
    def _working(self, peer: Peer) -> Iterator[None]:
        argv = (sys.executable, "-m", *peer.command)
        log = self._folder / f"{peer.name}.log"
        child = Child(Program(peer.name, argv, self._environment, log, cwd=PROJECT))
        try:
            yield
        finally:
            child.stop()


def per_second(total: int, left: Left) -> float:
    """Of what is done between its first and its last tenth; returns when nothing is left."""
    first = wait_for(total - total // 10, left)
    last = wait_for(total // 10, left)
    wait_for(0, left)
    return (first[0] - last[0]) / (last[1] - first[1])


def wait_for(most: int, left: Left) -> tuple[int, float]:
    """How many were left and when, as soon as no more than `most` are."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (count := left()) > most:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count} are left after {PATIENCE_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    return count, time.monotonic()
