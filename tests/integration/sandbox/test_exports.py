"""Deploy-time values travel through the stand-in's exports and its secrets, by the product's own command."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox import aws, exports
from sandbox.aws import Partition, Secrets, client

PARTITION = Partition(infrastructure="Alpha007", name="stage", zone_name="stage.ardamails.com")
SECRETS = Secrets(account_token="token-of-the-account", key_material='{"current": "1"}')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[aws.Server]:
    with aws.running(tmp_path_factory.mktemp("aws"), partition=PARTITION, secrets=SECRETS) as running:
        yield running


def export(server: aws.Server, stack: str, values: dict[str, str]) -> None:
    """A stack that makes a zone of no interest, and exports these."""
    outputs = {
        f"Output{number}": {"Value": value, "Export": {"Name": name}}
        for number, (name, value) in enumerate(values.items())
    }
    zone = {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": f"{stack}.example.com."}}
    template = json.dumps({"Resources": {"Zone": zone}, "Outputs": outputs})
    client("cloudformation", server.url).create_stack(StackName=stack, TemplateBody=template)


def test_the_roles_are_told_what_the_stack_of_their_partition_exports(server: aws.Server) -> None:
    told = exports.read(server.url, PARTITION)
    zone = client("route53", server.url).get_hosted_zone(Id=told.zone_id)["HostedZone"]
    assert zone["Name"] == f"{told.zone_name}."
    assert told.environment == {
        "EMAIL_INFRASTRUCTURE": "Alpha007",
        "EMAIL_PARTITION": "stage",
        "EMAIL_MAIL_ZONE_ID": told.zone_id,
        "EMAIL_MAIL_ZONE_NAME": "stage.ardamails.com",
    }


def test_the_secrets_are_those_that_the_exported_arns_name(server: aws.Server) -> None:
    told = exports.read(server.url, PARTITION)
    assert (told.account_token, told.key_material) == (SECRETS.account_token, SECRETS.key_material)
    assert all(name.startswith("arn:aws:secretsmanager:") for name in told.secret_names.values())
    assert SECRETS.account_token not in repr(told)


def test_they_are_found_among_the_hundreds_of_an_account(server: aws.Server) -> None:
    """CloudFormation lists a hundred at a time."""
    before = exports.read(server.url, PARTITION)
    for number in (1, 2, 3):
        export(server, f"other{number}", {f"A-{number}-{part:03}": "of others" for part in range(100)})
    page = client("cloudformation", server.url).list_exports()
    assert page["NextToken"], "one page holds them all"
    assert exports.read(server.url, PARTITION) == before


def test_each_missing_export_is_named_by_who_reads_them(server: aws.Server) -> None:
    with pytest.raises(exports.NoValues) as missing:
        exports.read(server.url, replace(PARTITION, infrastructure="Alpha008"))
    for suffix in (
        "PartitionMailZoneId",
        "PartitionMailZoneName",
        "EmailPostmarkAccountTokenArn",
        "EmailEncryptionKeyArn",
    ):
        assert f"Alpha008-stage-API-{suffix}" in str(missing.value)


def test_a_malformed_export_is_named_by_who_reads_them(server: aws.Server) -> None:
    values = {
        "PartitionMailZoneId": "Z0123456789ABCDEFGHIJ",
        "PartitionMailZoneName": "prod.ardamails.com",
        "EmailPostmarkAccountTokenArn": "the-token-itself",
        "EmailEncryptionKeyArn": server.exports[f"{PARTITION.export_prefix}EmailEncryptionKeyArn"],
    }
    prod = replace(PARTITION, name="prod")
    export(server, "prod", {prod.export_prefix + name: value for name, value in values.items()})
    with pytest.raises(exports.NoValues) as malformed:
        exports.read(server.url, prod)
    assert "Alpha007-prod-API-EmailPostmarkAccountTokenArn is not the ARN of a secret" in str(malformed.value)
    assert "EncryptionKey" not in str(malformed.value)
    assert "the-token-itself" not in str(malformed.value)


def test_a_stand_in_that_does_not_answer_is_a_fault_that_says_so() -> None:
    with pytest.raises(exports.NoValues, match="CloudFormation did not answer"):
        exports.read("http://127.0.0.1:1", PARTITION)
