"""What the demo does and what must be seen. How it looks is another module's matter."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

import requests

from sandbox.client import Answer, Client, Json, Unexpected, expect, wait_for
from sandbox.demo.zone import MailZone

SLUG = "acme"
BATCH = 500
BATCH_SECONDS = 180.0
WAIT_SECONDS = 60.0

# Addresses by which the simulator knows what to let happen.
BOUNCING = "HardBounce@bounce-testing.postmarkapp.com"
COMPLAINING = "complaint.demo@example.com"


class Audience(Protocol):
    def count(self, what: str, done: int, total: int) -> None:
        """So many of `total` have come to `what` by now."""


@dataclass(frozen=True)
class Step:
    title: str
    # Does it, and answers what was seen. Unexpected when that is not what must be seen.
    play: Callable[[], str]


@dataclass
class MainJob:
    """A tenant from nothing to a locked configuration. Steps build on one another and run in order."""

    client: Client
    control_url: str
    zone: MailZone
    audience: Audience
    eid: str = ""
    first_key: str = field(default_factory=lambda: str(uuid4()))
    job_eids: list[str] = field(default_factory=list)

    def steps(self) -> list[Step]:
        return [
            Step("deploy-time values read from the exports", self.zone.compare_exports),
            Step("create a configuration", self.create),
            Step("provision it at Postmark and in DNS", self.provision),
            Step("have its domain verified", self.verify),
            Step("unlock", self.unlock),
            Step("send one message", self.send_one),
            Step("send the same again", self.replay),
            Step(f"send a batch of {BATCH}", self.send_batch),
            Step("one message bounces for good", self.bounce),
            Step("one recipient complains", self.complain),
            Step("the suppressed get no more mail", self.refuse_suppressed),
            Step("lock", self.lock),
            Step("Postmark's ledger has each job once", self.compare_ledger),
        ]

    def create(self) -> str:
        payload = expect(self.client.create_configuration(SLUG, "Acme Ltd"), 201).payload
        self.eid = str(payload["eId"])
        must_be(_state(payload), ("PENDING", "LOCKED"))
        return f"PENDING, LOCKED, From {payload['fromAddress']}"

    def provision(self) -> str:
        expect(self.client.signal(self.eid, "provision"), 202)
        self._wait_for_operational("AWAITING_VERIFICATION", "OK")
        states = list(dict.fromkeys(payload["operational"] for payload in self.client.history(self.eid)))
        must_be(states[:3], ["PENDING", "PROVISIONING", "AWAITING_VERIFICATION"])
        return " -> ".join(states[1:3])

    def verify(self) -> str:
        self._wait_for_operational("OK")
        records = self.zone.records_below(SLUG)
        must_be(len(records), 2)
        return f"OK: DKIM and Return-Path verified, {len(records)} records in the exported zone"

    def unlock(self) -> str:
        payload = expect(self.client.signal(self.eid, "unlock"), 200).payload
        must_be(_state(payload), ("OK", "UNLOCKED"))
        must_be(payload["canSend"], True)
        return "UNLOCKED, may send"

    def send_one(self) -> str:
        job = self._accept(self.client.send(self._message("first@example.com"), key=self.first_key))
        self._wait_for_status(job, "DELIVERED")
        return "202, then DELIVERED"

    def replay(self) -> str:
        answer = expect(self.client.send(self._message("first@example.com"), key=self.first_key), 200)
        must_be(answer.headers.get("Idempotent-Replayed"), "true")
        must_be(answer.payload["eId"], self.job_eids[0])
        return "200, Idempotent-Replayed, the same job"

    def send_batch(self) -> str:
        jobs = [
            self._message(f"customer.{number:03}@example.com") | {"idempotencyKey": str(uuid4())}
            for number in range(1, BATCH + 1)
        ]
        results = expect(self.client.send_batch(jobs), 200).body["results"]
        must_be(Counter(result["status"] for result in results), Counter({202: BATCH}))
        batch = {str(result["job"]["payload"]["eId"]) for result in results}
        self.job_eids += sorted(batch)
        wait_for(
            lambda: self._count_delivered(batch),
            lambda delivered: delivered == BATCH,
            seconds=BATCH_SECONDS,
            what=f"DELIVERED for all {BATCH}",
        )
        return f"{BATCH} accepted, {BATCH} DELIVERED"

    def bounce(self) -> str:
        job = self._accept(self.client.send(self._message(BOUNCING)))
        self._wait_for_status(job, "BOUNCED")
        return "BOUNCED"

    def complain(self) -> str:
        job = self._accept(self.client.send(self._message(COMPLAINING)))
        self._wait_for_status(job, "COMPLAINED")
        return "COMPLAINED"

    def refuse_suppressed(self) -> str:
        for address in (BOUNCING, COMPLAINING):
            answer = expect(self.client.send(self._message(address)), 403)
            must_be(answer.body.get("code"), "suppressed")
        return "403 for both, before any call to Postmark"

    def lock(self) -> str:
        expect(self.client.signal(self.eid, "lock"), 200, 202)
        wait_for(
            lambda: _state(expect(self.client.configuration(self.eid), 200).payload)[1],
            lambda administrative: administrative == "LOCKED",
            seconds=WAIT_SECONDS,
            what="LOCKED",
        )
        expect(self.client.send(self._message("late@example.com")), 409)
        return "LOCKED, and a send is refused with 409"

    def compare_ledger(self) -> str:
        accepted = Counter(entry["metadata"].get("job") for entry in ledger(self.control_url))
        must_be(accepted, Counter(self.job_eids))
        return f"{len(self.job_eids)} jobs, {accepted.total()} messages, none lost and none twice"

    def _message(self, recipient: str) -> Json:
        return {
            "configurationEId": self.eid,
            "recipient": recipient,
            "subject": "Your order is on its way",
            "textBody": "It left the house today.",
        }

    def _accept(self, answer: Answer) -> str:
        eid = str(expect(answer, 202).payload["eId"])
        self.job_eids.append(eid)
        return eid

    def _count_delivered(self, batch: set[str]) -> int:
        jobs = (job for job in self.client.jobs_of(self.eid) if job["eId"] in batch)
        delivered = [job["status"] for job in jobs].count("DELIVERED")
        self.audience.count("DELIVERED", delivered, len(batch))
        return delivered

    def _wait_for_operational(self, *states: str) -> None:
        wait_for(
            lambda: expect(self.client.configuration(self.eid), 200).payload,
            lambda payload: payload["operational"] in states,
            seconds=WAIT_SECONDS,
            what=" or ".join(states),
        )

    def _wait_for_status(self, job: str, status: str) -> None:
        wait_for(
            lambda: expect(self.client.job(job), 200).payload,
            lambda payload: payload["status"] == status,
            seconds=WAIT_SECONDS,
            what=status,
        )


def _state(payload: Json) -> tuple[str, str]:
    return str(payload["operational"]), str(payload["administrative"])


def must_be(found: object, wanted: object) -> None:
    if found != wanted:
        raise Unexpected(f"expected {wanted}, found {found}")


def ledger(control_url: str) -> Iterator[Json]:
    """Every message that the simulator ever accepted."""
    with requests.Session() as session:
        session.trust_env = False
        seen = 0
        while page := _ledger_page(session, control_url, seen):
            yield from page
            seen = page[-1]["seq"]


def _ledger_page(session: requests.Session, control_url: str, since: int) -> list[Json]:
    response = session.get(f"{control_url}/ledger", params={"since": since, "limit": 1000}, timeout=30)
    response.raise_for_status()
    entries: list[Json] = response.json()["entries"]
    return entries
