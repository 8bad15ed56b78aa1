"""Who the peers are, and how each is run: as many mails in flight as 2 processes of 8 threads have."""

from dataclasses import dataclass
from importlib.util import find_spec

PROCESSES, THREADS = 2, 8
IN_FLIGHT = PROCESSES * THREADS
# What brings the packages that are not among the pinned ones of `make install`.
TARGET = "make bench"


@dataclass(frozen=True)
class Peer:
    """`command` runs as `python -m ...`. `package` is what it needs; `note` goes into the table.

    `share`: of the mails that the others get. The rate is what counts, and a slow one would take minutes.
    """

    name: str
    package: str
    command: tuple[str, ...]
    note: str
    share: float = 1.0

    @property
    def module(self) -> str:
        return f"bench.peers.naive_{self.name}"

    @property
    def missing(self) -> str | None:
        """What to say when it cannot run here."""
        if find_spec(self.package) is not None:
            return None
        return f"left out: {self.package} is not installed; '{TARGET}' brings it (requirements/bench.txt)"


DRAMATIQ = Peer(
    "dramatiq",
    "dramatiq",
    (
        *("dramatiq", "bench.peers.naive_dramatiq", "--queues", "mail"),
        *("--processes", str(PROCESSES), "--threads", str(THREADS)),
    ),
    f"{PROCESSES} processes x {THREADS} threads",
)
# Prefork has no threads: each mail in flight is a process.
CELERY = Peer(
    "celery",
    "celery",
    (
        *("celery", "--app", "bench.peers.naive_celery", "worker", "--loglevel", "WARNING"),
        *("--pool", "prefork", "--concurrency", str(IN_FLIGHT)),
    ),
    f"prefork of {IN_FLIGHT}",
)
RQ = Peer("rq", "rq", ("bench.peers.naive_rq", str(IN_FLIGHT)), f"{IN_FLIGHT} workers", share=0.25)
PEERS = (DRAMATIQ, CELERY, RQ)
