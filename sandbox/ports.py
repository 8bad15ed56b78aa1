"""TCP ports: assigned by the kernel, and always checked to belong to the process we started."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psutil

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that nobody holds now; whoever binds it must be ready to lose the race and ask again."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(count: int) -> list[int]:
    """The same for several, no two of them equal: all are held until the last is known."""
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in sockets]


def listens(pid: int, port: int) -> bool:
    """Whether the process `pid` or a descendant of it, and not just anybody, listens on `port`."""
    sockets = _sockets(pid)
    return any(held.status == psutil.CONN_LISTEN and held.laddr.port == port for held in sockets)


def talks_to(pid: int, port: int) -> bool:
    """Whether the process `pid` or a descendant of it has an open connection to `port` of this machine or another."""
    sockets = _sockets(pid)
    return any(held.status == psutil.CONN_ESTABLISHED and held.raddr.port == port for held in sockets)


def _sockets(pid: int) -> Iterator[psutil._ntuples.pconn]:
    try:
        leader = psutil.Process(pid)
        family = [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            yield from member.net_connections("tcp")
