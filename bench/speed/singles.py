"""Single mails through the public API, and how long each took to the provider."""

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from secrets import token_hex

from bench.speed.product import NEVER_SECONDS, Product
from sandbox.client import Json, expect
from sandbox.stack.tenant import Tenant

LOOK_SECONDS = 0.01
GIVE_UP_SECONDS = 60.0
# Longer than Dramatiq's consumer takes to its longest wait between two looks at an empty queue.
IDLE_SECONDS = (1.5, 2.5)

_ACCEPTED = "SELECT extract(epoch FROM accepted_at)::float FROM email_job WHERE e_id::text = %s"


class Singles:
    """Of one tenant. The simulator's clock has to be the wall's."""

    def __init__(self, product: Product, tenant: Tenant) -> None:
        self._world = product.world
        self._tenant = tenant
        self._client = product.world.door.client(tenant.tenant_id)
        self._ledger = product.world.processes.folder / "postmark" / "ledger.jsonl"
        self._offset = 0

    def __enter__(self) -> "Singles":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self) -> str:
        """The job's id, once it is accepted."""
        self._offset = self._ledger.stat().st_size if self._ledger.exists() else 0
        key = token_hex(8)
        return str(expect(self._client.send(_mail(self._tenant, key), key=key), 202).payload["eId"])

    def seconds(self, job_id: str) -> float:
        """From the beginning of the transaction that accepted it until the provider took it."""
        called_at = self._called_at(job_id)
        return called_at - float(self._world.database.ask(_ACCEPTED, job_id)[0][0])

    def _called_at(self, job_id: str) -> float:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            for line in self._new_lines():
                if job_id.encode() in line:
                    return datetime.fromisoformat(json.loads(line)["accepted_at"]).timestamp()
            time.sleep(LOOK_SECONDS)
        raise TimeoutError(f"{job_id} is not sent after {GIVE_UP_SECONDS:.0f} s")

    def _new_lines(self) -> list[bytes]:
        """Of the ledger. Others' lines are not looked into: there are thousands a second, and the first may be half."""
        with self._ledger.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines()


@contextmanager
def at_wall_clock(product: Product, *rules: Json) -> Iterator[None]:
    """The ledger's moments are comparable with ours; the provider has these faults and tells nothing of its mails."""
    with product.world.simulator.at_wall_clock():
        product.world.simulator.misbehave(*rules)
        product.world.simulator.set(delivery_delay_seconds={"min": NEVER_SECONDS, "max": NEVER_SECONDS})
        yield


def percentile(values: Sequence[float], share: float) -> float:
    """The least that so many of them do not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def _mail(tenant: Tenant, key: str) -> Json:
    return {
        "configurationEId": tenant.configuration_eid,
        "recipient": f"single-{key}@example.com",
        "subject": "Your order",
        "textBody": "It is on its way.",
    }
