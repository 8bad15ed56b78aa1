"""The world that the roles live in: where its servers are, and what the roles are told of it."""

import base64
import json
import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sandbox
from sandbox import aws
from sandbox.exports import DeployTime
from sandbox.files import write_private
from sandbox.ports import LOOPBACK
from sandbox.stack.records import MARK

PROJECT = Path(sandbox.__file__).parents[1]


@dataclass(frozen=True)
class Credentials:
    """Random, made anew with each world."""

    api_key: str = field(repr=False)
    account_token: str = field(repr=False)
    operator_key: str = field(repr=False)
    reader_key: str = field(repr=False)
    key_material: str = field(repr=False)  # JSON: {"current": "1", "versions": {"1": "<base64 of 32 bytes>"}}

    @classmethod
    def random(cls) -> "Credentials":
        material = base64.b64encode(secrets.token_bytes(32)).decode()
        return cls(
            api_key=secrets.token_urlsafe(32),
            account_token=secrets.token_urlsafe(24),
            operator_key=secrets.token_urlsafe(24),
            reader_key=secrets.token_urlsafe(24),
            key_material=json.dumps({"current": "1", "versions": {"1": material}}),
        )


@dataclass(frozen=True)
class Postmark:
    """As the simulator says in its `postmark.json`."""

    url: str
    control_url: str


@dataclass(frozen=True)
class World:
    folder: Path
    stack_id: str
    credentials: Credentials
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    aws_url: str
    deploy_time: DeployTime
    postmark: Postmark | None
    web_port: int
    # Of the roles that serve nothing else; web shows its metrics on its own port.
    metrics_ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def web_url(self) -> str:
        return f"http://{LOOPBACK}:{self.web_port}"

    def places(self) -> dict[str, Any]:
        """The part of `stack.json` that is known before there is a tenant."""
        places: dict[str, Any] = {
            "web_url": self.web_url,
            "console_url": f"{self.web_url}/console",
            "aws_url": self.aws_url,
            "database_url": self.database_url,
            "redis_url": self.redis_url,
            "api_key": self.credentials.api_key,
            "operator_key": self.credentials.operator_key,
            "reader_key": self.credentials.reader_key,
            "postmark_account_token": self.deploy_time.account_token,
            "deploy_time": {
                "environment": dict(self.deploy_time.environment),
                "secret_names": dict(self.deploy_time.secret_names),
            },
            "metrics_urls": self.metrics_urls(),
        }
        if self.postmark is not None:
            places |= {"postmark_url": self.postmark.url, "postmark_control_url": self.postmark.control_url}
        return places

    def metrics_urls(self) -> dict[str, str]:
        """By role."""
        others = {role: f"http://{LOOPBACK}:{port}/metrics" for role, port in self.metrics_ports.items()}
        return {"web": f"{self.web_url}/metrics"} | others

    def metrics_folder(self, role: str) -> Path:
        return self.folder / "metrics" / role

    def role_environment(self, role: str) -> dict[str, str]:
        """Everything a role reads from its environment. What the exports say comes under the names they gave it."""
        return {
            **python_environment(self.stack_id),
            **self._settings(),
            "EMAIL_METRICS_HOST": LOOPBACK,
            "EMAIL_METRICS_PORT": str(self.metrics_ports.get(role, 0)),
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics_folder(role)),
        }

    def emailctl_environment(self, tenant: Mapping[str, str]) -> dict[str, str]:
        """What a person's shell wants for `emailctl`, for the rows as for the API."""
        python = python_environment(self.stack_id)
        tenants = {"EMAIL_TENANT": tenant["tenant_id"]} if tenant else {}
        return {
            **{name: python[name] for name in ("NO_PROXY", "no_proxy")},
            **self._settings(),
            "EMAIL_API_URL": self.web_url,
            "EMAIL_AUTHOR": "sandbox",
            **tenants,
        }

    def _settings(self) -> dict[str, str]:
        return {
            **aws.CREDENTIALS,
            **self.deploy_time.environment,
            "AWS_REGION": aws.CREDENTIALS["AWS_DEFAULT_REGION"],
            "ARDA_API_KEY": self.credentials.api_key,
            "EMAIL_OPERATOR_KEY": self.credentials.operator_key,
            "EMAIL_READER_KEY": self.credentials.reader_key,
            "EMAIL_DATABASE_URL": self.database_url,
            "EMAIL_REDIS_URL": self.redis_url,
            "EMAIL_POSTMARK_ACCOUNT_TOKEN": self.deploy_time.account_token,
            "EMAIL_POSTMARK_BASE_URL": self.postmark.url if self.postmark else "",
            "EMAIL_AWS_ENDPOINT_URL": self.aws_url,
            "EMAIL_PUBLIC_BASE_URL": self.web_url,
            "EMAIL_KEY_MATERIAL_FILE": str(key_material_file(self.folder)),
            "EMAIL_CONFIG_FILE": str(self.folder / "sandbox.conf"),
        }

    def write_files(self, settings: str) -> None:
        """The files that the environment of the roles names."""
        write_private(key_material_file(self.folder), self.deploy_time.key_material)
        write_private(self.folder / "sandbox.conf", settings)

    def write_emailctl(self, tenant: Mapping[str, str]) -> None:
        """A file for `set -a; . FILE`, that its owner only may read: it holds keys."""
        given = self.emailctl_environment(tenant).items()
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in given]
        write_private(emailctl_file(self.folder), "".join(lines))


def emailctl_file(folder: Path) -> Path:
    return folder / "emailctl.env"


def key_material_file(folder: Path) -> Path:
    return folder / "key-material.json"


# Settings of our caller that would reach a role by accident, and with it perhaps the real AWS.
_NOT_INHERITED = ("EMAIL_", "ARDA_", "AWS_", "PG", "SENTRY_", "GRANIAN_", "PROMETHEUS_", "DRAMATIQ_")


def python_environment(stack_id: str) -> dict[str, str]:
    """For our own Python processes: our caller's environment without what it says about other deployments."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), LOOPBACK, "localhost")))
    return inherited | {
        "NO_PROXY": direct,
        "no_proxy": direct,
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        MARK: stack_id,
    }


def python(*arguments: str) -> tuple[str, ...]:
    """`python -m ...` with our own interpreter: a script's first line cannot hold a long path to it."""
    return (sys.executable, "-m", *arguments)
