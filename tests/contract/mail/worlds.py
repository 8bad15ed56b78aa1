"""The providers that one suite is run against, each with the levers a test needs to set its scene."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import requests

from shared.domain.dns import MailDns, records_for
from shared.domain.errors import ProviderUnavailable
from shared.domain.mail import Deferred, MessageContent, OutboundMessage, Outcome, Unknown
from shared.gateways.postmark.account import PostmarkAccount
from shared.gateways.postmark.events import TEST_MESSAGE_ID
from shared.gateways.postmark.history import PostmarkHistory
from shared.gateways.postmark.inventory import PostmarkInventory
from shared.gateways.postmark.search import PostmarkSearch
from shared.gateways.postmark.sender import PostmarkSender
from shared.gateways.postmark.suppressions import PostmarkSuppressions
from shared.gateways.postmark.taken import PostmarkTaken
from shared.gateways.postmark.wire import PostmarkSettings, Wire
from shared.ports.drift import MailInventory
from shared.ports.mail import (
    EventHistory,
    MailAccount,
    MailSender,
    SentMessages,
    SuppressionList,
    TakenMessages,
)
from tests.contract.mail.receiver import Receiver
from tests.fakes.clock import FixedClock
from tests.fakes.dns import FakeZone
from tests.fakes.inventory import FakeMailInventory
from tests.fakes.mail import (
    FakeEventHistory,
    FakeMailAccount,
    FakeMailSender,
    FakePostmark,
    FakeSentMessages,
    FakeSuppressionList,
    FakeTakenMessages,
)
from tests.fakes.pace import FreePace

ZONE = "dev.ardamails.com"


class Account(Protocol):
    """Enough for what needs no DNS and no public webhook url: the real service, too."""

    account: MailAccount
    inventory: MailInventory
    # Ends every name made here, so that runs against a real account do not meet one another's leavings.
    suffix: str
    zone: str


class World(Account, Protocol):
    sender: MailSender
    search: SentMessages
    taken: TakenMessages
    suppression_list: SuppressionList
    history: EventHistory
    receiver_url: str
    broken_receiver_url: str

    def now(self) -> datetime:
        """By the provider's clock."""
        ...

    def pass_time(self, seconds: float) -> None: ...

    def happen(self, message_id: str, record_type: str, *, bounce_type: str = "HardBounce") -> None:
        """At this moment, to an accepted message: Delivery, Bounce or SpamComplaint."""
        ...

    def told(self) -> list[str]:
        """What callbacks have posted to the receiver, test posts aside."""
        ...

    def lose_heart(self, server_token: str, webhook_id: int, message_id: str) -> None:
        """Bounces are not posted any more: our end refused one too many."""
        ...

    def mend(self) -> None:
        """Our end takes everything again."""
        ...

    def publish(self, mail_dns: MailDns) -> None: ...

    def suppress(self, server_token: str, address: str) -> None: ...

    def revoke_token(self, server_id: int) -> None: ...

    # Servers on a page of the inventory.
    page_size: int

    def fail_on_page(self, page: int) -> None:
        """The inventory's next listing comes to this page, from 1, and no further."""
        ...

    def accepted(self, claim_id: UUID) -> int:
        """By the provider's own books, whatever its search says."""
        ...

    def search_is_behind(self) -> AbstractContextManager[None]:
        """What is accepted inside is not found before the end of the block."""
        ...

    # Each of these is about the next send only.
    def accept_and_lose_the_answer(self) -> None: ...

    def accept_and_answer_nonsense(self) -> None: ...

    def accept_and_fail(self, status: int) -> None: ...

    def limit_the_rate(self, retry_after_seconds: int | None) -> None: ...

    def be_in_maintenance(self) -> None: ...

    def refuse_connections(self) -> None: ...

    def accept_and_hang(self) -> None: ...


@dataclass
class RealAccount:
    """The service itself: opt-in, see the package's docstring."""

    account: MailAccount
    inventory: MailInventory
    zone: str
    suffix: str = field(default_factory=lambda: uuid4().hex[:12])


