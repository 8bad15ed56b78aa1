"""Metrics as Prometheus reads them, summed over the processes of a role when they share a folder."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Metric,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

# When each counter began: Prometheus does not ask, and the files of several processes have no place for it.
disable_created_metrics()

# What is told from rows, by the scheduler that leads. Not in the registry of everything else: one that no longer leads
# would go on showing what was, and a process that never tells it would show zeros.
OF_THE_LEADER = CollectorRegistry()


def render() -> tuple[bytes, str]:
    """Body and content type."""
    folder = shared_folder()
    return generate_latest(REGISTRY if folder is None else of_all_processes(folder)), CONTENT_TYPE_LATEST


def shared_folder() -> Path | None:
    """Where the processes of this role put what they count: the one `prometheus_client` itself was pointed to."""
    named = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(named) if named and Path(named).is_dir() else None


def of_all_processes(folder: Path) -> CollectorRegistry:
    """What died with its process stays counted."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    return registry


def of_scheduler(leads: Callable[[], bool]) -> CollectorRegistry:
    """Of this process alone, and what the leader tells for as long as it leads."""
    registry = CollectorRegistry()
    registry.register(_Scheduler(leads))
    return registry


class _Scheduler:
    def __init__(self, leads: Callable[[], bool]) -> None:
        self._leads = leads

    def collect(self) -> Iterable[Metric]:
        leads = self._leads()
        yield GaugeMetricFamily(
            "email_scheduler_leads", "1 for the scheduler that leads, 0 for others", leads
        )
        yield from REGISTRY.collect()
        if leads:
            yield from OF_THE_LEADER.collect()
