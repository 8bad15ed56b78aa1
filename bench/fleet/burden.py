"""Who used how much of the machine: CPU seconds of all processes of the world, by whom they belong to."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

import psutil

from bench.faults.world import World

SERVERS = {"postgres": "database", "valkey": "broker", "postmark": "provider"}


def cpu_seconds(world: World) -> dict[str, float]:
    """By role or server, the same for all processes of a role."""
    used: defaultdict[str, float] = defaultdict(float)
    for name in (*SERVERS, *world.processes.roles):
        used[SERVERS.get(name, name.partition("-")[0])] += _of(world.processes.family(name), world, name)
    return used


def _of(pids: list[int], world: World, name: str) -> float:
    total = 0.0
    # The eldest knows what those used that have ended by now, such as a connection's backend.
    for pid in {*pids, world.processes.leader(name)}:
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: after[name] - seconds for name, seconds in before.items()}


def shares(used: Mapping[str, float]) -> dict[str, float]:
    whole = sum(used.values())
    return {name: seconds / whole for name, seconds in used.items()} if whole else {}
