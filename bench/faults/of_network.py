"""What happens between us and the provider, the database and the broker."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from bench.faults.nursery import Wishes
from bench.faults.plan import SENDERS
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import SEND
from sandbox.client import Json
from sandbox.ports import LOOPBACK
from sandbox.proxy import Proxy, Weather
from sandbox.stack.tenant import Tenant

# Of each piece of data. A call to the provider is two of them, a transaction a dozen.
RESETS = {"provider": 0.3, "database": 0.05, "broker": 0.05}
TRAFFIC_SECONDS = 20.0
_MAYBE_FAILED = ("DELIVERED", "FAILED")


@dataclass(frozen=True)
class Switch:
    """One way of the simulator to misbehave, how often, and how its jobs may end."""

    kind: str
    own: Json = field(default_factory=dict)
    ends: tuple[str, ...] = ("DELIVERED",)
    count: int | None = 3
    endpoint: str | None = SEND

    @property
    def name(self) -> str:
        return self.kind + "".join(f" {key}={value}" for key, value in self.own.items() if key != "body")

    def rule(self, server_id: int | None) -> Json:
        rule = {
            "kind": self.kind,
            "count": self.count,
            "endpoint": self.endpoint,
            "server_id": server_id,
            **self.own,
        }
        return {key: value for key, value in rule.items() if value is not None}


# Each on a server of its own, all at once. Not among them: `partial_inactive`, for messages with several recipients.
SWITCHES = (
    Switch("reset"),
    Switch("hang", {"seconds": 4.0, "accept": False}, count=2),
    Switch("hang", {"seconds": 4.0, "accept": True}, count=2),
    Switch("latency", {"seconds": {"min": 0.1, "max": 1.5}}, count=None),
    Switch("rate_limited", {"retry_after": 1}),
    Switch("rate_limited"),
    Switch("unavailable_503"),
    Switch("revoked_token"),
    Switch("respond", {"status": 500, "accept": False}),
    Switch("respond", {"status": 500, "accept": True}),
    Switch("respond", {"status": 200, "body": [], "accept": True}),
    Switch(
        "respond", {"status": 422, "body": {"ErrorCode": 9999, "Message": "?"}}, ends=_MAYBE_FAILED, count=1
    ),
    Switch("accept_then_reset", {"partial": False}),
    Switch("accept_then_reset", {"partial": True}),
    Switch("accept_then_500"),
    Switch("accept_then_502_html"),
    Switch("accept_then_504"),
    Switch("non_json_200"),
    Switch("delayed_without_error_code"),
    Switch("partial_batch", {"error_code": 300}, ends=_MAYBE_FAILED, count=10),
    Switch("partial_batch", {"error_code": 406}, ends=("DELIVERED", "SUPPRESSED"), count=10),
    Switch("search_lag", {"seconds": 60.0}, count=None),
    Switch("duplicate_webhooks", {"copies": 2}, count=None, endpoint=None),
    Switch("shuffle_webhooks", {"window_seconds": 120.0}, count=None, endpoint=None),
    Switch("delay_webhooks", {"seconds": 120.0}, count=None, endpoint=None),
    Switch("webhook_before_response", {"wait_seconds": 1.0}, count=None),
)


@fault(
    "F10",
    "every switch of the simulator",
    long=Size(jobs=200, tenants=len(SWITCHES) + 1),
    short=Size(jobs=20, tenants=len(SWITCHES) + 1),
)
def every_switch(run: Rehearsal) -> None:
    """`jobs` for each. Two of its faults are for everybody: nobody listens, and the account is blocked."""
    simulator = run.world.simulator
    pairs = list(zip(SWITCHES, run.world.tenants(len(SWITCHES)), strict=True))
    with simulator.misbehaving(*(switch.rule(_server_of(run, tenant)) for switch, tenant in pairs)):
        for switch, tenant in pairs:
            run.tell(switch.name)
            with run.callers(jobs=run.size.jobs, tenants=[tenant], ends=switch.ends):
                pass
        run.wait_until_idle(60.0)
        for switch, rule in zip(SWITCHES, simulator.rules()[1:], strict=True):
            run.require(rule["fired"] > 0, f"{switch.name} never fired")
    for kind in ({"kind": "refuse", "seconds": 3.0}, {"kind": "pause_webhooks"}):
        run.tell(str(kind["kind"]))
        with simulator.misbehaving(kind), run.callers(jobs=run.size.jobs):
            time.sleep(2.0)
    for state in ("pending", "no_credits", "blocked"):
        run.tell(f"account {state}")
        simulator.set(account_state=state)
        with run.callers(jobs=run.size.jobs):
            time.sleep(1.0)
        simulator.set(account_state="approved")
    run.notes.append(f"{len(SWITCHES) + 5} switches")


def _server_of(run: Rehearsal, tenant: Tenant) -> int:
    found = run.world.database.ask(
        "SELECT server_id FROM email_configuration WHERE e_id::text = %s", tenant.configuration_eid
    )
    return int(found[0][0])


@contextmanager
def between(run: Rehearsal) -> Iterator[Mapping[str, Proxy]]:
    """A proxy between the send workers and each of their neighbours."""
    names = {
        "provider": ("EMAIL_POSTMARK_BASE_URL", "postmark_url"),
        "database": ("EMAIL_DATABASE_URL", "database_url"),
        "broker": ("EMAIL_REDIS_URL", "redis_url"),
    }
    processes = run.world.processes
    with ExitStack() as stack:
        proxies, environment = {}, {}
        for neighbour, (variable, place) in names.items():
            url = urlsplit(run.world.places[place])
            proxy = stack.enter_context(Proxy.to(url.hostname or LOOPBACK, url.port or 0))
            proxies[neighbour] = proxy
            environment[variable] = _through(url, proxy)
        processes.proxied_ports = (proxies["broker"].local_port,)
        stack.enter_context(processes.dressed(dict.fromkeys(SENDERS, Wishes(environment=environment))))
        yield proxies


def _through(url: SplitResult, proxy: Proxy) -> str:
    credentials, at, _ = url.netloc.rpartition("@")
    return url._replace(netloc=f"{credentials}{at}{LOOPBACK}:{proxy.local_port}").geturl()


@fault(
    "F11",
    "200 ms latency and resets between the workers and the provider, the database, the broker",
    long=Size(rate=15, times=3, seconds=30),
    short=Size(rate=10, times=1, seconds=3),
)
def bad_weather(run: Rehearsal) -> None:
    """The way there and back takes 200 ms. One neighbour after the other also loses connections or falls silent."""
    slow = Weather(latency_seconds=0.1)
    with between(run) as proxies, run.callers():
        _wait_for_traffic(proxies["provider"])
        for _ in run.times(0.0, "bad weather"):
            for neighbour, proxy in proxies.items():
                for other in proxies.values():
                    other.weather = slow
                run.tell(f"resets between us and the {neighbour}")
                proxy.weather = Weather(latency_seconds=0.1, reset_probability=RESETS[neighbour])
                time.sleep(run.size.seconds)
                proxy.reset()
                run.tell(f"silence between us and the {neighbour}")
                proxy.weather = Weather(stalls_to_client=True)
                time.sleep(run.size.seconds / 2)
            for proxy in proxies.values():
                proxy.weather = Weather()
        resets = {neighbour: proxy.resets for neighbour, proxy in proxies.items()}
    for neighbour, count in resets.items():
        run.require(count > 0, f"no connection to the {neighbour} was reset")
    run.notes.append("resets: " + ", ".join(f"{count} {name}" for name, count in resets.items()))


def _wait_for_traffic(proxy: Proxy) -> None:
    """The workers were just replaced, and rings that they had fetched are rung again only after a while."""
    deadline = time.monotonic() + TRAFFIC_SECONDS
    while not proxy.connections and time.monotonic() < deadline:
        time.sleep(0.05)
