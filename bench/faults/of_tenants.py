"""What tenants do to each other."""

import time

from bench.faults.nursery import Wishes
from bench.faults.plan import SENDERS, SWEEP_SECONDS
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import SEND
from sandbox.client import Client, expect
from sandbox.stack.tenant import Tenant

BATCH_OF_CALLS = 500
# As long as Postmark may take for a full batch.
CALL_SECONDS = 0.3
LOOK_SECONDS = 0.005
GIVE_UP_SECONDS = 120.0
SINGLES = 6
# What a busy machine of two cores adds to any latency.
SLACK_SECONDS = 0.5


@fault(
    "F27",
    "a tenant with many waiting beside one with a single mail",
    long=Size(jobs=100_000, tenants=2),
    short=Size(jobs=10_000, tenants=2),
)
def noisy_neighbour(run: Rehearsal) -> None:
    """The single mail waits one batch, and a sweep should its ring be lost."""
    noisy, quiet = run.world.tenants(2)
    with run.world.simulator.misbehaving({"kind": "latency", "endpoint": SEND, "seconds": CALL_SECONDS}):
        idle = _latencies(run, quiet, "idle")
        # While nobody sends, or a small backlog would be gone before it is one.
        run.world.processes.dress(dict.fromkeys(SENDERS, Wishes(held=True)))
        run.promise(_pour(run, noisy), f"{run.prefix}-noise", ("DELIVERED",))
        run.world.processes.dress(dict.fromkeys(SENDERS, Wishes()))
        waiting = run.world.database.waiting()["QUEUED"]
        busy = _latencies(run, quiet, "busy")
        still = run.world.database.waiting()["QUEUED"]
    bound = idle[-1] + CALL_SECONDS + SWEEP_SECONDS + SLACK_SECONDS
    run.require(busy[-1] <= bound, f"a single mail waited {busy[-1]:.2f} s, more than {bound:.2f} s")
    run.require(still > 0, "the backlog was gone before the last single mail")
    run.notes.append(
        f"single mail: idle median {_median(idle):.2f} s, busy median {_median(busy):.2f} s, longest "
        f"{busy[-1]:.2f} s, with {waiting} to {still} of the other's waiting"
    )


def _pour(run: Rehearsal, tenant: Tenant) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    with run.world.door.client(tenant.tenant_id) as client:
        for start in range(0, run.size.jobs, BATCH_OF_CALLS):
            keys = [f"{run.prefix}-noise-{start + number}" for number in range(BATCH_OF_CALLS)]
            jobs = [_mail(tenant, key) | {"idempotencyKey": key} for key in keys]
            results = expect(client.send_batch(jobs), 200).body["results"]
            for key, result in zip(keys, results, strict=True):
                told[key] = {str(result["job"]["payload"]["eId"])}
            run.tell(f"{len(told)} of {run.size.jobs} accepted")
    return told


def _latencies(run: Rehearsal, tenant: Tenant, when: str) -> list[float]:
    """From acceptance to the provider, in seconds, ascending."""
    run.ends[f"{run.prefix}-{when}"] = ("DELIVERED",)
    with run.world.door.client(tenant.tenant_id) as client:
        return sorted(_latency(run, client, tenant, f"{run.prefix}-{when}-{n}") for n in range(SINGLES))


def _latency(run: Rehearsal, client: Client, tenant: Tenant, key: str) -> float:
    offset = run.world.simulator.ledger.end()
    job_id = str(expect(client.send(_mail(tenant, key), key=key), 202).payload["eId"])
    accepted = time.monotonic()
    run.told[key] = {job_id}
    while time.monotonic() < accepted + GIVE_UP_SECONDS:
        entries, offset = run.world.simulator.ledger.read_on(offset)
        if any(entry["metadata"].get("job") == job_id for entry in entries):
            # With the time the call takes: the ledger has it before that.
            return time.monotonic() - accepted
        time.sleep(LOOK_SECONDS)
    return GIVE_UP_SECONDS


def _median(ascending: list[float]) -> float:
    return ascending[len(ascending) // 2]


def _mail(tenant: Tenant, key: str) -> dict[str, str]:
    return {
        "configurationEId": tenant.configuration_eid,
        "recipient": f"{key}@example.com".lower(),
        "subject": "Rehearsal",
        "textBody": "One of many.",
    }
