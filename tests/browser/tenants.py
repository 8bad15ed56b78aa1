"""Tenants as their services and the provider see them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

from sandbox.client import Client, Json, expect, wait_for

PATIENCE_SECONDS = 90.0
_ORDERS = count(10_417)


@dataclass(frozen=True)
class Tenant:
    client: Client
    slug: str
    eid: str

    @property
    def id(self) -> str:
        return self.client.tenant_id

    @property
    def payload(self) -> Json:
        return expect(self.client.configuration(self.eid), 200).payload

    @property
    def server_id(self) -> int:
        return int(self.payload["postmarkServerId"])

    def mail(self, recipient: str, **more: Any) -> Json:
        order = next(_ORDERS)
        return {
            "configurationEId": self.eid,
            "recipient": recipient,
            "subject": f"Your order {order}",
            "textBody": f"Thank you for your order {order}.",
            "tag": "order",
            **more,
        }

    def send(self, recipient: str, **more: Any) -> str:
        """The job's id."""
        answer = self.client.send(self.mail(recipient, **more), key=f"order-{uuid4()}")
        return str(expect(answer, 202).payload["eId"])

    def send_many(self, recipients: Iterator[str] | list[str]) -> list[str]:
        mails = [{**self.mail(one), "idempotencyKey": f"order-{uuid4()}"} for one in recipients]
        results = expect(self.client.send_batch(mails), 200).body["results"]
        return [str(expect_taken(result)["payload"]["eId"]) for result in results]

    def status_of(self, job: str) -> str:
        return str(expect(self.client.job(job), 200).payload["status"])

    def wait_for_status(self, job: str, *statuses: str) -> None:
        wait_for(
            lambda: self.status_of(job),
            lambda status: status in statuses,
            seconds=PATIENCE_SECONDS,
            what=" or ".join(statuses),
        )

    def wait_until(self, region: str, *states: str) -> None:
        """`region`: operational or administrative."""
        wait_for(
            lambda: self.payload[region],
            lambda state: state in states,
            seconds=PATIENCE_SECONDS,
            what=f"{self.slug}: {' or '.join(states)}",
        )

    def make_ready(self, *, unlocked: bool = True) -> "Tenant":
        expect(self.client.signal(self.eid, "provision"), 200, 202)
        self.wait_until("operational", "OK")
        if unlocked:
            expect(self.client.signal(self.eid, "unlock"), 200)
        return self


def expect_taken(result: Json) -> Json:
    assert result["status"] == 202, result
    job: Json = result["job"]
    return job
