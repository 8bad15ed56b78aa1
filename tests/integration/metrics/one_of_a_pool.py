"""One process of a pool: it counts one message, and waits. `python -m tests.integration.metrics.one_of_a_pool PORT`."""

import sys
import threading

from shared.telemetry.logging import configure_logging
from shared.telemetry.metrics import record_handled
from shared.telemetry.metrics_server import Address, serve_pool

if __name__ == "__main__":
    configure_logging(level="INFO", format="json", role="pool")
    serve_pool(Address("127.0.0.1", int(sys.argv[1])))
    record_handled("SendJobs", 0.25)
    threading.Event().wait()
