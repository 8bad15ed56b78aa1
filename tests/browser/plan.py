"""The world before the browser: every role of the product, with waits that nobody has to sit through."""

from dataclasses import replace

from sandbox.roles import PRODUCT, SETTINGS

# A job in doubt may be decided soon, a handler that raises is given up soon, and drift is found soon.
_SOONER = """\
modules.v1.shop-access.email.extras {
  send {
    doubtLimitHours = 0.001
    slowLookSeconds = 3600
  }
  worker.deadAfter = 2
  drift.checkIntervalMinutes = 0.2
}
"""

CONSOLE = replace(PRODUCT, tenant=False, settings=SETTINGS + _SOONER)
