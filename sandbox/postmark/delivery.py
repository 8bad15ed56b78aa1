"""Events on their way to webhooks: who gets one, attempts, retries, and when a trigger type is given up."""

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Iterable

from sandbox.postmark import fault_rules, retry
from sandbox.postmark.clock import Clock, Timetable
from sandbox.postmark.entities import Delivery, Json, Trigger, Webhook
from sandbox.postmark.faults import Faults, Scope
from sandbox.postmark.ids import new_uuid
from sandbox.postmark.ledger import AppendLog
from sandbox.postmark.poster import Posted, Poster
from sandbox.postmark.settings import Settings
from sandbox.postmark.state import State


class Dispatcher:
    """Deliveries are rows: what a restart interrupts is attempted again, so events arrive at least once."""

    def __init__(
        self,
        *,
        state: State,
        settings: Settings,
        clock: Clock,
        timetable: Timetable,
        faults: Faults,
        attempts: AppendLog,
        rng: random.Random,
    ) -> None:
        self._state, self._settings, self._faults = state, settings, faults
        self._clock, self._timetable = clock, timetable
        self._attempts, self._rng = attempts, rng
        self._poster = Poster()
        self._lanes: dict[int, deque[int]] = defaultdict(deque)
        self._held: list[int] = []
        self._busy: dict[int, int] = defaultdict(int)
        self._tasks: set[asyncio.Task[None]] = set()
        self._first_attempts: dict[int, asyncio.Future[None]] = {}

    def resume(self) -> None:
        for found in self._state.deliveries:
            self._schedule(found)

    def publish(
        self, server_id: int, stream: str, trigger: Trigger, payload: Json, content: str = ""
    ) -> list[int]:
        """One delivery per webhook that listens (and per copy a fault asks for); their ids."""
        hooks = [hook for hook in self._state.webhooks_of(server_id) if hook.stream == stream]
        listening = [hook for hook in hooks if hook.listens_to(trigger) and _wants(hook, trigger, payload)]
        return [made for hook in listening for made in self._publish_to(hook, trigger, payload, content)]

    def publish_raw(self, hook: Webhook, trigger: Trigger, payload: Json) -> list[int]:
        """Any body to one webhook, whatever its triggers and status say."""
        return self._publish_to(hook, trigger, payload, "")

    def _publish_to(self, hook: Webhook, trigger: Trigger, payload: Json, content: str) -> list[int]:
        if content and hook.triggers[trigger].get("IncludeContent"):
            payload = {**payload, "Content": content}
        scope = Scope(server_id=hook.server_id, trigger=trigger)
        copies = sum(rule.copies for rule in self._faults.every(scope, fault_rules.DuplicateWebhooks))
        trace_id, event_id = new_uuid(self._rng), new_uuid(self._rng)
        made = []
        for _ in range(1 + copies):
            due_at = self._clock.now() + self._fault_delay(scope)
            number = self._state.next_id("delivery", 1)
            row = Delivery(number, hook.id, trigger, payload, trace_id, event_id, due_at)
            self._state.deliveries.put(row)
            self._schedule(row)
            made.append(number)
        return made

    def _fault_delay(self, scope: Scope) -> float:
        delays = [
            rule.seconds.draw(self._rng) for rule in self._faults.every(scope, fault_rules.DelayWebhooks)
        ]
        shuffles = self._faults.every(scope, fault_rules.ShuffleWebhooks)
        return sum(delays) + sum(self._rng.uniform(0, rule.window_seconds) for rule in shuffles)

    def _schedule(self, row: Delivery) -> None:
        number = row.id
        self._timetable.at(row.due_at, lambda: self._due(number))

    def _due(self, number: int) -> None:
        row = self._state.deliveries.get(number)
        if row is not None:
            self._lanes[row.webhook_id].append(number)
            self._pump(row.webhook_id)

    def _pump(self, webhook_id: int) -> None:
        lane = self._lanes[webhook_id]
        while lane and self._busy[webhook_id] < self._settings.webhook_concurrency:
            number = lane.popleft()
            row, hook = (self._state.deliveries.get(number), self._state.webhooks.get(webhook_id))
            if row is None or hook is None:
                self._finish(row)
            elif self._faults.pauses(hook.server_id, row.trigger):
                self._held.append(number)
            else:
                self._start(row, hook)

    def release_held(self) -> None:
        """After a change of the fault rules."""
        held, self._held = self._held, []
        for number in held:
            self._due(number)

    def _start(self, row: Delivery, hook: Webhook) -> None:
        self._busy[hook.id] += 1
        task = asyncio.create_task(self._attempt(row, hook))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, row: Delivery, hook: Webhook) -> None:
        ladder = retry.ladder_minutes(self._settings.retry_rules, row.trigger)
        headers = {
            "X-PM-Webhook-Trace-Id": row.trace_id,
            "X-PM-Webhook-Event-Id": row.event_id,
            "X-PM-Retries-Remaining": str(max(0, len(ladder) - row.attempts)),
        }
        try:
            posted = await self._poster.post(
                hook, row.payload, headers, self._settings.webhook_timeout_seconds
            )
        finally:
            self._busy[hook.id] -= 1
        self._judge(row, hook, posted, ladder)
        self._pump(hook.id)

    def _judge(self, row: Delivery, hook: Webhook, posted: Posted, ladder: list[int]) -> None:
        rules = self._settings.retry_rules
        row.attempts += 1
        if retry.is_success(rules, posted.status):
            outcome = "delivered"
        elif not retry.is_retried(rules, posted.status):
            outcome = "dropped"
        else:
            outcome = "retry" if row.attempts <= len(ladder) else "exhausted"
        self._record(row, hook, posted, outcome)
        if outcome == "retry":
            row.due_at = self._clock.now() + 60 * ladder[row.attempts - 1]
            self._state.deliveries.put(row)
            self._schedule(row)
        else:
            self._count_loss(hook, row.trigger, lost=outcome != "delivered")
            self._finish(row)
        self._announce(row.id)

    def _count_loss(self, hook: Webhook, trigger: Trigger, *, lost: bool) -> None:
        """Lasting failure of one trigger type makes that type unverified: it gets no more events."""
        if not lost and not hook.lost_in_a_row.get(trigger):
            return
        hook.lost_in_a_row[trigger] = hook.lost_in_a_row.get(trigger, 0) + 1 if lost else 0
        if hook.lost_in_a_row[trigger] >= self._settings.unverify_after_failures:
            hook.statuses[trigger] = "unverified"
        if self._state.webhooks.get(hook.id) is hook:
            self._state.webhooks.put(hook)

    def _finish(self, row: Delivery | None) -> None:
        if row is not None and self._state.deliveries.get(row.id) is row:  # not after a reset
            self._state.deliveries.remove(row)

    def _record(self, row: Delivery, hook: Webhook, posted: Posted, outcome: str) -> None:
        entry = {
            "seq": len(self._attempts.entries) + 1,
            "at_seconds": self._clock.now(),
            "webhook_id": hook.id,
            "server_id": hook.server_id,
            "trigger": row.trigger,
            "message_id": row.payload.get("MessageID"),
            "trace_id": row.trace_id,
            "event_id": row.event_id,
            "attempt": row.attempts,
            "status": posted.status,
            "error": posted.error,
            "seconds": round(posted.seconds, 6),
            "outcome": outcome,
        }
        self._attempts.append([entry])

    def _announce(self, number: int) -> None:
        if waiting := self._first_attempts.pop(number, None):
            waiting.set_result(None)

    async def first_attempts(self, numbers: Iterable[int], wait_seconds: float) -> None:
        """Until each of the deliveries was attempted once, or the time is over."""
        loop = asyncio.get_running_loop()
        waiting = {number: loop.create_future() for number in numbers}
        self._first_attempts.update(waiting)
        if waiting:
            await asyncio.wait(waiting.values(), timeout=wait_seconds)
        for number in waiting:
            self._first_attempts.pop(number, None)

    @property
    def is_idle(self) -> bool:
        """Nothing is being posted or waits for its turn; later retries and held events do not count."""
        return not self._tasks and not any(self._lanes.values())

    async def verify(self, hook: Webhook, payloads: dict[Trigger, Json]) -> dict[Trigger, Posted]:
        """Post the payloads at once, outside of all ladders and statistics."""
        headers = {"X-PM-Webhook-Trace-Id": new_uuid(self._rng), "X-PM-Webhook-Event-Id": new_uuid(self._rng)}
        timeout = self._settings.webhook_timeout_seconds
        answers = await asyncio.gather(
            *(self._poster.post(hook, payload, headers, timeout) for payload in payloads.values())
        )
        return dict(zip(payloads, answers, strict=True))

    def clear(self) -> None:
        self._lanes.clear()
        self._held.clear()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._poster.close()


def _wants(hook: Webhook, trigger: Trigger, payload: Json) -> bool:
    only_first = trigger == "Open" and hook.triggers["Open"].get("PostFirstOpenOnly")
    return bool(payload.get("FirstOpen")) if only_first else True
