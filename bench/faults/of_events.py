"""What the provider tells in another order than it happened, again, and before its own answer."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit
from uuid import uuid4

from bench.faults.emailctl import Emailctl
from bench.faults.event_histories import Happened, Subject, Words, draw, first_times, order
from bench.faults.mail import FATES, pour
from bench.faults.provider import Provider
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import SEND
from sandbox.client import BASE
from sandbox.stack.tenant import Tenant
from tests.unit.domain.event_oracle import State, address_by_oracle, status_by_oracle

# Of the simulator's clock: what it would tell by itself comes when nobody is there any more.
NEVER_SECONDS = 1e9
POSTERS = 8
TRIES = 60
AGAIN_SECONDS = 0.5
PROJECTED_SECONDS = 120.0
LOOK_SECONDS = 0.2
# Of all callbacks, those that have to come before our commit, or the fault was none.
EARLY_AT_LEAST = 0.9


@dataclass(frozen=True)
class Story:
    """One job's events in the order in which they are told. `of_set`: the number of the set they are an order of."""

    of_set: int
    subject: Subject
    tenant: Tenant
    told: Sequence[Happened]

    @property
    def heard(self) -> list[Happened]:
        return first_times(self.told)


@fault(
    "F12",
    "histories of events in any order, with repeats",
    long=Size(jobs=5_000, times=10, tenants=4),
    short=Size(jobs=50, times=5, tenants=2),
)
def any_order(run: Rehearsal) -> None:
    """`jobs` orders, `times` of each set of events, posted as the provider would post them, one after the other."""
    tenants = [run.world.new_tenant() for _ in range(run.size.tenants)]
    stories = list(_stories(run, tenants))
    posts = Posts(run, _headers_of(run, tenants))
    with ThreadPoolExecutor(POSTERS) as threads:
        for done in [threads.submit(posts.tell, story) for story in stories]:
            done.result()
    run.require(not posts.refused, f"answered with something else than 200: {dict(posts.refused)}")
    _until_projected(run, tenants)
    _check_stories(run, stories)
    _check_rebuild(run, tenants)
    kinds = Counter(happened.what for story in stories for happened in story.heard)
    run.notes.append(
        f"{len(stories)} orders of {len({story.of_set for story in stories})} sets; {posts.posted} posts, "
        f"{posts.posted - kinds.total()} of them repeats, {posts.again} posted again after no answer or 503"
    )


