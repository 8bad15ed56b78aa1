"""The command as a process of its own, with what it is given by its environment alone."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from sandbox import aws
from sandbox.aws import CREDENTIALS, Partition, Secrets
from shared.domain.configuration import EmailConfiguration
from shared.domain.job import JobStatus, Settlement
from shared.gateways.system.pause import pause
from shared.persistence import PostgresStore
from shared.persistence.ids import new_id
from tests import factories
from tests.integration.cli.conftest import EMAILCTL, KEY, Emailctl
from tests.unit.replaying.dead_letter_world import World as Letters
from workers.provisioning.replaying import run_replay


@pytest.fixture
def acme(postgres_store: PostgresStore) -> EmailConfiguration:
    configuration = factories.sendable()
    with postgres_store.begin() as tx:
        tx.configurations.add(configuration, factories.CREATED)
    return configuration


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[aws.Server]:
    secrets = Secrets(account_token="the-account-token", key_material='{"current": "1"}')
    with aws.running(tmp_path / "aws", partition=Partition(), secrets=secrets) as running:
        yield running


def test_it_reads_its_settings_and_the_rows(emailctl: Emailctl) -> None:
    done = emailctl("webhooks", "keys", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["webhooks"][0]["is"] == "current"
    assert KEY not in done.stdout + done.stderr


def test_nothing_to_rotate_is_a_good_end(emailctl: Emailctl) -> None:
    done = emailctl("webhooks", "rotate-bearer")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every webhook shows the current key" in done.stdout


def test_a_database_that_is_not_there_is_a_sentence_and_exit_code_4(emailctl: Emailctl) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    done = emailctl("webhooks", "health", EMAIL_DATABASE_URL=nowhere)
    assert done.returncode == 4
    assert "EMAIL_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_completion_of_the_shell_is_there(emailctl: Emailctl) -> None:
    for done in (emailctl(_EMAILCTL_COMPLETE="bash_source"), emailctl("completion", "bash")):
        assert done.returncode == 0
        assert "_emailctl_completion" in done.stdout


def test_a_configuration_is_made_steered_and_shown_over_http(emailctl: Emailctl, api_url: str) -> None:
    api = {"EMAIL_API_URL": api_url, "EMAIL_TENANT": str(factories.TENANT)}
    made = emailctl("configuration", "create", "acme", "--from-name", "Acme", "-o", "json", **api)
    assert made.returncode == 0, made.stderr
    e_id, version = json.loads(made.stdout)["eId"], json.loads(made.stdout)["version"]
    other = emailctl("configuration", "signal", e_id, "provision", "--version", version + 1, **api)
    assert (other.returncode, "Its version is" in other.stderr) == (5, True)
    assert emailctl("configuration", "signal", e_id, "provision", "--version", version, **api).returncode == 0
    shown = emailctl("configuration", "show", e_id, "--history", "-o", "yaml", **api)
    told = yaml.safe_load(shown.stdout)
    assert (told["operational"], len(told["history"])) == ("PROVISIONING", 2)
    assert KEY not in made.stdout + shown.stdout


def test_a_mail_is_sent_once_and_traced_over_http(
    emailctl: Emailctl, api_url: str, acme: EmailConfiguration
) -> None:
    api = {"EMAIL_API_URL": api_url, "EMAIL_TENANT": str(factories.TENANT)}
    send = ("job", "send", "--configuration", acme.e_id, "--recipient", "person@example.com", "--key", "k1")
    sent = [json.loads(emailctl(*send, "-o", "json", **api).stdout)["eId"] for _ in range(2)]
    assert sent[0] == sent[1]
    traced = emailctl("job", "trace", sent[0], **api)
    assert (traced.returncode, "accepted" in traced.stdout) == (0, True)
    found = emailctl("job", "query", "--since", "1h", "--status", "QUEUED", "-o", "json", **api)
    assert [job["eId"] for job in json.loads(found.stdout)] == [sent[0]]


def test_dead_letters_are_put_back_also_when_whoever_asked_is_gone(
    emailctl: Emailctl, environment: dict[str, str], postgres_store: PostgresStore, acme: EmailConfiguration
) -> None:
    many = 60
    fail(postgres_store, acme, many)
    replay = ("dead-letter", "replay", "--all", "--reason", "mended", "--yes", "-o", "json")
    with subprocess.Popen(
        # A shell's background jobs, and with them whoever they start, ignore SIGINT.
        ["env", "--default-signal=INT", *EMAILCTL, *replay, "--rate", "1000"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        begun = next(found for line in process.stderr if (found := re.match(r"Replay (\S+):", line)))
        process.send_signal(signal.SIGINT)
        # To their ends, which are its own.
        err, out = process.stderr.read(), process.stdout.read()
    assert (process.returncode, out) == (1, ""), err
    assert "It goes on without you" in err
    assert queued(postgres_store, acme) == 0
    with ThreadPoolExecutor(1) as threads:
        following = threads.submit(emailctl, *replay)
        carry_out(postgres_store, UUID(begun[1]))
        followed = following.result()
    assert followed.returncode == 0, followed.stderr
    results = json.loads(emailctl("dead-letter", "result", begun[1], "-o", "json").stdout)
    assert (results["state"], results["putBack"]) == ("done", many)
    assert queued(postgres_store, acme) == many


def carry_out(store: PostgresStore, replay_id: UUID) -> None:
    deps = replace(Letters().deps(store), pause=pause, monotonic=time.monotonic, new_id=new_id)
    run_replay(replay_id, deps)


def fail(store: PostgresStore, acme: EmailConfiguration, many: int) -> None:
    claim_id = new_id()
    with store.begin() as tx:
        tx.jobs.accept([factories.new_job(acme) for _ in range(many)])
        claimed = tx.jobs.claim(acme.e_id, claim_id=claim_id, limit=many, lease_seconds=60).jobs
        refused = [
            Settlement(job.e_id, JobStatus.FAILED, error_code="300", error_text="no") for job in claimed
        ]
        assert len(tx.jobs.record(claim_id, refused)) == many


def queued(store: PostgresStore, acme: EmailConfiguration) -> int:
    with store.begin() as tx:
        return tx.jobs.in_flight(acme.e_id)


def test_queues_are_told_of_with_and_without_redis(
    emailctl: Emailctl, valkey_url: str, postgres_store: PostgresStore, acme: EmailConfiguration
) -> None:
    with postgres_store.begin() as tx:
        tx.jobs.accept([factories.new_job(acme)])
    away = emailctl("queue", "ls")
    assert (away.returncode, "Redis did not answer" in away.stderr) == (0, True)
    there = emailctl("queue", "ls", "-o", "json", EMAIL_REDIS_URL=valkey_url)
    send = next(queue for queue in json.loads(there.stdout) if queue["queue"] == "send")
    assert (send["rings"], send["work"][0]["due"]) == (0, 1)


def test_the_doctor_finds_what_is_well_and_what_is_not(emailctl: Emailctl, valkey_url: str) -> None:
    """Nobody leads, nobody answers at the provider's and AWS's addresses, and no key is mounted."""
    nowhere = {
        "EMAIL_POSTMARK_BASE_URL": "http://127.0.0.1:1",
        "EMAIL_AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }
    done = emailctl("doctor", "-o", "json", EMAIL_REDIS_URL=valkey_url, **nowhere, **CREDENTIALS)
    assert done.returncode == 8, done.stderr
    told = {row["about"]: row["verdict"] for row in json.loads(done.stdout)}
    ailing = {about for about, verdict in told.items() if verdict != "ok"}
    assert ailing == {"scheduler", "provider", "DNS zone", "key file"}
    assert {"database", "schema", "clock", "broker", "waits", "dead letters", "in doubt"} <= told.keys()


def test_the_exports_of_a_stack_become_helm_values(emailctl: Emailctl, cloud: aws.Server) -> None:
    where = {"EMAIL_AWS_ENDPOINT_URL": cloud.url, "AWS_REGION": "us-east-1", **CREDENTIALS}
    asked = ("exports", "--infrastructure", cloud.partition.infrastructure, "--partition", "dev")
    done = emailctl(*asked, **where)
    assert done.returncode == 0, done.stderr
    told = yaml.safe_load(done.stdout)
    assert told["environment"]["EMAIL_MAIL_ZONE_ID"] == cloud.zone_id
    assert told["environment"]["EMAIL_MAIL_ZONE_NAME"] == cloud.zone_name
    assert "the-account-token" not in done.stdout
    missing = emailctl(*asked[:-1], "prod", **where)
    assert (missing.returncode, missing.stdout) == (3, "")
    assert f"{cloud.partition.infrastructure}-prod-API-EmailEncryptionKeyArn" in missing.stderr


def test_settings_are_checked_and_shown_without_a_secret(
    emailctl: Emailctl, environment: dict[str, str]
) -> None:
    assert emailctl("config", "check").returncode == 0
    wrong = emailctl("config", "check", EMAIL_PARTITION="test", EMAIL_DATABASE_URL="")
    assert wrong.returncode == 3
    assert {"extras.partition:", "extras.database.url:"} <= set(wrong.stdout.split())
    shown = emailctl("config", "show", "-o", "yaml")
    assert (
        yaml.safe_load(shown.stdout)["modules"]["v1"]["shop-access"]["email"]["extras"]["partition"] == "dev"
    )
    for secret in (KEY, environment["EMAIL_DATABASE_URL"], "account-token-of-tests"):
        assert secret not in shown.stdout + shown.stderr
