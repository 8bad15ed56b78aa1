"""The neighbours as they may behave: calls that are refused, that never arrive, or whose answer is lost."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from shared.domain.dns import DnsRecord
from shared.domain.errors import ProviderError
from shared.domain.mail import OutboundMessage, Outcome
from shared.messaging.messages import Message as Ring
from shared.ports.doorbell import Message
from tests.fakes.clock import FixedClock
from tests.fakes.dns import FakeZone
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.mail import FakeMailSender, FakePostmark, FakeSentMessages
from tests.model.moments import Moments


class Faults:
    """What the next calls come to, by the name of the call: an error, before or after the call had its effect."""

    def __init__(self) -> None:
        self._planned: dict[str, list[tuple[ProviderError, bool]]] = defaultdict(list)

    def plan(self, call: str, error: ProviderError, *, after_effect: bool, times: int) -> None:
        self._planned[call] = [(error, after_effect)] * times

    def next(self, call: str) -> tuple[ProviderError, bool] | None:
        planned = self._planned[call]
        return planned.pop(0) if planned else None

    def heal(self) -> None:
        self._planned.clear()


class FaultyPort:
    """Any port. `before` is asked before each call and may end it; `after` learns of each call that had its effect."""

    def __init__(
        self,
        port: object,
        moments: Moments,
        faults: Faults,
        *,
        before: Callable[[str], None],
        after: Callable[[str, Any], None],
        raised: Callable[[str, ProviderError], None],
    ) -> None:
        self._port = port
        self._moments = moments
        self._faults = faults
        self._before = before
        self._after = after
        self._raised = raised

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._calling(name, found) if callable(found) else found

    def _calling(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._moments.come_to()
            self._before(name)
            fault = self._faults.next(name)
            if fault is None or fault[1]:
                try:
                    answer = method(*args, **kwargs)
                except ProviderError as error:
                    self._raised(name, error)
                    raise
                self._after(name, answer)
                self._moments.come_to()
            if fault is not None:
                self._raised(name, fault[0])
                raise fault[0]
            return answer

        return call


class Sender:
    """The send call, watched: nothing may be in it that was not claimed."""

    def __init__(
        self,
        postmark: FakePostmark,
        moments: Moments,
        clock: FixedClock,
        *,
        calls: Callable[[Sequence[OutboundMessage]], None],
        called: Callable[[Sequence[OutboundMessage], Sequence[Outcome]], None],
    ) -> None:
        self._sender = FakeMailSender(postmark)
        self._postmark = postmark
        self._moments = moments
        self._clock = clock
        self._calls = calls
        self._called = called
        self.taken_at: dict[str, datetime] = {}

    def send(
        self, server_token: str, messages: Sequence[OutboundMessage], *, not_after_monotonic: float
    ) -> list[Outcome]:
        self._moments.come_to()
        self._calls(messages)
        outcomes = self._sender.send(server_token, messages, not_after_monotonic=not_after_monotonic)
        for taken in self._postmark.taken[len(self.taken_at) :]:
            self.taken_at[taken.message_id] = self._clock.now()
        self._called(messages, outcomes)
        self._moments.come_to()
        return outcomes


class Search:
    """The search, behind by `lag`, which is less than the grace it is given: what was taken is found so much later."""

    def __init__(self, postmark: FakePostmark, sender: Sender, clock: FixedClock) -> None:
        self._search = FakeSentMessages(postmark)
        self._sender = sender
        self._clock = clock
        self.lag = timedelta(seconds=100)

    def find_by_claim(self, server_token: str, claim_id: UUID) -> Mapping[UUID, str]:
        found = self._search.find_by_claim(server_token, claim_id)
        seen_until = self._clock.now() - self.lag
        return {
            job_id: message_id
            for job_id, message_id in found.items()
            if self._sender.taken_at[message_id] <= seen_until
        }


class PublicDns(FakeZone):
    """What resolvers see of a zone: nothing of a domain whose records have not spread yet."""

    def __init__(self, zone: FakeZone) -> None:
        super().__init__(zone.name)
        self._zone = zone
        self.unseen: set[str] = set()

    def find(self, name: str, type: str) -> DnsRecord | None:
        if any(name.endswith(f".{slug}.{self.name}") for slug in self.unseen):
            return None
        return self._zone.records.get((name, type))


class Bell(RecordingDoorbell):
    """Rings that wait. As the real one, it adds nothing while an earlier ring for the same row waits."""

    def ring(self, *messages: Message) -> bool:
        return super().ring(*(message for message in messages if message not in self.rung))

    @property
    def waiting(self) -> list[Ring]:
        return cast("list[Ring]", self.rung)
