"""Calling services: they send, and repeat with the same key whatever was not answered, for as long as it takes."""

import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import requests

from sandbox.client import Client, Json
from sandbox.stack.tenant import Tenant

REPEAT_SECONDS = 0.1
THREADS = 8

Body = Callable[[int], Json]


def plain(number: int) -> Json:
    return {"recipient": f"r{number}@example.com", "subject": "Rehearsal", "textBody": "One of many."}


@dataclass(frozen=True)
class Door:
    url: str
    api_key: str

    def client(self, tenant_id: str) -> Client:
        return Client(self.url, self.api_key, tenant_id)


class Callers:
    """`jobs` sends, or as many as there is time for, spread over the tenants, `rate` a second if given.

    Leaving the block ends it: what was begun is answered, or repeated until it is.

    `later`: codes of refusals that will pass, and are repeated as well; counted apart as `put_off`.
    `told` maps each key to every job id that was answered for it; more than one would be a broken promise.
    """

    def __init__(
        self,
        door: Door,
        tenants: Sequence[Tenant],
        prefix: str,
        *,
        jobs: int | None = None,
        rate: float | None = None,
        body: Body = plain,
        later: Collection[str] = (),
    ) -> None:
        self._door, self._tenants, self._prefix, self._jobs = door, tenants, prefix, jobs
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._body = body
        self._later = later
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(THREADS)]
        self._enough = threading.Event()
        self._give_up = threading.Event()
        self.told: dict[str, set[str]] = defaultdict(set)
        self.repeats = 0
        self.put_off = 0
        # What was answered instead, and repeated: "503", or "none" without an answer.
        self.answers: Counter[str] = Counter()
        self.refused: list[str] = []

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._jobs is None:
            self._enough.set()
        if kind is not None:
            self._give_up.set()
        for thread in self._threads:
            thread.join()

    def give_up(self) -> None:
        """Nothing is repeated any more; whoever waits for an answer does not get one."""
        self._give_up.set()

    @property
    def unanswered(self) -> list[int]:
        """Begun, and nobody heard what became of them. Asked once, when the block has been left."""
        begun = next(self._numbers)
        return [number for number in range(begun) if self.key_of(number) not in self.told]

    def key_of(self, number: int) -> str:
        return f"{self._prefix}-{number}"

    def tenant_of(self, number: int) -> Tenant:
        return self._tenants[number % len(self._tenants)]

    def job_of(self, number: int) -> Json:
        return {"configurationEId": self.tenant_of(number).configuration_eid, **self._body(number)}

    @property
    def calling(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    @property
    def answered(self) -> int:
        return len(self.told)

    def _run(self) -> None:
        clients: dict[str, Client] = {}
        while not self._enough.is_set() and not self._give_up.is_set():
            with self._lock:
                number = next(self._numbers)
            if self._jobs is not None and number >= self._jobs:
                break
            tenant = self.tenant_of(number)
            client = clients.setdefault(tenant.tenant_id, self._door.client(tenant.tenant_id))
            self._enough.wait(max(0.0, self._begun + number * self._interval - time.monotonic()))
            self._send(client, number)
        for client in clients.values():
            client.close()

    def _send(self, client: Client, number: int) -> None:
        key, job = self.key_of(number), self.job_of(number)
        while not self._give_up.is_set():
            try:
                answer = client.send(job, key=key)
            except requests.RequestException:  # not JSON, for half an answer, is one of these
                self._again("none")
                continue
            if answer.status in (200, 202):
                with self._lock:
                    self.told[key].add(str(answer.payload["eId"]))
                return
            if answer.status == 409 and answer.body.get("code") in self._later:
                self._put_off()
                continue
            if answer.status < 500 and answer.status != 429:
                with self._lock:
                    self.refused.append(f"{answer.status} {answer.body.get('code')}")
                return
            self._again(str(answer.status))

    def _put_off(self) -> None:
        with self._lock:
            self.put_off += 1
        self._give_up.wait(REPEAT_SECONDS)

    def _again(self, instead: str) -> None:
        with self._lock:
            self.repeats += 1
            self.answers[instead] += 1
        self._give_up.wait(REPEAT_SECONDS)