class FakeWorld:
    receiver_url = "https://mail.example.com/works"
    broken_receiver_url = "https://mail.example.com/broken"
    suffix = "1"
    zone = ZONE
    page_size = 3

    def __init__(self) -> None:
        self._zone = FakeZone(ZONE)
        self._postmark = FakePostmark(self._zone)
        self._clock = FixedClock()
        self._told: list[str] = []
        self.account: MailAccount = FakeMailAccount(self._postmark)
        self._inventory = FakeMailInventory(self._postmark, page_size=self.page_size)
        self.inventory: MailInventory = self._inventory
        self.sender: MailSender = FakeMailSender(self._postmark)
        self.search: SentMessages = FakeSentMessages(self._postmark)
        self._postmark.now = self._clock.now
        self.taken: TakenMessages = FakeTakenMessages(self._postmark)
        self.suppression_list: SuppressionList = FakeSuppressionList(self._postmark)
        self.history: EventHistory = FakeEventHistory(self._postmark)
        self.mend()

    def now(self) -> datetime:
        return self._clock.now()

    def pass_time(self, seconds: float) -> None:
        self._clock.advance(seconds=seconds)

    def happen(self, message_id: str, record_type: str, *, bounce_type: str = "HardBounce") -> None:
        told = self._postmark.happen(message_id, record_type, self.now(), bounce_type=bounce_type)
        if any(server.webhooks for server in self._postmark.servers.values()):
            self._told += told

    def told(self) -> list[str]:
        return self._told

    def lose_heart(self, server_token: str, webhook_id: int, message_id: str) -> None:
        self.happen(message_id, "Bounce", bounce_type="SoftBounce")
        self._postmark.pause(server_token, webhook_id, "Bounce")
        self._postmark.test_posts_succeed = lambda _spec: False

    def mend(self) -> None:
        self._postmark.test_posts_succeed = lambda spec: spec.url == self.receiver_url

    def publish(self, mail_dns: MailDns) -> None:
        self._zone.upsert(records_for(mail_dns))

    def suppress(self, server_token: str, address: str) -> None:
        self._postmark.suppress(server_token, address)

    def revoke_token(self, server_id: int) -> None:
        self._postmark.servers[server_id].token = "another"

    def fail_on_page(self, page: int) -> None:
        self._inventory.fail_on_page(page, ProviderUnavailable("100", "maintenance"))

    def accepted(self, claim_id: UUID) -> int:
        return sum(taken.message.claim_id == claim_id for taken in self._postmark.taken)

    @contextmanager
    def search_is_behind(self) -> Iterator[None]:
        self._postmark.search_sees_new = False
        yield
        self._postmark.search_sees_new = True

    def accept_and_lose_the_answer(self) -> None:
        self._postmark.answer_next_send(Unknown("connection_broken", "reset"), taken=True)

    def accept_and_answer_nonsense(self) -> None:
        self._postmark.answer_next_send(Unknown("unreadable", "no JSON"), taken=True)

    def accept_and_fail(self, status: int) -> None:
        self._postmark.answer_next_send(Unknown(f"http_{status}", "failed"), taken=True)

    def limit_the_rate(self, retry_after_seconds: int | None) -> None:
        self._postmark.answer_next_send(Deferred("http_429", "slow down", retry_after_seconds))

    def be_in_maintenance(self) -> None:
        self._postmark.answer_next_send(Deferred("100", "maintenance"))

    def refuse_connections(self) -> None:
        self._postmark.answer_next_send(Deferred("connect_failed", "no connection"))

    def accept_and_hang(self) -> None:
        self._postmark.answer_next_send(Unknown("timeout", "no answer"), taken=True)