def _stories(run: Rehearsal, tenants: Sequence[Tenant]) -> Iterator[Story]:
    dice = random.Random(run.size.jobs)
    history: list[Happened] = []
    by_id = {tenant.tenant_id: tenant for tenant in tenants}
    for number, (tenant_id, *names) in enumerate(_sent_jobs(run, tenants)):
        if number % run.size.times == 0:
            history = draw(dice)
        yield Story(number // run.size.times, Subject(*names), by_id[tenant_id], order(history, dice))


def _sent_jobs(run: Rehearsal, tenants: Sequence[Tenant]) -> list[tuple[str, ...]]:
    """Tenant, id, message id and recipient of jobs that nobody has told anything of."""
    run.world.simulator.set(delivery_delay_seconds=NEVER_SECONDS)
    pour(run, tenants, "any", run.size.jobs, FATES[:1])
    # Which end is the right one is a matter of the order of each.
    run.ends[f"{run.prefix}-any-{FATES[0].recipient}"] = (
        "DELIVERED",
        "BOUNCED",
        "COMPLAINED",
        "INCONSISTENT",
    )
    run.wait_until_idle(PROJECTED_SECONDS)
    return run.world.database.ask(
        "SELECT tenant_id::text, e_id::text, provider_message_id, recipient FROM email_job"
        " WHERE idempotency_key LIKE %s AND status = 'SENT'"
        " ORDER BY (regexp_match(idempotency_key, '[0-9]+$'))[1]::int",
        f"{run.prefix}%",
    )


def _headers_of(run: Rehearsal, tenants: Sequence[Tenant]) -> dict[str, dict[str, str]]:
    """What the provider was told to show, by tenant: key and routing token."""
    slugs = dict(
        run.world.database.ask(
            "SELECT slug, tenant_id::text FROM email_configuration WHERE e_id::text = ANY(%s)",
            [tenant.configuration_eid for tenant in tenants],
        )
    )
    found = Provider(run.world.places).webhooks_of(slugs)
    return {
        slugs[slug]: {header["Name"]: header["Value"] for header in hook["HttpHeaders"]}
        for slug, (hook,) in found.items()
    }


class Posts:
    """As the provider posts: what is not answered, or with 503, is posted again."""

    def __init__(self, run: Rehearsal, headers: Mapping[str, Mapping[str, str]]) -> None:
        self._run, self._headers = run, headers
        self._address = urlsplit(run.world.door.url).netloc
        self._lock = threading.Lock()
        self._own = threading.local()
        self.posted = 0
        self.again = 0
        self.refused: Counter[str] = Counter()

    def tell(self, story: Story) -> None:
        """Each event is answered before the next is posted: the order of arrival is the story's."""
        words = Words(story.subject, random.Random(story.subject.job_id))
        for happened in story.told:
            self._post(words.of(happened), self._headers[story.tenant.tenant_id])

    def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        sent = {**headers, "Content-Type": "application/json", "User-Agent": "Postmark"}
        sent |= {"X-PM-Webhook-Trace-Id": str(uuid4()), "X-PM-Webhook-Event-Id": str(uuid4())}
        for _ in range(TRIES):
            status = self._try(body, sent)
            if status is not None and status < 500:
                break
            with self._lock:
                self.again += 1
            time.sleep(AGAIN_SECONDS)
        with self._lock:
            self.posted += 1
            if status != 200:
                self.refused[str(status)] += 1
            if self.posted % 500 == 0:
                self._run.tell(f"{self.posted} events posted")

    def _try(self, body: bytes, headers: Mapping[str, str]) -> int | None:
        connection = getattr(self._own, "connection", None) or HTTPConnection(self._address, timeout=10)
        try:
            connection.request("POST", f"{BASE}/job/postmark-events", body, dict(headers))
            answer = connection.getresponse()
            answer.read()
        except (HTTPException, OSError):
            connection.close()
            self._own.connection = None
            return None
        self._own.connection = connection
        return answer.status


def _until_projected(run: Rehearsal, tenants: Sequence[Tenant]) -> None:
    question = (
        "SELECT count(*) FROM email_event WHERE status = 'pending' AND configuration_id::text = ANY(%s)"
    )
    ids = [tenant.configuration_eid for tenant in tenants]
    deadline = time.monotonic() + PROJECTED_SECONDS
    while (left := run.world.database.ask(question, ids)[0][0]) and time.monotonic() < deadline:
        run.tell(f"{left} events not projected")
        time.sleep(LOOK_SECONDS)
    run.require(not left, f"{left} events were not projected")


def _check_stories(run: Rehearsal, stories: Sequence[Story]) -> None:
    wrong: Counter[str] = Counter()
    entries, jobs, events = _entries(run, stories), _jobs(run), _events(run)
    by_set: dict[int, set[State]] = defaultdict(set)
    for story in stories:
        status = status_by_oracle("SENT", (one.what for one in story.heard if one.joins))
        state = address_by_oracle((one.at, one.what) for one in story.heard if one.of_address)
        found = entries[story.tenant.tenant_id, story.subject.recipient]
        by_set[story.of_set].add(found[0] if found else None)
        wrong["rows for one address"] += len(found) > 1
        wrong["addresses not as the oracle says"] += (found[0] if found else None) != state
        wrong["jobs not as the oracle says"] += jobs[story.subject.job_id] != status
        joined = sum(one.joins for one in story.heard)
        wrong["jobs with more or fewer events than happened"] += events[story.subject.job_id] != joined
    wrong["sets that depend on the order"] = sum(len(states) > 1 for states in by_set.values())
    run.require(not +wrong, f"of {len(stories)} orders: {dict(+wrong)}")
    run.notes.append(f"{sum(status == 'INCONSISTENT' for status in jobs.values())} jobs INCONSISTENT")


def _entries(run: Rehearsal, stories: Sequence[Story]) -> dict[tuple[str, str], list[State]]:
    rows = run.world.database.ask(
        "SELECT tenant_id::text, address, active, reason, since, lifted_at FROM suppression_entry"
        " WHERE tenant_id::text = ANY(%s)",
        list({story.tenant.tenant_id for story in stories}),
    )
    found: dict[tuple[str, str], list[State]] = defaultdict(list)
    for tenant_id, address, active, reason, since, lifted_at in rows:
        found[tenant_id, address].append((active, reason, since, lifted_at))
    return found


def _jobs(run: Rehearsal) -> dict[str, str]:
    return {row.job_id: row.status for row in run.world.database.rows(run.prefix)}


def _events(run: Rehearsal) -> Counter[str]:
    """By the job they were joined to."""
    question = (
        "SELECT job_id::text, count(*) FROM email_event WHERE job_id IN"
        " (SELECT e_id FROM email_job WHERE idempotency_key LIKE %s) GROUP BY 1"
    )
    return Counter(dict(run.world.database.ask(question, f"{run.prefix}%")))


def _check_rebuild(run: Rehearsal, tenants: Sequence[Tenant]) -> None:
    """`emailctl tenant rebuild` makes the same of the log as the events have made one by one."""
    emailctl, looked_at = Emailctl(run.world.processes), 0
    for tenant in tenants:
        run.tell("rebuilding from the log")
        said = emailctl.run("tenant", "rebuild", tenant.tenant_id)
        looked_at += said.told.get("lookedAt", 0)
        run.require(
            said.code == 0,
            f"rebuild ended with {said.code}: {said.complaint} {str(said.told)[:300]}",
        )
    run.require(looked_at >= run.size.jobs, f"rebuild looked at {looked_at} only")
    run.notes.append(f"rebuild looked at {looked_at} jobs and addresses and found no difference")


@fault(
    "F13",
    "callbacks before the answer to the send, and so before our commit",
    long=Size(jobs=1_000, tenants=4),
    short=Size(jobs=40, tenants=4),
)
def callbacks_first(run: Rehearsal) -> None:
    """Every second one twice."""
    early = {"kind": "webhook_before_response", "endpoint": SEND, "wait_seconds": 5.0}
    again = {"kind": "duplicate_webhooks", "copies": 1, "probability": 0.5}
    with run.world.simulator.misbehaving(early, again):
        with run.callers(jobs=run.size.jobs):
            pass
        run.wait_until_idle(60.0)
    rows = run.world.database.ask(
        "SELECT job.e_id::text, count(event.e_id), bool_and(event.job_id = job.e_id),"
        "  count(*) FILTER (WHERE event.status <> 'projected'),"
        "  min(event.received_at) < min(attempt.finished_at),"
        "  min(event.projected_at) < min(attempt.finished_at), count(DISTINCT attempt.claim_id)"
        "  FROM email_job job LEFT JOIN email_event event ON event.job_ref = job.e_id"
        "  LEFT JOIN send_attempt attempt ON attempt.job_id = job.e_id"
        " WHERE job.idempotency_key LIKE %s GROUP BY 1",
        f"{run.prefix}%",
    )
    run.require(len(rows) == run.size.jobs, f"{len(rows)} jobs of {run.size.jobs}")
    odd = [row for row in rows if row[1] != row[6] or not row[2]]
    run.require(not odd, f"{len(odd)} jobs without their one event, such as {odd[:1]}")
    left = sum(row[3] for row in rows)
    run.require(not left, f"{left} events wait or are parked")
    before, projected = sum(bool(row[4]) for row in rows), sum(bool(row[5]) for row in rows)
    run.require(
        before >= EARLY_AT_LEAST * len(rows), f"only {before} of {len(rows)} callbacks came before our commit"
    )
    run.notes.append(
        f"{before} of {len(rows)} came before our commit, {projected} of them were projected by then"
    )
