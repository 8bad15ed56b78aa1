"""Serves metrics where a role has no other port: a pool, or the scheduler.

In a thread, and not in a process of its own as Dramatiq's own middleware does: that one would have to read the settings
anew and weigh 30 MB a pool, and this one needs a fiftieth of a second of a worker's time a scrape.
"""

import fcntl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server

from shared.telemetry.exposition import of_all_processes, of_scheduler, shared_folder
from shared.telemetry.metrics import record_metrics_not_served, record_metrics_served

# The port may come free: whoever has it may be the process that this one replaces.
RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """No port, no server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def serve_pool(address: Address) -> None:
    """Called by each process of a pool; one of them serves the sums of all. When it dies, another takes over.

    Returns at once and never raises: metrics are no reason not to work.
    """
    if not address.port:
        return
    folder = shared_folder()
    if folder is None:
        record_metrics_not_served(str(address), reason="PROMETHEUS_MULTIPROC_DIR names no folder")
        return
    _in_background(lambda: _serve_first(address, folder))


def serve_scheduler(address: Address, leads: Callable[[], bool]) -> None:
    """`leads` is asked at each scrape. As `serve_pool` otherwise."""
    if address.port:
        _in_background(lambda: _serve(address, of_scheduler(leads)))


def _in_background(serve: Callable[[], None]) -> None:
    threading.Thread(target=serve, name="metrics", daemon=True).start()


def _serve_first(address: Address, folder: Path) -> None:
    """The lock goes with its process, however that ends."""
    with (folder / "server.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _serve(address, of_all_processes(folder))


def _serve(address: Address, registry: CollectorRegistry) -> None:
    """Until the process ends."""
    refused = False
    while True:
        try:
            _, server = start_http_server(address.port, address.host, registry)
        except OSError as error:
            if not refused:
                record_metrics_not_served(str(address), reason=error.strerror or type(error).__name__)
            refused = True
            threading.Event().wait(RETRY_SECONDS)
        else:
            record_metrics_served(str(address))
            server.join()