class SimulatorWorld:
    suffix = "1"
    zone = ZONE
    page_size = 500

    def __init__(self, url: str, control_url: str, account_token: str, receiver: Receiver) -> None:
        self._control_url = control_url
        self._control("POST", "/reset")
        # Nothing happens to a message but what a test wants.
        delay_seconds = 30 * 24 * 3600
        standing = {"server_deletion_allowed": True, "delivery_delay_seconds": delay_seconds}
        self._control("PATCH", "/settings", {**standing, "unverify_after_failures": 1})
        self._receiver = receiver
        self._wire = Wire(
            PostmarkSettings(
                base_url=url, account_token=account_token, read_timeout_seconds=READ_TIMEOUT_SECONDS
            )
        )
        self.account: MailAccount = PostmarkAccount(self._wire, FreePace())
        self.inventory: MailInventory = PostmarkInventory(self._wire, FreePace())
        self.sender: MailSender = PostmarkSender(self._wire)
        self.search: SentMessages = PostmarkSearch(self._wire)
        self.taken: TakenMessages = PostmarkTaken(self._wire)
        self.suppression_list: SuppressionList = PostmarkSuppressions(self._wire)
        self.history: EventHistory = PostmarkHistory(self._wire)
        self.receiver_url, self.broken_receiver_url = receiver.url, receiver.broken_url

    def now(self) -> datetime:
        seconds = self._control("GET", "/clock")["now_seconds"]
        assert isinstance(seconds, float)
        return datetime.fromtimestamp(seconds, UTC)

    def pass_time(self, seconds: float) -> None:
        self._control("POST", "/clock", {"advance_seconds": seconds})

    def happen(self, message_id: str, record_type: str, *, bounce_type: str = "HardBounce") -> None:
        event = {"message_id": message_id, "type": record_type, "bounce_type": bounce_type}
        self._control("POST", "/events", event)
        self._control("POST", "/settle", {})

    def told(self) -> list[str]:
        posted = [event for _, event in self._receiver.posted]
        return [json.dumps(event) for event in posted if event["MessageID"] != TEST_MESSAGE_ID]

    def lose_heart(self, server_token: str, webhook_id: int, message_id: str) -> None:
        self._receiver.refused.add("Bounce")
        self.happen(message_id, "Bounce", bounce_type="SoftBounce")

    def mend(self) -> None:
        self._receiver.refused.clear()

    def change_settings(self, **settings: object) -> None:
        """A lever that only the simulator has."""
        self._control("PATCH", "/settings", settings)

    def close(self) -> None:
        self._wire.close()

    def publish(self, mail_dns: MailDns) -> None:
        for record in records_for(mail_dns):
            value = f'"{record.value}"' if record.type == "TXT" else record.value
            self._control("POST", "/dns", {"name": record.name, "type": record.type, "value": value})

    def suppress(self, server_token: str, address: str) -> None:
        """By the provider's own route: our gateway has none for it."""
        answer = self._wire.as_server(
            server_token,
            "POST",
            "/message-streams/outbound/suppressions",
            body=f'{{"Suppressions":[{{"EmailAddress":"{address}"}}]}}'.encode(),
        )
        assert getattr(answer, "status", None) == 200

    def revoke_token(self, server_id: int) -> None:
        self._control("POST", f"/servers/{server_id}/replace-token")

    def fail_on_page(self, page: int) -> None:
        rule = {"kind": "unavailable_503", "endpoint": "/servers", "method": "GET"}
        self._control("POST", "/faults", {**rule, "skip": page - 1, "count": 1})

    def accepted(self, claim_id: UUID) -> int:
        return len(self._control("GET", f"/ledger?claim={claim_id}")["entries"])

    @contextmanager
    def search_is_behind(self) -> Iterator[None]:
        lag_seconds = 3600
        self._fault("search_lag", seconds=lag_seconds)
        yield
        self._control("POST", "/clock", {"advance_seconds": lag_seconds})

    def accept_and_lose_the_answer(self) -> None:
        self._fault("accept_then_reset")

    def accept_and_answer_nonsense(self) -> None:
        self._fault("non_json_200")

    def accept_and_fail(self, status: int) -> None:
        kinds = {500: "accept_then_500", 502: "accept_then_502_html", 504: "accept_then_504"}
        self._fault(kinds[status])

    def limit_the_rate(self, retry_after_seconds: int | None) -> None:
        self._fault("rate_limited", retry_after=retry_after_seconds)

    def be_in_maintenance(self) -> None:
        self._fault("unavailable_503")

    def refuse_connections(self) -> None:
        self._control("POST", "/faults", {"kind": "refuse"})

    def accept_and_hang(self) -> None:
        self._fault("hang", accept=True)

    def fault(self, kind: str, **details: object) -> None:
        """A lever that only the simulator has."""
        self._fault(kind, **details)

    def _fault(self, kind: str, **details: object) -> None:
        rule = {"kind": kind, "endpoint": "/email/batch", "count": 1, **details}
        self._control("POST", "/faults", rule)

    def _control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = requests.request(method, f"{self._control_url}{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        content: dict[str, Any] = answer.json()
        return content


def ready(world: World) -> str:
    """The token of a server whose mail from acme's domain is taken."""
    name = f"acme.{world.zone}"
    world.account.create_signature(
        address=f"noreply@{name}", name="Acme", reply_to=None, return_path_domain=f"pm-bounces.{name}"
    )
    domain = world.account.find_domain(name)
    assert domain is not None
    world.publish(domain.dns)
    assert world.account.check_domain(domain.domain_id).verified
    return world.account.create_server("ardamails-dev-acme").token


# Long enough for a busy machine to answer a batch, short enough to wait for once.
READ_TIMEOUT_SECONDS = 2.0


def message_to(
    recipient: str, *, claim_id: UUID, sender: str = f"noreply@acme.{ZONE}", job_id: UUID | None = None
) -> OutboundMessage:
    content = MessageContent(subject="Your order", text_body="It is on its way.", metadata={"order": "17"})
    return OutboundMessage(
        job_id=job_id or uuid4(), claim_id=claim_id, sender=sender, recipient=recipient, content=content
    )


def kinds(outcomes: list[Outcome]) -> list[type[Outcome]]:
    return [type(outcome) for outcome in outcomes]
