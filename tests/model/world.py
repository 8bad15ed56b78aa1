"""The whole module on fakes: the real ingress, the real workers, the real scheduler, and a model that watches them."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from dramatiq.brokers.stub import StubBroker
from werkzeug.test import TestResponse

from scheduler.jobs import SchedulerDeps
from scheduler.timetable import Entry, timetable
from shared.bootstrap import Container
from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import Conflict, KeyMaterialError, ProviderError
from shared.messaging.messages import Message as Ring
from shared.messaging.messages import ProvisionConfiguration, RemoveConfiguration, actor_name
from shared.ports.mail import Domain, WebhookSpec
from tests.fakes.clock import FixedClock, SequentialIds
from tests.fakes.dns import FakeZone
from tests.fakes.key_material import FakeCipher
from tests.fakes.mail import FakeEventHistory, FakeMailAccount, FakeSuppressionList
from tests.fakes.postmark import FakePostmark
from tests.fakes.store.state import State
from tests.model.ledger import Ledger
from tests.model.model import SIGNALS, Expected, Model
from tests.model.moments import Act, AtPoint, Death, Moments, Where, die
from tests.model.ports import Bell, Faults, FaultyPort, PublicDns, Search, Sender
from tests.model.stage import TEST_POST, settings, told
from tests.model.tally import TALLY
from tests.model.watch import Watch, WatchedStore
from tests.unit.web.api import Api, container_of
from workers.main import POOLS

TENANTS = (UUID(int=0x1000), UUID(int=0x2000))
OPERATORS = ("anna@example.com", "ben@example.com")
_LEASED = (ProvisionConfiguration, RemoveConfiguration)


@dataclass
class Run:
    """A worker that has a message in hand."""

    message: Ring
    began_at: datetime
    lease: UUID | None = None


class World:
    """`zombies`: who outlived its lease goes on calling, as a worker does whose process was stopped for so long."""

    def __init__(self, *, zombies: bool = False) -> None:
        self.zombies = zombies
        self.clock = FixedClock()
        self.moments = Moments()
        self.faults = Faults()
        self.model = Model()
        self.zone = FakeZone()
        self.dns = PublicDns(self.zone)
        self.postmark = FakePostmark(self.dns)
        self.postmark.test_posts_succeed = self._test_post_is_answered
        self.ledger = Ledger(self.postmark, self.zone)
        self.bell = Bell()
        self.cipher = FakeCipher()
        self._new_id = SequentialIds()
        self.store = WatchedStore(self.clock, self._new_id, self.moments)
        self.watch = Watch(self.model, self.ledger, self.postmark, self.clock, TALLY)
        self.store.on_commit = self._committed
        self.sender = Sender(
            self.postmark, self.moments, self.clock, calls=self.watch.calls, called=self.watch.called
        )
        self.search = Search(self.postmark, self.sender, self.clock)
        self.runs: list[Run] = []
        self.postmark.monotonic = self._monotonic(self.postmark.monotonic)
        container = self._container()
        self.api = Api(container)
        broker = StubBroker()
        for register in POOLS.values():
            register(broker, container)
        self._actors = broker.actors
        self._entries = timetable(settings().scheduler)
        self._scheduler = SchedulerDeps(self.store, self.bell, limit=100, look_in_seconds=0, keys=self.cipher)

    def _container(self) -> Container:
        return replace(
            container_of(settings(), self.store, self.bell, new_id=self._new_id, clock=self.clock),
            cipher=self.cipher,
            mail_account=self._port(FakeMailAccount(self.postmark)),
            mail_sender=self.sender,
            sent_messages=self._port(self.search),
            event_history=self._port(FakeEventHistory(self.postmark)),
            suppression_list=self._port(FakeSuppressionList(self.postmark)),
            dns_zone=self._port(self.zone),
        )

    def _port(self, port: object) -> Any:
        return FaultyPort(
            port,
            self.moments,
            self.faults,
            before=self._before_call,
            after=self._after_call,
            raised=self._call_raised,
        )

    # What the store and the neighbours tell

    def _committed(self, before: State, after: State) -> None:
        run = self.runs[-1] if self.runs else None
        if run is not None and run.lease is None and run.message.id in after.leases:
            token, _ = after.leases[run.message.id]
            run.lease = token if before.leases.get(run.message.id, (None,))[0] != token else None
        self.watch.committed(before, after)

    def _before_call(self, name: str) -> None:
        run = self.runs[-1]
        if isinstance(run.message, _LEASED) and not self.zombies and self._outlived_its_lease(run):
            raise Death("outlived its lease")

    def _outlived_its_lease(self, run: Run) -> bool:
        token, until = self.store.state.leases.get(run.message.id, (None, self.clock.now()))
        return token != run.lease or until <= self.clock.now()

    def _after_call(self, name: str, answer: object) -> None:
        run = self.runs[-1]
        self.ledger.made_by(run.message.id)
        if isinstance(answer, Domain) and answer.dkim_verified and answer.return_path_verified:
            self.watch.verified_domains.add(answer.domain_id)
        row = self.row(run.message.id)
        if self.ledger.in_the_way(row):
            self.watch.trouble.add(row.e_id)
        self.ledger.check(row)

    def _call_raised(self, name: str, error: ProviderError) -> None:
        TALLY.faults[f"{name}: {type(error).__name__}"] += 1
        self.watch.trouble.add(self.runs[-1].message.id)

    def _test_post_is_answered(self, spec: WebhookSpec) -> bool:
        """While the call is under way, which is never for longer than the lease."""
        with self.moments.suspended():
            return self._receive(TEST_POST, spec).status_code == 200

    def _receive(self, payload: object, spec: WebhookSpec) -> TestResponse:
        headers = {"X-Email-Routing-Token": spec.routing_token, "Authorization": f"Bearer {spec.bearer}"}
        return self.api.receive(json.dumps(payload), headers=headers)

    def _monotonic(self, real: Callable[[], float]) -> Callable[[], float]:
        """A worker's own clock: what it was kept waiting has passed for it, too."""

        def now() -> float:
            return real() + (self.clock.now() - self.runs[-1].began_at).total_seconds()

        return now

    # What may be looked at

    def row(self, e_id: UUID) -> EmailConfiguration:
        return self.store.state.configurations[e_id]

    @property
    def ids(self) -> list[UUID]:
        return list(self.model.standings)

    # What may be done

    def between(self, where: Where | None, act: Act = die) -> AbstractContextManager[None]:
        """`act` comes between what is done in this context."""
        if where is None:
            return nullcontext()

        def strike() -> None:
            TALLY.between[where.name if isinstance(where, AtPoint) else "a commit or a call"] += 1
            act()

        # Dying is known by its function: inside a transaction nothing else may happen.
        return self.moments.interrupted(where, die if act is die else strike)

    @contextmanager
    def _mortal(self, where: str) -> Iterator[None]:
        try:
            yield
        except Death as death:
            TALLY.deaths[death.args[0] if death.args else f"{where}: at a commit or a call"] += 1

    def create(self, tenant: UUID, slug: str) -> None:
        free = self.model.slug_is_free(slug)
        body = {"sendingDomainSlug": slug, "signatureRequest": {"fromName": f"The {slug} shop"}}
        response = self.api.post("/configuration", body, headers={"X-Tenant-Id": str(tenant)})
        assert response.status_code == (201 if free else 409), response.get_json()

    def signal(self, e_id: UUID, name: str, operator: str, where: Where | None = None) -> None:
        expected = self.model.signal(e_id, name, self.clock.now())
        before, row = self.model.standings[e_id], self.row(e_id)
        self.watch.expecting = (e_id, expected)
        headers = {"X-Tenant-Id": str(before.tenant), "X-Author": operator}
        try:
            with self._mortal("a signal"), self.between(where):
                response = self.api.post(f"/configuration/{e_id}/{name}", headers=headers)
                self._check_answer(e_id, response, expected)
                assert expected.changes or self.row(e_id) is row, "changed without need"
                assert self.model.standings[e_id] == expected.after
                TALLY.signal(before, name, response.status_code)
        finally:
            self.watch.expecting = None

    def _check_answer(self, e_id: UUID, response: TestResponse, expected: Expected) -> None:
        answer = response.get_json()
        assert response.status_code == expected.status, f"{expected}, and the answer is {answer}"
        if expected.status == 409:
            assert answer["reason"] == expected.reason, f"{expected}, and the answer is {answer}"
            shown = (answer["operational"], answer["administrative"])
            assert shown == (expected.after.operational, expected.after.administrative)
            now = self.clock.now()
            allowed = [name for name in SIGNALS if self.model.signal(e_id, name, now).changes]
            assert sorted(answer["allowedSignals"]) == sorted(allowed)

    def send(self, tenant: UUID, e_id: UUID, key: str, recipient: str, where: Where | None = None) -> None:
        body = {"configurationEId": str(e_id), "recipient": recipient, "subject": "Hi", "textBody": "Hello"}
        status, code = self.model.submission(tenant, e_id, key, body, recipient)
        self.watch.submitting = (key, body)
        with self._mortal("a submission"), self.between(where):
            response = self._submit(tenant, body, key)
            answer = response.get_json()
            assert response.status_code == status, f"{status} {code} expected: {answer}"
            assert answer.get("code") == code
            TALLY.answers[f"send {status}"] += 1
        self.watch.submitting = None

    def _submit(self, tenant: UUID, body: object, key: str) -> TestResponse:
        return self.api.post("/job", body, headers={"Idempotency-Key": key, "X-Tenant-Id": str(tenant)})

    def run(self, message: Ring, where: Where | None = None, act: Act = die) -> None:
        """A worker takes the message. What it raises would be counted, and its row be found again by the scheduler."""
        self.runs.append(Run(message, self.clock.now()))
        if self.cipher.current not in self.cipher.versions:
            self.watch.trouble.add(message.id)
        name = actor_name(type(message))
        TALLY.runs[name] += 1
        try:
            with self._mortal(name), self.between(where, act):
                self._actors[name].fn(str(message.id))
        except Conflict:
            assert isinstance(message, _LEASED)
            TALLY.raised[f"{name}: Conflict"] += 1
        except KeyMaterialError:
            assert not isinstance(message, _LEASED)
            assert self.cipher.current not in self.cipher.versions
            TALLY.raised[f"{name}: KeyMaterialError"] += 1
        finally:
            self.runs.pop()

    def tick(self, where: Where | None = None, act: Act = die) -> None:
        """Everything the scheduler has to do, once."""
        with self._mortal("the scheduler"), self.between(where, act):
            for entry in self._entries:
                self._tick(entry)

    def _tick(self, entry: Entry) -> None:
        entry.job(self._scheduler)

    def pass_time(self, step: timedelta) -> None:
        self.clock.advance(step)

    def event(self, number: int, kind: str, where: Where | None = None) -> None:
        """The provider tells of a message that it took; a server that is gone tells nothing any more."""
        taken = self.postmark.taken[number]
        servers = [one for one in self.postmark.servers.values() if one.token == taken.server_token]
        specs = [spec for server in servers for spec in server.webhooks.values()]
        recipient = taken.message.recipient
        if kind != "Delivery" and servers:
            servers[0].inactive.add(recipient)
        for spec in specs:
            with self._mortal("an event"), self.between(where):
                event = told(kind, taken.message_id, taken.message.job_id, recipient)
                response = self._receive(event, spec)
                e_id = self.model.jobs[taken.message.job_id].configuration
                assert response.status_code == 200 or self._is_being_made(e_id), response.get_json()
                TALLY.answers[f"{kind} {response.status_code}"] += 1

    def _is_being_made(self, e_id: UUID) -> bool:
        """Between a new routing token and the webhook that has it, events are turned away, and told again later."""
        return self.row(e_id).provisioned.webhook_id is None
