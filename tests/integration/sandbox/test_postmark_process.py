"""The simulator as a process: start, stop, death and what comes back; records looked up in Route 53."""

import json
import signal
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from tests.integration.sandbox.postmark_fixtures import (
    Postmark,
    Receiver,
    Server,
    SimulatorProcess,
    codes,
    message,
)


class Simulators:
    """Starts simulators; those that a failed test leaves behind are killed."""

    def __init__(self) -> None:
        self._started: list[tuple[SimulatorProcess, Postmark]] = []

    def start(self, state_dir: Path, *arguments: str) -> tuple[SimulatorProcess, Postmark]:
        process = SimulatorProcess(state_dir, *arguments)
        self._started.append((process, Postmark.at(process)))
        return self._started[-1]

    def restart(self, process: SimulatorProcess) -> tuple[SimulatorProcess, Postmark]:
        """Killed without warning, and started again on the same ports."""
        port, control_port = process.ports
        process.kill()
        return self.start(process.state_dir, "--port", port, "--control-port", control_port)

    def close(self) -> None:
        for process, postmark in self._started:
            postmark.close()
            if process.process.poll() is None:
                process.kill()


@pytest.fixture
def simulators() -> Iterator[Simulators]:
    made = Simulators()
    yield made
    made.close()


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_an_account_token_from_a_file_may_begin_with_a_dash(
    simulators: Simulators, state_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("-begins-with-a-dash\n")
    process, _ = simulators.start(state_dir, "--account-token-file", str(tmp_path / "token"))
    assert process.info["account_token"] == "-begins-with-a-dash"


def test_the_ready_file_is_for_its_owner_and_names_the_process(
    simulators: Simulators, state_dir: Path
) -> None:
    process, postmark = simulators.start(state_dir, "--account-token", "given-token")
    assert stat.S_IMODE((state_dir / "postmark.json").stat().st_mode) == 0o600
    assert set(process.info) == {"url", "control_url", "account_token", "pid"}
    assert (process.info["pid"], process.info["account_token"]) == (process.process.pid, "given-token")
    assert postmark.account("GET", "/servers", count=1, offset=0).status_code == 200
    assert process.stop() == 0


def test_a_stop_does_not_wait_for_hanging_calls(simulators: Simulators, state_dir: Path) -> None:
    process, postmark = simulators.start(state_dir)
    postmark.fault("hang")
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(lambda: postmark.account("GET", "/servers"))
        while not postmark.control("GET", "/faults")["rules"][0]["fired"]:
            pass
        assert process.stop() == 0
        assert isinstance(call.exception(timeout=5), OSError)


def test_two_simulators_do_not_share_a_fixed_port(
    simulators: Simulators, state_dir: Path, tmp_path: Path
) -> None:
    process, _ = simulators.start(state_dir)
    with pytest.raises(AssertionError, match=r"cannot start: .*Address already in use"):
        SimulatorProcess(tmp_path / "second", "--port", process.ports[0])


def test_a_killed_simulator_comes_back_with_everything(simulators: Simulators, state_dir: Path) -> None:
    process, postmark = simulators.start(state_dir)
    postmark.control("PATCH", "/settings", {"delivery_delay_seconds": 3600})
    postmark.fault("rate_limited", skip=1, count=2, endpoint="/server")
    domain = postmark.verified_domain()
    server = postmark.new_server()
    sent = server.sent("bounce-hard@x.example", Metadata={"job": "j1"})
    assert server.call("GET", "/server").status_code == 200
    assert server.call("GET", "/server").status_code == 429
    process, postmark = simulators.restart(process)
    again = Server(postmark, server.id, server.token)
    assert postmark.account("GET", f"/domains/{domain['ID']}").json()["DKIMVerified"] is True
    assert [again.call("GET", "/server").status_code for _ in range(2)] == [429, 200]
    found = again.call("GET", "/messages/outbound", count=5, offset=0, metadata_job="j1").json()
    assert [row["MessageID"] for row in found["Messages"]] == [sent]
    postmark.advance(3600)
    assert codes(again.send("bounce-hard@x.example")) == (422, 406)
    assert postmark.new_server("second").id > server.id
    assert [entry["message_id"] for entry in postmark.control("GET", "/ledger")["entries"]] == [sent]


def test_a_retry_survives_the_death_of_the_simulator(
    simulators: Simulators, state_dir: Path, receiver: Receiver
) -> None:
    process, postmark = simulators.start(state_dir)
    postmark.control("PATCH", "/settings", {"delivery_delay_seconds": 1})
    postmark.verified_domain()
    server = postmark.new_server()
    server.hook(receiver, "Delivery")
    receiver.answer = lambda _: 503
    server.sent()
    postmark.advance(1)
    postmark.advance(60)
    assert len(receiver.received) == 2
    receiver.answer = lambda _: 200
    process, postmark = simulators.restart(process)
    postmark.advance(5 * 60)
    traces = [post.headers["x-pm-webhook-trace-id"] for post in receiver.received]
    assert (len(traces), len(set(traces))) == (3, 1)
    assert receiver.received[-1].headers["x-pm-retries-remaining"] == "7"
    outcomes = [row["outcome"] for row in postmark.control("GET", "/webhook-attempts")["attempts"]]
    assert outcomes == ["retry", "retry", "delivered"]


def test_a_ledger_that_lost_its_end_is_completed_at_the_next_start(
    simulators: Simulators, state_dir: Path
) -> None:
    process, postmark = simulators.start(state_dir)
    postmark.verified_domain()
    server = postmark.new_server()
    server.call("POST", "/email/batch", [message(), message(), message()])
    before = postmark.control("GET", "/ledger")["entries"]
    process.kill()
    ledger = state_dir / "ledger.jsonl"
    lines = ledger.read_text().splitlines()
    ledger.write_text(lines[0] + "\n" + lines[1][:40])  # killed between the commit and the ledger's write
    process, postmark = simulators.start(state_dir)
    assert postmark.control("GET", "/ledger")["entries"] == before
    assert [json.loads(line) for line in ledger.read_text().splitlines()] == before


def test_a_reset_keeps_the_old_ledger_beside_the_new(simulators: Simulators, state_dir: Path) -> None:
    _, postmark = simulators.start(state_dir)
    postmark.verified_domain()
    postmark.new_server().sent()
    state = postmark.control("POST", "/reset")
    assert (state["servers"], state["messages"], state["accepted"]) == (0, 0, 0)
    assert len((state_dir / "ledger.1.jsonl").read_text().splitlines()) == 1
    assert (state_dir / "ledger.jsonl").read_text() == ""


def test_many_slow_calls_are_held_at_one_time(postmark: Postmark, server: Server) -> None:
    postmark.fault("latency", endpoint="/server", seconds=0.3)
    headers = {"X-Postmark-Server-Token": server.token, "Accept": "application/json"}

    def call(_: int) -> int:
        return requests.get(f"{postmark.url}/server", headers=headers, timeout=10).status_code

    started = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(call, range(40)))
    assert set(statuses) == {200}
    assert time.monotonic() - started < 3  # one after another they would take 12 seconds


