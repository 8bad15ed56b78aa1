"""The provider's side: which faults it shows, and what it took."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from bench.faults.plan import DELIVERY_SECONDS, SEARCH_LAG_SECONDS, TIME_SCALE
from sandbox.client import Json

SEND = "/email/batch"
# Later than a lease and the grace after it: a doubt is then resolved by looking.
LATE_CALLBACKS: Json = {"kind": "delay_webhooks", "seconds": 600.0}
_LAG: Json = {"kind": "search_lag", "seconds": SEARCH_LAG_SECONDS}


class Simulator:
    """Its index lags all the time, or reconciliation would look better than it is."""

    def __init__(self, control_url: str, folder: Path) -> None:
        self._url = control_url
        self.ledger = Ledger(folder / "ledger.jsonl")
        self._lag = _LAG
        self._session = requests.Session()
        self._session.trust_env = False

    def begin(self) -> None:
        self._ask("POST", "/clock", {"time_scale": TIME_SCALE, "settle": False})
        self.behave()

    def behave(self) -> None:
        """No fault but the lag."""
        self.misbehave()
        self.set(
            account_state="approved", server_deletion_allowed=False, delivery_delay_seconds=DELIVERY_SECONDS
        )

    def misbehave(self, *rules: Json, seed: int = 0) -> None:
        """These faults and no others."""
        self._ask("PUT", "/faults", {"seed": seed, "rules": [self._lag, *rules]})

    def set(self, **settings: Any) -> None:
        self._ask("PATCH", "/settings", settings)

    def advance(self, seconds: float, *, settle: bool = False) -> None:
        """Its clock, so that what was to come later comes now. `settle`: wait for that, 10 s at most."""
        self._ask("POST", "/clock", {"advance_seconds": seconds, "settle": settle})

    def now(self) -> float:
        """By its clock, in seconds since the epoch: ahead of ours."""
        return float(self._ask("GET", "/clock")["now_seconds"])

    def counts(self) -> Json:
        """Of everything it holds; `deliveries`: events on their way to webhooks, also those that wait for a retry."""
        return self._ask("GET", "/state")

    def attempts(self, since: int = 0) -> list[Json]:
        """What it posted, in its order, whatever came of it; without the first `since`, and without test posts."""
        found: list[Json] = []
        while some := self._ask("GET", f"/webhook-attempts?since={since + len(found)}")["attempts"]:
            found += some
        return found

    @contextmanager
    def at_wall_clock(self) -> Iterator[None]:
        """For what compares its dates with ours. Its index lags, and deliveries take, as long as otherwise."""
        ahead = max(0.0, self.now() - time.time())
        self._ask("POST", "/clock", {"wall": True, "settle": False})
        self._lag = {**_LAG, "seconds": _scaled(SEARCH_LAG_SECONDS)}
        self.misbehave()
        self.set(delivery_delay_seconds=_scaled(DELIVERY_SECONDS))
        try:
            yield
        finally:
            self._lag = _LAG
            back = {"time_scale": TIME_SCALE, "advance_seconds": ahead, "settle": False}
            self._ask("POST", "/clock", back)
            self.behave()

    @contextmanager
    def patient(self) -> Iterator[None]:
        """It pauses no trigger, however many events in a row it has to give up."""
        before = self._ask("GET", "/settings")["unverify_after_failures"]
        self.set(unverify_after_failures=1_000_000)
        try:
            yield
        finally:
            self.set(unverify_after_failures=before)

    def rules(self) -> list[Json]:
        """With how often each fired."""
        found: list[Json] = self._ask("GET", "/faults")["rules"]
        return found

    @contextmanager
    def misbehaving(self, *rules: Json, seed: int = 0) -> Iterator[None]:
        self.misbehave(*rules, seed=seed)
        try:
            yield
        finally:
            self.behave()

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        response = self._session.request(method, f"{self._url}{path}", json=body, timeout=60)
        response.raise_for_status()
        answer: Json = response.json()
        return answer


def _scaled(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: value / TIME_SCALE for name, value in seconds.items()}


class Ledger:
    """What the provider accepted, from its own file: a line is there before the caller is told."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def end(self) -> int:
        """The offset behind the last line."""
        return self._path.stat().st_size if self._path.exists() else 0

    def entries(self, since: int = 0) -> list[Json]:
        return self.read_on(since)[0]

    def read_on(self, since: int) -> tuple[list[Json], int]:
        """Whole lines behind `since`, and the offset behind them."""
        if not self._path.exists():
            return [], since
        with self._path.open("rb") as file:
            file.seek(since)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines()], since + len(whole)

    def taken(self, since: int = 0) -> Counter[str]:
        """Job id to how often it was accepted."""
        return Counter(entry["metadata"].get("job", "") for entry in self.entries(since))
