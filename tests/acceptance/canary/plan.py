"""The world that is searched: every role of the product, as talkative as it can be made."""

import logging
from dataclasses import replace

from sandbox.roles import PRODUCT

_DRESSED = "tests.acceptance.canary.dressed"

# The leases that a killed worker leaves are the shortest that hold a call; nothing waits for a cadence.
_SETTINGS = """\
modules.v1.shop-access.email.extras {
  pollingIntervalSeconds = 0.5
  broker.heartbeatTimeoutSeconds = 5
  postmark.readTimeoutSeconds = 5
  ingress {
    jobBytesMax = 20000
    eventBytesMax = 20000
  }
  provisioning.retryBaseSeconds = 0.2
  scheduler {
    sweepSeconds = 0.5
    verificationSeconds = 0.5
    reconcileSeconds = 0.5
    registrySeconds = 0.5
    leaderSeconds = 0.5
  }
  send {
    leaseSeconds = 20
    retryBaseSeconds = 0.2
    indexLagGraceSeconds = 0.5
    lookIntervalSeconds = 0.3
    softThreshold = 2
    accountPauseSeconds = 0.5
  }
  projection.retrySeconds = 0.5
  callbacks.retrySeconds = 0.5
  worker.deadAfter = 2
  drift {
    checkIntervalMinutes = 0.05
    retrySeconds = 0.5
    postmarkInventory.enabled = true
    registry.enabled = true
    dns.enabled = true
  }
}
"""

_migrate = PRODUCT.migrate
assert _migrate is not None, "the product has migrations"

CANARIES = replace(
    PRODUCT,
    migrate=(_DRESSED, *_migrate),
    roles=tuple(replace(role, command=(_DRESSED, *role.command)) for role in PRODUCT.roles),
    tenant=False,
    settings=_SETTINGS,
)

# Read in the supervisor's own process.
logging.getLogger("sandbox").setLevel(logging.DEBUG)
