"""The launcher of the AWS stand-in, on a real process."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from sandbox import aws
from sandbox.aws import Cloud, Partition, Secrets

PARTITION = Partition()
SECRETS = Secrets(account_token="token-of-the-account", key_material='{"current": "1"}')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[aws.Server]:
    with aws.running(tmp_path_factory.mktemp("aws"), partition=PARTITION, secrets=SECRETS) as running:
        yield running


def client(service: str, url: str) -> Any:
    keys = {"aws_access_key_id": "sandbox", "aws_secret_access_key": "sandbox", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=url, **keys)  # type: ignore[call-overload]


def test_the_exports_carry_the_four_deploy_time_values(server: aws.Server) -> None:
    exports = client("cloudformation", server.url).list_exports()["Exports"]
    assert {export["Name"].removeprefix("Sandbox001-dev-API-") for export in exports} == {
        "PartitionMailZoneId",
        "PartitionMailZoneName",
        "EmailPostmarkAccountTokenArn",
        "EmailEncryptionKeyArn",
    }


def test_the_exported_zone_exists_under_the_exported_name(server: aws.Server) -> None:
    zone = client("route53", server.url).get_hosted_zone(Id=server.zone_id)["HostedZone"]
    assert zone["Name"] == f"{server.zone_name}."


@pytest.mark.parametrize(
    ("export", "value"),
    [
        ("EmailPostmarkAccountTokenArn", SECRETS.account_token),
        ("EmailEncryptionKeyArn", SECRETS.key_material),
    ],
)
def test_the_exported_secrets_hold_their_values(server: aws.Server, export: str, value: str) -> None:
    arn = server.exports[PARTITION.export_prefix + export]
    assert client("secretsmanager", server.url).get_secret_value(SecretId=arn)["SecretString"] == value


def test_secrets_are_not_shown_by_repr() -> None:
    assert SECRETS.account_token not in repr(SECRETS)


def test_a_replacement_has_the_same_zone_with_the_records_written_before_the_kill(tmp_path: Path) -> None:
    cloud, child = Cloud.prepare(tmp_path, PARTITION, SECRETS).start()
    zone_id = cloud.set_up(child.pid).zone_id
    write_text_record(cloud.url, zone_id, "kept.dev.ardamails.com.")
    psutil.Process(child.pid).send_signal(signal.SIGKILL)
    child.stop()
    with aws.running(tmp_path, partition=PARTITION, secrets=SECRETS) as server:
        assert server.zone_id == zone_id
        found = client("route53", server.url).list_resource_record_sets(HostedZoneId=zone_id)[
            "ResourceRecordSets"
        ]
        assert "kept.dev.ardamails.com." in {record["Name"] for record in found}


def write_text_record(url: str, zone_id: str, name: str) -> None:
    record = {"Name": name, "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": '"text"'}]}
    change = {"Action": "UPSERT", "ResourceRecordSet": record}
    client("route53", url).change_resource_record_sets(
        HostedZoneId=zone_id, ChangeBatch={"Changes": [change]}
    )
