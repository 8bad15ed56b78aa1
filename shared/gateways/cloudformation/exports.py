"""The values that the partition's stack exports, read once before a deployment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import InvalidValue, ProviderRefused, ProviderUnavailable
from shared.ports.store import outside_transaction

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployTimeValues:
    """The two ARNs name secrets; they are none themselves."""

    mail_zone_id: str
    mail_zone_name: str
    postmark_account_token_arn: str
    encryption_key_arn: str


_SUFFIXES = {
    "mail_zone_id": "PartitionMailZoneId",
    "mail_zone_name": "PartitionMailZoneName",
    "postmark_account_token_arn": "EmailPostmarkAccountTokenArn",
    "encryption_key_arn": "EmailEncryptionKeyArn",
}


def make_cloudformation_client(
    endpoint_url: str | None = None, region: str | None = None
) -> "CloudFormationClient":
    config = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
    return boto3.client("cloudformation", endpoint_url=endpoint_url, region_name=region, config=config)


def read_exports(client: "CloudFormationClient") -> dict[str, str]:
    """Every export of the account and region. Raises `ProviderUnavailable` or `ProviderRefused`."""
    outside_transaction()
    exports: dict[str, str] = {}
    try:
        for page in client.get_paginator("list_exports").paginate():
            exports.update({export["Name"]: export["Value"] for export in page.get("Exports", [])})
    except ClientError as error:
        detail = error.response.get("Error", {})
        raise ProviderRefused(detail.get("Code", "unknown"), detail.get("Message", "")) from error
    except BotoCoreError as error:
        raise ProviderUnavailable(type(error).__name__, "no answer from CloudFormation") from error
    return exports


def deploy_time_values(exports: Mapping[str, str], infrastructure: str, partition: str) -> DeployTimeValues:
    """Raises `InvalidValue` naming every export that is missing or empty."""
    names = {field: f"{infrastructure}-{partition}-API-{suffix}" for field, suffix in _SUFFIXES.items()}
    missing = [name for name in names.values() if not exports.get(name)]
    if missing:
        raise InvalidValue("exports", f"deploy the stack that exports {', '.join(missing)}")
    return DeployTimeValues(**{field: exports[name] for field, name in names.items()})
