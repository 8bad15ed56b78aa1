"""The operators' console with ten million jobs in the tables: what a person waits for."""

import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import requests

from bench.speed.figures import Figure, Target, alone
from bench.speed.filled import configuration, fill, tenant
from bench.speed.registry import Size, Tell, bench
from bench.speed.stage import Stage
from sandbox.ports import LOOPBACK

TENANTS = 10_000
OPERATOR_KEY = "operator-key-of-a-benchmark"
SAMPLES = 1_000
TARGET = Target(200, of="value", at_most=True)
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
# Of the filled table's own rows, from pages all over it.
_SAMPLES = """
SELECT e_id, tenant_id, recipient, idempotency_key, provider_message_id
FROM email_job TABLESAMPLE SYSTEM (least(100, 100.0 * 20 * %s / %s)) WHERE provider_message_id IS NOT NULL
ORDER BY random() LIMIT %s
"""

Fields = Mapping[str, object]
Search = Callable[[], Fields]


@dataclass(frozen=True)
class Sample:
    e_id: object
    tenant_id: object
    recipient: object
    key: object
    message_id: object


def searches(samples: list[Sample]) -> dict[str, Search]:
    """What the form is filled in with, anew at each call. Tenant 0 has one job in twenty, and none that is SENT."""

    def any_() -> Sample:
        return random.choice(samples)

    return {
        "a tenant's jobs": lambda: {"tenant": any_().tenant_id},
        "a tenant's DELIVERED": lambda: {"tenant": any_().tenant_id, "status": "DELIVERED"},
        "a tenant's FAILED": lambda: {"tenant": any_().tenant_id, "status": "FAILED"},
        "the largest tenant's jobs": lambda: {"tenant": tenant(0)},
        "the largest tenant's BOUNCED": lambda: {"tenant": tenant(0), "status": "BOUNCED"},
        "the largest tenant's SENT, none": lambda: {"tenant": tenant(0), "status": "SENT"},
        "a configuration's of a week": lambda: {
            "configuration": configuration(random.randrange(TENANTS)),
            "from": _days_ago(40),
            "until": _days_ago(33),
        },
        "the largest configuration's jobs": lambda: {"configuration": configuration(0)},
        "the largest configuration's SENT, none": lambda: {
            "configuration": configuration(0),
            "status": "SENT",
        },
        "a recipient": lambda: {"tenant": (one := any_()).tenant_id, "recipient": one.recipient},
        "a recipient, none": lambda: {"tenant": tenant(0), "recipient": f"{uuid4().hex}@example.com"},
        "a job's id": lambda: {"text": any_().e_id},
        "an id, none": lambda: {"text": uuid4()},
        "a message's id": lambda: {"text": any_().message_id},
        "a tenant's key": lambda: {"tenant": (one := any_()).tenant_id, "text": one.key},
        "any QUEUED": lambda: {"status": "QUEUED"},
        "any INCONSISTENT": lambda: {"status": "INCONSISTENT"},
        "any SENDING, none": lambda: {"status": "SENDING"},
    }


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


@bench(
    "console",
    "the console's overview and its search for jobs, with 10,000,000 jobs of 10,000 tenants",
    long=Size(work=100, rows=10_000_000),
    short=Size(work=20, rounds=2, rows=200_000),
)
def console(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """`work`: pages a round, of the overview and of each search. Of the searches the slowest kind is the figure."""
    fill(stage.database_url, jobs=size.rows, tenants=TENANTS)
    samples = [Sample(*row) for row in stage.ask(_SAMPLES, SAMPLES, size.rows, SAMPLES)]
    environment = {"EMAIL_OPERATOR_KEY": OPERATOR_KEY, "EMAIL_PUBLIC_BASE_URL": f"http://{LOOPBACK}"}
    with stage.serving(**environment) as port, requests.Session() as session:
        desk = Desk(session, f"http://{LOOPBACK}:{port}/console")
        pages: dict[str, Callable[[], float]] = {"overview": desk.overview}
        for name, search in searches(samples).items():
            pages[name] = lambda search=search: desk.search(search())  # type: ignore[misc]
        found = _measured(pages, size)
    for name, rounds in found.items():
        tell(f"{name}: " + ", ".join(f"{one:.1f}" for one in rounds) + " ms, p95 of each round")
    yield alone("console-overview", found.pop("overview"), unit="ms, p95", target=TARGET)
    slowest = max(found, key=lambda name: sorted(found[name])[len(found[name]) // 2])
    tell(f"the slowest kind of search: {slowest}")
    yield alone("console-search", found[slowest], unit="ms, p95", target=TARGET)


def _measured(pages: Mapping[str, Callable[[], float]], size: Size) -> dict[str, list[float]]:
    """The 95th of a hundred, in milliseconds, round by round; every kind in turn, after one of each."""
    found: dict[str, list[float]] = {name: [] for name in pages}
    for look in pages.values():
        look()
    for _ in range(size.rounds):
        taken: dict[str, list[float]] = {name: [] for name in pages}
        for _ in range(size.work):
            for name, look in pages.items():
                taken[name].append(look())
        for name, each in taken.items():
            found[name].append(sorted(each)[len(each) * 95 // 100] * 1000)
    return found


class Desk:
    """Where an operator sits: signed in, and nobody else is. Times are seconds until the page is there."""

    def __init__(self, session: requests.Session, url: str) -> None:
        session.trust_env = False
        self._session, self._url = session, url
        given = {"name": "Olga", "key": OPERATOR_KEY, "next": "", "csrf_token": self._token("/sign-in")}
        _require(session.post(f"{url}/sign-in", given))
        self._form = {"csrf_token": self._token("/jobs")}

    def _token(self, path: str) -> str:
        found = _TOKEN.search(_require(self._session.get(self._url + path)).text)
        assert found, "each form has a token"
        return found[1]

    def overview(self) -> float:
        begun = time.perf_counter()
        page = _require(self._session.get(self._url))
        seconds = time.perf_counter() - begun
        if "could not be read" in page.text:
            raise RuntimeError("a part of the overview is missing")
        return seconds

    def search(self, fields: Fields) -> float:
        """The form, and the page that it leads to."""
        begun = time.perf_counter()
        _require(self._session.post(f"{self._url}/jobs/search", {**self._form, **fields}))
        return time.perf_counter() - begun


def _require(answer: requests.Response) -> requests.Response:
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code}: {answer.text[:300]}")
    return answer