@pytest.fixture(scope="module")
def route53() -> Iterator[tuple[str, str, Any]]:
    """URL of a Route 53 stand-in, a hosted zone in it, and a client."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "route53", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    zone = client.create_hosted_zone(Name="mail.example", CallerReference="1")["HostedZone"]["Id"]
    client.create_hosted_zone(Name="other.example", CallerReference="2")
    yield url, zone, client
    client.close()
    moto.stop()


def upsert(client: Any, zone: str, name: str, kind: str, value: str) -> None:
    record = {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}]}
    change = {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)


@pytest.mark.parametrize("zone_given", [True, False])
def test_records_are_looked_up_exactly_in_route_53(
    simulators: Simulators, state_dir: Path, route53: tuple[str, str, Any], zone_given: bool
) -> None:
    url, zone, client = route53
    arguments = ["--dns-url", url, *(["--zone-id", zone] if zone_given else [])]
    _, postmark = simulators.start(state_dir, *arguments)
    name = f"acme-{zone_given}.mail.example".lower()
    domain = postmark.new_domain(name)
    dkim, return_path = f"/domains/{domain['ID']}/verifyDkim", f"/domains/{domain['ID']}/verifyReturnPath"
    host, value = domain["DKIMPendingHost"], domain["DKIMPendingTextValue"]
    assert postmark.account("PUT", dkim).json()["DKIMVerified"] is False
    upsert(client, zone, host, "TXT", value)
    assert postmark.account("PUT", dkim).json()["DKIMVerified"] is False, "AWS refuses an unquoted value"
    upsert(client, zone, host, "TXT", f'"{value[:100]}" "{value[100:]}"')
    assert postmark.account("PUT", dkim).json()["DKIMVerified"] is True
    assert postmark.account("PUT", return_path).json()["ReturnPathDomainVerified"] is False
    upsert(client, zone, f"pm-bounces.{name}", "CNAME", "pm.mtasv.net")
    assert postmark.account("PUT", return_path).json()["ReturnPathDomainVerified"] is True


def test_a_dns_that_is_away_answers_like_a_fault_of_postmark(simulators: Simulators, state_dir: Path) -> None:
    process, postmark = simulators.start(state_dir, "--dns-url", "http://127.0.0.1:9", "--zone-id", "Z1")
    domain = postmark.new_domain()
    assert codes(postmark.account("PUT", f"/domains/{domain['ID']}/verifyDkim")) == (500, 101)
    process.process.send_signal(signal.SIGINT)
    assert process.stop() == 0
