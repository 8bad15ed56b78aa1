"""Deploy-time values as a deployment has them: what `emailctl exports` prints, and the two secrets that it names.

In a cluster Helm takes over what is printed, and External Secrets fetches the secrets. Here both are this module.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.aws import CREDENTIALS, Partition, client
from sandbox.process import bare_environment

SECONDS_MAX = 60.0
# Of the chart's secret files, as `secrets.files` in helm/values.yaml names them.
ACCOUNT_TOKEN, KEY_MATERIAL = "postmark-account-token", "key-material.json"
_PROJECT = Path(__file__).parents[1]


class NoValues(RuntimeError):
    """The exports cannot be used. The text is what `emailctl` said."""


@dataclass(frozen=True)
class DeployTime:
    """`environment` is for every role; `secret_names` tells where the contents of the two files came from."""

    environment: Mapping[str, str]
    secret_names: Mapping[str, str]
    files: Mapping[str, str] = field(repr=False)

    @property
    def zone_id(self) -> str:
        return self.environment["EMAIL_MAIL_ZONE_ID"]

    @property
    def zone_name(self) -> str:
        return self.environment["EMAIL_MAIL_ZONE_NAME"]

    @property
    def account_token(self) -> str:
        return self.files[ACCOUNT_TOKEN]

    @property
    def key_material(self) -> str:
        return self.files[KEY_MATERIAL]


def read(aws_url: str, partition: Partition) -> DeployTime:
    """From the stand-in at `aws_url`. NoValues when an export is missing, or is not what it should be."""
    values = _helm_values(aws_url, partition)
    names = {file: str(given["remote"]) for file, given in values["secrets"]["files"].items()}
    vault = client("secretsmanager", aws_url)
    contents = {
        file: str(vault.get_secret_value(SecretId=name)["SecretString"]) for file, name in names.items()
    }
    return DeployTime(values["environment"], names, contents)


def _helm_values(aws_url: str, partition: Partition) -> dict[str, Any]:
    """Of the product's own command, as a process: the sandbox imports nothing of the product."""
    command = [sys.executable, "-m", "shared.cli.main", "exports", "--output", "json"]
    command += ["--infrastructure", partition.infrastructure, "--partition", partition.name]
    command += ["--region", CREDENTIALS["AWS_DEFAULT_REGION"], "--endpoint-url", aws_url]
    told = subprocess.run(
        command,
        env=bare_environment(**CREDENTIALS),
        cwd=_PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if told.returncode != 0:
        raise NoValues(f"emailctl exports ended with exit code {told.returncode}: {told.stderr.strip()}")
    values: dict[str, Any] = json.loads(told.stdout)
    return values
