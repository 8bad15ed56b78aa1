"""The world the faults happen in: the product's roles, several of some, with short leases."""

from collections.abc import Sequence
from dataclasses import replace

from sandbox.roles import PRODUCT, Plan, Role

# The simulator's clock runs so many times as fast; its search index then lags up to 120 s / 60 = 2 s.
TIME_SCALE = 60.0
# Of the simulator's clock. A callback resolves a doubt as well as a search does: they are not to be faster than life.
SEARCH_LAG_SECONDS = {"min": 0.0, "max": 120.0}
DELIVERY_SECONDS = {"min": 6.0, "max": 240.0}
LEASE_SECONDS = 5.0
SWEEP_SECONDS = 1.0
# Of the schedulers, after their leadership.
LOOK_SECONDS = 0.5

# A lease is twice what a call may take, and the grace is the longest lag and a second more. What waits for a worker
# that was killed or stopped is as much shorter as the lease is.
SETTINGS = f"""\
modules.v1.shop-access.email.extras {{
  pollingIntervalSeconds = 1
  broker {{
    heartbeatTimeoutSeconds = 5
    ringPatienceSeconds = 2
  }}
  postmark {{
    connectTimeoutSeconds = 0.5
    readTimeoutSeconds = 2
  }}
  provisioning.leaseSeconds = 5
  scheduler {{
    sweepSeconds = {SWEEP_SECONDS}
    verificationSeconds = 1
    reconcileSeconds = 1
    leaderSeconds = {LOOK_SECONDS}
  }}
  send {{
    leaseSeconds = {LEASE_SECONDS}
    retryBaseSeconds = 0.5
    retryMaxSeconds = 4
    indexLagGraceSeconds = 3
    lookIntervalSeconds = 0.5
    accountPauseSeconds = 3
  }}
  projection.retrySeconds = 1
  callbacks.callsPerSecond = 100
}}
"""

SENDERS = ("send-1", "send-2")
WORKERS = (*SENDERS, "projection", "provisioning")
SCHEDULERS = ("scheduler-1", "scheduler-2", "scheduler-3")
ROLES = ("web", *WORKERS, "drift", *SCHEDULERS)


def _in_nursery(name: str, role: Role) -> Role:
    command = ("bench.faults.nursery", "{folder}/nursery", name, *role.command)
    return replace(role, name=name, command=command)


_by_name = {role.name: role for role in PRODUCT.roles}


def plan_of(roles: Sequence[str]) -> Plan:
    """Each name begins with the product's name of its role: `send-2`."""
    return Plan(
        migrate=PRODUCT.migrate,
        roles=tuple(_in_nursery(name, _by_name[name.partition("-")[0]]) for name in roles),
        tenant=False,
        settings=SETTINGS,
    )


MATRIX = plan_of(ROLES)
