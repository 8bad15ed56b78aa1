"""What runs in the sandbox: the commands of the product's roles, in this one table."""

from dataclasses import dataclass, replace
from typing import Literal

# A role is ready when it answers on its port, or has found its way to the server it waits on.
ReadyWhen = Literal["serves", "reaches valkey", "reaches postgres"]


@dataclass(frozen=True)
class Role:
    """`command` runs as `python -m ...`; `{port}` in it is the port the role is to serve, `{folder}` the world's."""

    name: str
    command: tuple[str, ...]
    ready_when: ReadyWhen
    drain_seconds: float = 30.0


# Over the defaults, so that nobody waits for a cadence that suits a cluster.
SETTINGS = """\
modules.v1.shop-access.email.extras {
  pollingIntervalSeconds = 1
  scheduler {
    sweepSeconds = 1
    verificationSeconds = 1
    reconcileSeconds = 2
  }
  send {
    retryBaseSeconds = 1
    indexLagGraceSeconds = 5
    lookIntervalSeconds = 2
  }
  projection.retrySeconds = 2
  scheduler.registrySeconds = 10
  drift {
    checkIntervalMinutes = 1
    postmarkInventory.enabled = true
    registry.enabled = true
    dns.enabled = true
  }
}
"""


@dataclass(frozen=True)
class Plan:
    """A world to start: `migrate` runs once before the roles. `tenant` is a demo tenant made through the HTTP API."""

    roles: tuple[Role, ...]
    migrate: tuple[str, ...] | None
    postmark: bool = True
    tenant: bool = True
    # HOCON over the defaults, what EMAIL_CONFIG_FILE names.
    settings: str = SETTINGS


def _pool(name: str, threads: int) -> Role:
    # The module comes first: `--path X module` would take the module for another path.
    command = (
        "dramatiq",
        f"workers.main:{name}",
        "--queues",
        name,
        "--processes",
        "1",
        "--threads",
        str(threads),
    )
    return Role(name, command, "reaches valkey")


_WEB = (
    *("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}"),
    # Without a limit a client that keeps its connection open would hold up the end.
    *("--workers", "2", "--workers-kill-timeout", "5s", "--blocking-threads", "8"),
    *("--factory", "web.app:from_environment"),
)

PRODUCT = Plan(
    migrate=("alembic", "-c", "shared/persistence/migrations/alembic.ini", "upgrade", "head"),
    roles=(
        Role("web", _WEB, "serves"),
        _pool("provisioning", threads=4),
        _pool("send", threads=8),
        _pool("projection", threads=4),
        _pool("drift", threads=3),
        Role("scheduler", ("scheduler.main",), "reaches postgres"),
    ),
)

# The demo makes a tenant of its own, before everybody's eyes.
DEMO = replace(PRODUCT, tenant=False)
