"""Much mail of several kinds, by batches, so that the provider has much to tell."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice

import requests

from bench.faults.rehearsal import Rehearsal
from sandbox.client import Client, Json
from sandbox.stack.tenant import Tenant

BATCH_OF_CALLS = 250
AGAIN_SECONDS = 0.2
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Fate:
    """What happens to a message whose recipient begins so, by the simulator's rule."""

    recipient: str
    ends: tuple[str, ...]
    events: int


# A delivery that is told of after the complaint contradicts it.
FATES = (
    Fate("plain", ("DELIVERED",), 1),
    Fate("bounce-hard", ("BOUNCED",), 2),
    Fate("complaint", ("COMPLAINED", "INCONSISTENT"), 3),
    Fate("unsubscribe", ("DELIVERED",), 2),
    Fate("transient", ("DELIVERED",), 2),
)


def events_of(jobs: int) -> int:
    """How many events so many jobs of all fates make."""
    return sum(fate.events for fate in islice(cycle(FATES), jobs))


def pour(
    run: Rehearsal, tenants: Sequence[Tenant], name: str, jobs: int, fates: Sequence[Fate] = FATES
) -> None:
    """All at once, a share of each fate for each tenant; promised as `name`. Repeated until it is answered."""
    for place, fate in enumerate(fates):
        prefix = f"{run.prefix}-{name}-{fate.recipient}"
        told: dict[str, set[str]] = {}
        count = len(range(place, jobs, len(fates)))
        for number, tenant in enumerate(tenants):
            keys = [f"{prefix}-{n}" for n in range(number, count, len(tenants))]
            with run.world.door.client(tenant.tenant_id) as client:
                for start in range(0, len(keys), BATCH_OF_CALLS):
                    told |= _accepted(client, tenant, fate, keys[start : start + BATCH_OF_CALLS])
            run.tell(f"{name}: {len(told)} of {count} {fate.recipient}")
        run.promise(told, prefix, fate.ends)


def _accepted(client: Client, tenant: Tenant, fate: Fate, keys: Sequence[str]) -> dict[str, set[str]]:
    jobs = [_job(tenant, fate, key) for key in keys]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(requests.RequestException):
            answer = client.send_batch(jobs)
            if answer.status == 200:
                results = zip(keys, answer.body["results"], strict=True)
                return {key: {str(result["job"]["payload"]["eId"])} for key, result in results}
        time.sleep(AGAIN_SECONDS)
    raise TimeoutError("a batch was not accepted")


def _job(tenant: Tenant, fate: Fate, key: str) -> Json:
    return {
        "configurationEId": tenant.configuration_eid,
        "recipient": f"{fate.recipient}-{key}@example.com".lower(),
        "subject": "Rehearsal",
        "textBody": "One of many.",
        "idempotencyKey": key,
    }
