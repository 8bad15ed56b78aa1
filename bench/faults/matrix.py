"""All faults, in their order."""

from bench.faults import (
    of_callbacks,
    of_disks,
    of_drift,
    of_encryption,
    of_events,
    of_keys,
    of_leaders,
    of_locks,
    of_network,
    of_oddities,
    of_points,
    of_processes,
    of_provisioning,
    of_recovery,
    of_replays,
    of_servers,
    of_tenants,
)
from bench.faults.rehearsal import FAULTS, Fault

MODULES = (
    of_callbacks,
    of_disks,
    of_drift,
    of_encryption,
    of_events,
    of_keys,
    of_leaders,
    of_locks,
    of_network,
    of_oddities,
    of_points,
    of_processes,
    of_provisioning,
    of_recovery,
    of_replays,
    of_servers,
    of_tenants,
)


def matrix() -> dict[str, Fault]:
    return dict(sorted(FAULTS.items(), key=lambda item: int(item[0].removeprefix("F"))))
