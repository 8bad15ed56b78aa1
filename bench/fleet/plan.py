"""The processes of a fleet: each stands for a pod of one process."""

from bench.faults.plan import plan_of

# The most of each pool that is measured.
MOST = 4


def _numbered(role: str, count: int) -> tuple[str, ...]:
    return tuple(f"{role}-{number}" for number in range(1, count + 1))


WEB = _numbered("web", 2)
SEND = _numbered("send", MOST)
PROJECTION = _numbered("projection", MOST)
PROVISIONING = _numbered("provisioning", MOST)
SCHEDULERS = _numbered("scheduler", 3)
ROLES = (*WEB, *SEND, *PROJECTION, *PROVISIONING, "drift", *SCHEDULERS)

# Two web servers, six workers and three schedulers; the other roles have no process then.
WORKERS = (*SEND[:2], *PROJECTION[:2], PROVISIONING[0], "drift")
FLEET = (*WEB, *WORKERS, *SCHEDULERS)

PLAN = plan_of(ROLES)
