"""The module's HTTP API as a calling service uses it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import requests

BASE = "/v1/shop-access/email"
POLL_SECONDS = 0.1
_TIMEOUT_SECONDS = 30.0
_LAST_LINE_MAX = 200  # characters, of the line that says that a file is not whole

Json = dict[str, Any]
T = TypeVar("T")


class Unexpected(RuntimeError):
    """An answer that the caller did not provide for, or a state that did not come."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Json

    @property
    def payload(self) -> Json:
        payload: Json = self.body["payload"]
        return payload


@dataclass
class Client:
    """One tenant's access. Every call answers what came, whatever its status, unless it says otherwise."""

    url: str
    api_key: str = field(repr=False)
    tenant_id: str
    author: str = "sandbox"

    def __post_init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the machine must not stand between us and the loopback
        self._session.headers["Authorization"] = f"Bearer {self.api_key}"
        self._session.headers["X-Tenant-Id"] = self.tenant_id
        self._session.headers["X-Author"] = self.author

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def create_configuration(self, slug: str, from_name: str) -> Answer:
        body = {"sendingDomainSlug": slug, "signatureRequest": {"fromName": from_name}}
        return self._call("POST", "/configuration", body)

    def configuration(self, eid: str) -> Answer:
        return self._call("GET", f"/configuration/{eid}")

    def verification(self, eid: str) -> Answer:
        """Why it waits: its records in the zone, and what checks of them found. The body is no record."""
        return self._call("GET", f"/configuration/{eid}/verification")

    def signal(self, eid: str, signal: str, *, if_match: str | None = None) -> Answer:
        """`if_match`: the `ETag` of an earlier answer; 412 when the configuration has moved since."""
        headers = {"If-Match": if_match} if if_match is not None else None
        return self._call("POST", f"/configuration/{eid}/{signal}", headers=headers)

    def send(self, job: Json, *, key: str | None = None) -> Answer:
        return self._call("POST", "/job", job, {"Idempotency-Key": key or str(uuid4())})

    def send_batch(self, jobs: Iterable[Json]) -> Answer:
        """Each job carries its own `idempotencyKey`."""
        return self._call("POST", "/job/batch", {"jobs": list(jobs)})

    def job(self, eid: str) -> Answer:
        return self._call("GET", f"/job/{eid}")

    def history(self, eid: str) -> list[Json]:
        """The payloads of all records of a configuration, oldest first."""
        found = expect(self._call("GET", f"/configuration/{eid}/history"), 200).body["records"]
        return [record["payload"] for record in found]

    def jobs_of(self, configuration_eid: str) -> list[Json]:
        """The payloads of all its jobs. Unexpected when a page cannot be had."""
        leaf = {"locator": "configurationEId", "eq": configuration_eid}
        return self._all("/job/query", {"filter": leaf, "sort": [], "paginate": {"index": 0, "size": 500}})

    def timeline(self, eid: str) -> Answer:
        return self._call("GET", f"/job/{eid}/timeline")

    def decide(self, eid: str, verdict: str, reason: str, *, message_id: str | None = None) -> Answer:
        """Of a job in doubt: `sent`, `resend` or `fail`."""
        body = {"verdict": verdict, "reason": reason}
        known = {"providerMessageId": message_id} if message_id is not None else {}
        return self._call("POST", f"/job/{eid}/decide", {**body, **known})

    def resolve(self, eid: str, reason: str) -> Answer:
        """Of an INCONSISTENT job: what the whole log of its events says."""
        return self._call("POST", f"/job/{eid}/resolve", {"reason": reason})

    def webhook(self, eid: str) -> Answer:
        """Whether the provider still posts a configuration's events. The body is no record."""
        return self._call("GET", f"/configuration/{eid}/webhook")

    def catch_up(self, eid: str, from_ms: int, reason: str, *, until_ms: int | None = None) -> Answer:
        """Have the provider asked for the events of a time. The body is the gap."""
        until = {"until": until_ms} if until_ms is not None else {}
        body = {"from": from_ms, **until, "reason": reason}
        return self._call("POST", f"/configuration/{eid}/catch-up", body)

    def gaps(self, eid: str) -> list[Json]:
        """Newest first."""
        found: list[Json] = expect(self._call("GET", f"/configuration/{eid}/catch-up"), 200).body["gaps"]
        return found

    def suppress(self, address: str, note: str | None = None) -> Answer:
        body = {"address": address, **({"note": note} if note is not None else {})}
        return self._call("POST", "/configuration/suppression", body)

    def lift(self, eid: str, note: str | None = None) -> Answer:
        return self._call(
            "POST", f"/configuration/suppression/{eid}/lift", {"note": note} if note is not None else None
        )

    def suppressions(self) -> list[Json]:
        """The payloads of all entries, lifted ones included."""
        return self._all("/configuration/suppression/query", {"paginate": {"index": 0, "size": 500}})

    def export_suppressions(self, *, lifted: bool = False) -> Iterator[str]:
        """The text of the CSV file, in pieces as they come. Unexpected unless the answer is 200, and the file whole."""
        url = f"{self.url}{BASE}/configuration/suppression/export"
        asked = {"lifted": "true"} if lifted else None
        with self._session.get(url, params=asked, stream=True, timeout=_TIMEOUT_SECONDS) as response:
            expect(_answer(response) if not response.ok else Answer(response.status_code, {}, {}), 200)
            response.encoding = "utf-8"
            end = ""
            for piece in response.iter_content(None, decode_unicode=True):
                end = (end + piece)[-_LAST_LINE_MAX:]
                yield piece
        if end.rstrip().rpartition("\n")[2].startswith("NOT COMPLETE"):
            raise Unexpected("the list could not be read to its end")

    def import_suppressions(self, csv: str) -> Answer:
        """A file with its header. The body is what came of it."""
        return _answer(
            self._session.post(
                f"{self.url}{BASE}/configuration/suppression/import",
                data=csv.encode(),
                headers={"Content-Type": "text/csv"},
                timeout=_TIMEOUT_SECONDS,
            )
        )

    def _all(self, path: str, question: Json) -> list[Json]:
        """The payloads of every page. Unexpected when one cannot be had."""
        found: list[Json] = []
        while question:
            page = expect(self._call("POST", path, question), 200).body
            found += [record["payload"] for record in page["results"]]
            question = {"page": page["nextPage"]} if page["nextPage"] else {}
        return found

    def _call(self, method: str, path: str, body: Json | None = None, headers: Json | None = None) -> Answer:
        return _answer(
            self._session.request(
                method, f"{self.url}{BASE}{path}", json=body, headers=headers, timeout=_TIMEOUT_SECONDS
            )
        )


def _answer(response: requests.Response) -> Answer:
    is_json = "json" in response.headers.get("Content-Type", "")
    return Answer(response.status_code, response.headers, response.json() if is_json else {})


def expect(answer: Answer, *statuses: int) -> Answer:
    """`answer`, if it has one of `statuses`; else Unexpected with the problem it reports."""
    if answer.status not in statuses:
        wanted = " or ".join(map(str, statuses))
        raise Unexpected(f"expected {wanted}, got {answer.status}: {describe_problem(answer.body)}")
    return answer


def describe_problem(body: Json) -> str:
    """The readable parts of an `application/problem+json` body."""
    parts = [body.get("title"), body.get("detail"), body.get("code"), body.get("errors")]
    return " - ".join(str(part) for part in parts if part) or "no explanation"


def wait_for(look: Callable[[], T], holds: Callable[[T], bool], *, seconds: float, what: str) -> T:
    """What `look` finds once it `holds`. Unexpected, with what was found last, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds(found := look()):
        if time.monotonic() > deadline:
            raise Unexpected(f"{what} did not come within {seconds:.0f} s; last seen: {found}")
        time.sleep(POLL_SECONDS)
    return found
