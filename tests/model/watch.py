"""Looks at every commit: what changed, whether it may, and what the model makes of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.domain.mail import Accepted, ConfigurationFault, OutboundMessage, Outcome
from shared.ports.clock import NewId
from shared.ports.store import Transaction
from tests.fakes.clock import FixedClock
from tests.fakes.postmark import FakePostmark
from tests.fakes.store import MemoryStore
from tests.fakes.store.state import State
from tests.model.ledger import Ledger
from tests.model.model import EDGES, Evidence, Expected, Job, Model, Standing, after_report, judge
from tests.model.moments import Moments
from tests.model.tally import Tally

# Of a configuration, what is only counted or scheduled: it changes without a record.
_UNRECORDED = ("verification_due_at", "send_faults_in_a_row")
_TAKEN = {
    JobStatus.QUEUED: 0,
    JobStatus.CANCELLED: 0,
    JobStatus.SUPPRESSED: 0,
    JobStatus.SENT: 1,
    JobStatus.DELIVERED: 1,
    JobStatus.BOUNCED: 1,
    JobStatus.COMPLAINED: 1,
}


class WatchedStore(MemoryStore):
    """A moment before each transaction, one before its commit and one after."""

    def __init__(self, clock: FixedClock, new_id: NewId, moments: Moments) -> None:
        super().__init__(clock=clock, new_id=new_id)
        self._moments = moments
        self.on_commit: Callable[[State, State], None] = lambda _before, _after: None

    @property
    def state(self) -> State:
        return self._state

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self._moments.come_to()
        before = self._state
        with super().begin() as tx:
            yield tx
            self._moments.come_to()
        self.on_commit(before, self._state)
        self._moments.come_to()


class Watch:
    """`expecting` is what a signal that is under way is to do; `submitting` the key and body of a submission."""

    def __init__(self, model: Model, ledger: Ledger, postmark: FakePostmark, clock: FixedClock, tally: Tally):
        self._model = model
        self._ledger = ledger
        self._postmark = postmark
        self._clock = clock
        self._tally = tally
        self.expecting: tuple[UUID, Expected] | None = None
        self.submitting: tuple[str, object] | None = None
        self.trouble: set[UUID] = set()
        self.verified_domains: set[int] = set()
        self._faulty_calls: Counter[UUID] = Counter()
        self._accepted_calls: Counter[UUID] = Counter()
        self._claims: set[tuple[UUID, UUID]] = set()
        self._called: set[tuple[UUID, UUID]] = set()

    def committed(self, before: State, after: State) -> None:
        for job_id, job in after.jobs.items():
            if before.jobs.get(job_id) is not job:
                self._job(job, after)
        for event_id, kept in after.events.items():
            held = before.events.get(event_id)
            if kept.event.projected_at is not None and (held is None or held.event.projected_at is None):
                self._projected(event_id, after)
        for e_id, row in after.configurations.items():
            if before.configurations.get(e_id) is not row:
                self._configuration(before.configurations.get(e_id), row, before, after)

    # Jobs

    def _job(self, job: EmailJob, after: State) -> None:
        held = self._model.jobs.get(job.e_id)
        status = job.status.value
        if held is None:
            self._accepted(job)
        elif held.status != status:
            allowed = status in EDGES.get(held.status, ()) or _is_told_twice(job, after)
            assert allowed, f"{held.status} became {status}: {job}"
            held.status = status
        if job.status is JobStatus.SENDING and job.claim_id is not None:
            self._claimed(job, job.claim_id)
        if job.status is JobStatus.QUEUED:
            standing = self._model.standings[job.configuration_id]
            assert standing.administrative != "LOCKED", f"waits in a locked configuration: {job}"
        if job.status is JobStatus.SUPPRESSED:
            if job.error_code == "406":
                self._model.suppressed.add((job.tenant_id, job.recipient))
            assert (job.tenant_id, job.recipient) in self._model.suppressed, f"nobody suppressed it: {job}"
        taken = sum(one.message.job_id == job.e_id for one in self._postmark.taken)
        known = 0 if job.status is JobStatus.FAILED and job.error_code != "unresolved" else taken
        wanted = _TAKEN.get(job.status, known)
        assert taken == wanted, f"{status}, and the provider has {taken} messages of it: {job}"

    def _accepted(self, job: EmailJob) -> None:
        assert self.submitting is not None, "a job that nobody asked for"
        key, body = self.submitting
        assert job.idempotency_key == key
        self._model.jobs[job.e_id] = Job(job.tenant_id, job.configuration_id, job.recipient)
        self._model.keys[job.tenant_id, key] = (job.e_id, body)
        assert job.status is JobStatus.QUEUED

    def _claimed(self, job: EmailJob, claim_id: UUID) -> None:
        if (job.e_id, claim_id) in self._claims:
            return
        standing = self._model.standings[job.configuration_id]
        assert standing.may_claim, f"claimed of {standing}"
        suppressed = (job.tenant_id, job.recipient) in self._model.suppressed
        assert not suppressed, "claimed, though its recipient is suppressed"
        self._claims.add((job.e_id, claim_id))

    def calls(self, messages: Sequence[OutboundMessage]) -> None:
        for message in messages:
            pair = (message.job_id, message.claim_id)
            assert pair in self._claims, "sent without a claim"
            assert pair not in self._called, "sent twice in one claim"
            self._called.add(pair)

    def called(self, messages: Sequence[OutboundMessage], outcomes: Sequence[Outcome]) -> None:
        (e_id,) = {self._model.jobs[message.job_id].configuration for message in messages}
        self._faulty_calls[e_id] += any(isinstance(one, ConfigurationFault) for one in outcomes)
        self._accepted_calls[e_id] += any(isinstance(one, Accepted) for one in outcomes)
        twice = [
            job_id
            for job_id, count in Counter(one.message.job_id for one in self._postmark.taken).items()
            if count > 1
        ]
        assert not twice, f"sent twice: {twice}"

    # Events

    def _projected(self, event_id: UUID, after: State) -> None:
        event = after.events[event_id].event
        ends_it = event.facts.hard_bounce or event.facts.kind is EventKind.SPAM_COMPLAINT
        if not ends_it or event.facts.recipient is None:
            return
        address = (event.tenant_id, event.facts.recipient)
        entries = {(one.tenant_id, one.address) for one in after.entries.values() if one.active}
        assert address in entries, "a bounce or a complaint that suppresses nobody"
        self._model.suppressed.add(address)

    # Configurations

    def _configuration(
        self, was: EmailConfiguration | None, row: EmailConfiguration, before: State, after: State
    ) -> None:
        if was is None:
            self._model.standings[row.e_id] = Standing(row.tenant_id, row.slug)
        else:
            self._check_record(was, row, before, after)
            if was.version != row.version:
                self._moved(was, row)
        standing = self._model.standings[row.e_id]
        shown = replace(
            standing,
            operational=row.operational.value,
            administrative=row.administrative.value,
            retired=row.retired,
            cleaned_up=row.cleaned_up_at is not None,
        )
        assert shown == standing, f"the row says {shown}"
        self._check_neighbours(row, standing)
        self._ledger.check(row)

    def _check_record(
        self, was: EmailConfiguration, row: EmailConfiguration, before: State, after: State
    ) -> None:
        told, tells = before.records[row.e_id], after.records[row.e_id]
        if was.version == row.version:
            unrecorded = {name: getattr(row, name) for name in _UNRECORDED}
            assert replace(was, **unrecorded) == row, "changed without a new version"
            assert tells == told
            return
        assert row.version == was.version + 1
        assert tells[:-1] == told, "not exactly one record for one change"
        assert tells[-1].previous == told[-1].r_id
        assert tells[-1].configuration.version == row.version
        assert tells[-1].author
        assert tells[-1].cause

    def _moved(self, was: EmailConfiguration, row: EmailConfiguration) -> None:
        before = self._model.standings[row.e_id]
        if self.expecting is not None and self.expecting[0] == row.e_id:
            self._as_expected(row, self.expecting[1])
            return
        shown = replace(
            before,
            operational=row.operational.value,
            administrative=row.administrative.value,
            cleaned_up=row.cleaned_up_at is not None,
        )
        name, allowed = judge(before, shown, self._evidence(row), in_flight=self._model.in_flight(row.e_id))
        assert allowed, f"{name}: {before} became {shown}, and {self._evidence(row)}"
        if was.provisioned != row.provisioned:
            at_work = before.operational == "PROVISIONING" or before.retired
            assert at_work, f"what exists changed in {before}: {was.provisioned} became {row.provisioned}"
        if name != "nothing":
            self._tally.report(before, name)
        self._model.standings[row.e_id] = after_report(before, name, self._clock.now())

    def _as_expected(self, row: EmailConfiguration, expected: Expected) -> None:
        self.expecting = None
        self._model.standings[row.e_id] = expected.after
        if expected.after.operational == "PROVISIONING":
            self.trouble.discard(row.e_id)
        if expected.opens_window:
            # One call may be under way meanwhile, and be counted afterwards.
            self._faulty_calls[row.e_id] = 1
        assert not (expected.cancels and self._waiting(row.e_id)), "a job still waits after a force-lock"

    def _evidence(self, row: EmailConfiguration) -> Evidence:
        told = row.failure
        return Evidence(
            now=self._clock.now(),
            all_made=self._ledger.is_whole(row),
            nothing_left=self._ledger.is_gone(row) and self._ledger.records_of(row) == 0,
            failure_kept=told is not None and bool(told.step and told.code and told.message),
            trouble=row.e_id in self.trouble,
            verified=row.provisioned.domain_id in self.verified_domains,
            faulty_calls=self._faulty_calls[row.e_id],
            accepted_calls=self._accepted_calls[row.e_id],
        )

    def _check_neighbours(self, row: EmailConfiguration, standing: Standing) -> None:
        others = [(key, one) for key, one in self._model.standings.items() if key != row.e_id]
        if standing.takes_part:
            assert not self._model.another_takes_part(row.e_id), "two configurations of a tenant may send"
        if not standing.cleaned_up:
            in_use = [key for key, one in others if one.slug == standing.slug and not one.cleaned_up]
            assert not in_use, f"the slug {standing.slug} is used twice"
        if standing.administrative == "LOCKED":
            assert not self._waiting(row.e_id), "a job waits in a locked configuration"

    def _waiting(self, e_id: UUID) -> list[Job]:
        jobs = self._model.jobs.values()
        return [job for job in jobs if job.configuration == e_id and job.status == "QUEUED"]


def _is_told_twice(job: EmailJob, after: State) -> bool:
    """Events that contradict one another may be folded in one transaction."""
    told = sum(kept.event.job_id == job.e_id for kept in after.events.values())
    return job.status is JobStatus.INCONSISTENT and told > 1
