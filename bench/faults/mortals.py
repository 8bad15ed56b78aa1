"""Provisioning by processes that live for one message each, and die at named points: hundreds of deaths in a minute.

    python -m bench.faults.mortals

Runs with the environment of the provisioning role, in its place. Does what that role's actor does with a message for
each configuration that waits for it, in a fork of this process with everything wired up. Killed at a point, as the
kernel would for want of memory, a fork leaves what a killed worker leaves. Writes a line for each death,
{"point": ..., "step": ...}, and reads from its standard input which points are armed: "point:probability,..." a line.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
from dramatiq.brokers.stub import StubBroker

from shared import config
from shared.bootstrap import build
from shared.messaging.messages import ProvisionConfiguration
from shared.telemetry.fault_points import arm, plan_of
from shared.telemetry.logging import configure_logging
from workers.main import register_provisioning

AT_ONCE = 4
LOOK_SECONDS = 0.02

_WAITING = """
SELECT e_id FROM email_configuration
 WHERE operational = 'PROVISIONING' AND retired_at IS NULL AND (lease_until IS NULL OR lease_until <= now())
   AND NOT e_id = ANY(%s)
 ORDER BY updated_at LIMIT %s
"""
# Nobody is there to use it any more: to wait for it would prove nothing else.
_RUN_OUT = "UPDATE email_configuration SET lease_until = now() WHERE e_id = %s AND lease_until > now()"
# What was recorded last before the death, as nobody else is at it: the step it died at.
_STEP = """
SELECT split_part(cause, ':', 1) FROM email_configuration_record
 WHERE configuration_id = %s AND cause ~ ': (intended|done)$' ORDER BY version DESC LIMIT 1
"""


@dataclass
class Mortals:
    work: Callable[[str], object]
    connection: "psycopg.Connection[tuple[UUID | str, ...]]"
    armed: str = ""
    # By pid: whose configuration, and where it says at which point it dies.
    _alive: dict[int, tuple[UUID, int]] = field(default_factory=dict)

    def run(self, stopping: Callable[[], bool]) -> None:
        while not stopping():
            self._bear()
            if not self._bury():
                time.sleep(LOOK_SECONDS)
        while self._alive:
            self._bury()
            time.sleep(LOOK_SECONDS)

    def _bear(self) -> None:
        in_hand = [e_id for e_id, _ in self._alive.values()]
        room = AT_ONCE - len(in_hand)
        for (e_id,) in self.connection.execute(_WAITING, [in_hand, room]).fetchall():
            assert isinstance(e_id, UUID)
            last_words, pen = os.pipe()
            pid = os.fork()
            if pid == 0:
                self._live(e_id, pen)
            os.close(pen)
            self._alive[pid] = (e_id, last_words)

    def _live(self, e_id: UUID, pen: int) -> None:
        """Never returns."""

        def die(point: str) -> None:
            os.write(pen, point.encode())
            os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            arm(plan_of(self.armed), die)
            self.work(str(e_id))
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _bury(self) -> bool:
        """Whether anybody had ended."""
        ended = [pid for pid in self._alive if os.waitpid(pid, os.WNOHANG)[0]]
        for pid in ended:
            e_id, last_words = self._alive.pop(pid)
            point = os.read(last_words, 100).decode()
            os.close(last_words)
            if point:
                step = self.connection.execute(_STEP, [e_id]).fetchone()
                print(json.dumps({"point": point, "step": step and step[0]}), flush=True)
                self.connection.execute(_RUN_OUT, [e_id])
        return bool(ended)


def main() -> None:
    settings = config.read()
    configure_logging(level=settings.log.level, format=settings.log.format, role="provisioning")
    broker = StubBroker()
    register_provisioning(broker, build(settings, "provisioning"))
    actor = broker.get_actor(ProvisionConfiguration.__name__)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with psycopg.connect(settings.database.url.get_secret_value(), autocommit=True) as connection:
        mortals = Mortals(actor.fn, connection)

        def listen() -> None:
            for line in sys.stdin:
                mortals.armed = line.strip()
            over.set()  # whoever started us is gone

        threading.Thread(target=listen, daemon=True).start()
        mortals.run(over.is_set)


if __name__ == "__main__":
    main()
