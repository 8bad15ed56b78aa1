"""The AWS stand-in: moto as a process, with the partition's hosted zone, its exports and its secrets.

moto keeps everything in memory. Its replacement draws identifiers from the same seed, so the zone keeps its id, and
repeats every change that was recorded before.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import boto3
import requests

from sandbox.files import private_folder, write_private
from sandbox.leash import leashed
from sandbox.ports import LOOPBACK, free_port, listens
from sandbox.process import Child, DidNotStart, Program, bare_environment

START_SECONDS = 30.0
PORT_ATTEMPTS = 5

# What a client must have, and what lets nobody into anything real.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_SEED = 20261121
_PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Partition:
    infrastructure: str = "Sandbox001"
    name: str = "dev"
    zone_name: str = "dev.ardamails.com"

    @property
    def export_prefix(self) -> str:
        return f"{self.infrastructure}-{self.name}-API-"


@dataclass(frozen=True)
class Secrets:
    """What the two secrets of the partition hold."""

    account_token: str = field(repr=False)
    key_material: str = field(repr=False)  # JSON


@dataclass(frozen=True)
class Server:
    """`exports` holds all of CloudFormation's exports, by name."""

    url: str
    pid: int
    partition: Partition
    exports: Mapping[str, str]

    @property
    def zone_id(self) -> str:
        return self.exports[self.partition.export_prefix + "PartitionMailZoneId"]

    @property
    def zone_name(self) -> str:
        return self.exports[self.partition.export_prefix + "PartitionMailZoneName"]


@dataclass(frozen=True)
class Cloud:
    """What the stand-in is to hold, and how it runs."""

    folder: Path
    log: Path
    port: int
    partition: Partition
    secrets: Secrets
    host: str = LOOPBACK

    @classmethod
    def prepare(cls, state: Path, partition: Partition, secrets: Secrets) -> Self:
        return cls(private_folder(state / "aws"), state / "logs" / "aws.log", free_port(), partition, secrets)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def recording(self) -> Path:
        return self.folder / "changes.jsonl"

    def start(self) -> tuple[Self, Child]:
        """A stand-in that answers, and the cloud as it runs: on another port if somebody took ours."""
        cloud = self
        for _ in range(PORT_ATTEMPTS):
            child = Child(cloud.program())
            try:
                cloud.wait_ready(child)
            except DidNotStart:
                child.stop()
                if "is in use by another program" not in child.output():
                    raise
                cloud = replace(cloud, port=free_port())
            else:
                return cloud, child
        raise DidNotStart("aws", f"found its port taken {PORT_ATTEMPTS} times", self.log)

    def program(self) -> Program:
        recorder = {"MOTO_ENABLE_RECORDING": "1", "MOTO_RECORDER_FILEPATH": str(self.recording)}
        return Program(
            name="aws",
            argv=(sys.executable, "-m", "sandbox.aws_server", "-H", self.host, "-p", str(self.port)),
            env=bare_environment(**recorder, **CREDENTIALS),
            log=self.log,
            cwd=_PROJECT,
        )

    def wait_ready(self, child: Child) -> None:
        child.wait_until(lambda: listens(child.pid, self.port), seconds=START_SECONDS)

    def set_up(self, pid: int) -> Server:
        """Fill a new stand-in, or bring a replacement to where its predecessor was."""
        if self._keep_changes():
            self._call("recorder/replay-recording")
        else:
            self._call(f"seed?a={_SEED}")
            self._create()
        exports = client("cloudformation", self.url).list_exports()["Exports"]
        return Server(self.url, pid, self.partition, {export["Name"]: export["Value"] for export in exports})

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keep_changes(self) -> bool:
        """Drop what changed nothing, and a last line that a kill cut short. False when there is nothing to repeat."""
        if not self.recording.exists():
            return False
        kept = [line for line in self.recording.read_text().splitlines() if _is_change(line)]
        write_private(self.recording, "".join(f"{line}\n" for line in kept))
        return bool(kept)

    def _create(self) -> None:
        vault = client("secretsmanager", self.url)
        values = {
            "PartitionMailZoneId": {"Ref": "Zone"},
            "PartitionMailZoneName": self.partition.zone_name,
            "EmailPostmarkAccountTokenArn": _secret(
                vault, "postmark-account-token", self.secrets.account_token
            ),
            "EmailEncryptionKeyArn": _secret(vault, "email-encryption-key", self.secrets.key_material),
        }
        exports = {self.partition.export_prefix + name: value for name, value in values.items()}
        template = json.dumps(_template(self.partition.zone_name, exports))
        client("cloudformation", self.url).create_stack(StackName="email", TemplateBody=template)

    def _call(self, path: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.post(f"{self.url}/moto-api/{path}", timeout=60).raise_for_status()


def client(service: str, url: str) -> Any:
    """boto3's, of the stand-in at `url`."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def _is_change(line: str) -> bool:
    try:
        request = json.loads(line)
    except ValueError:
        return False
    return bool(request["method"] != "GET")


def _secret(vault: Any, name: str, value: str) -> str:
    return str(vault.create_secret(Name=name, SecretString=value)["ARN"])


def _template(zone_name: str, exports: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Resources": {"Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": f"{zone_name}."}}},
        # A logical id has letters and digits only.
        "Outputs": {
            f"Output{number}": {"Value": value, "Export": {"Name": name}}
            for number, (name, value) in enumerate(exports.items())
        },
    }


@contextmanager
def running(state: Path, *, partition: Partition, secrets: Secrets, keep: bool = False) -> Iterator[Server]:
    """A stand-in with its files in `state`, stopped at the end.

    `keep` leaves the recorded changes, and the next one in the same `state` goes on from there.
    """
    cloud = Cloud.prepare(state, partition, secrets)
    try:
        cloud, child = cloud.start()
        with leashed(child):
            yield cloud.set_up(child.pid)
    finally:
        if not keep:
            cloud.remove()
