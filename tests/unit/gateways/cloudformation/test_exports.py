from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from shared.domain.errors import InvalidValue, ProviderRefused
from shared.gateways.cloudformation.exports import DeployTimeValues, deploy_time_values, read_exports

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

EXPORTS = {
    "Alpha002-dev-API-PartitionMailZoneId": "Z1",
    "Alpha002-dev-API-PartitionMailZoneName": "dev.ardamails.com",
    "Alpha002-dev-API-EmailPostmarkAccountTokenArn": "arn:aws:secretsmanager:::secret:token",
    "Alpha002-dev-API-EmailEncryptionKeyArn": "arn:aws:secretsmanager:::secret:key",
}


@pytest.fixture
def client() -> Iterator["CloudFormationClient"]:
    made = boto3.client(
        "cloudformation", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    yield made
    made.close()


def _exports(*names: str) -> list[dict[str, str]]:
    return [{"ExportingStackId": "s", "Name": name, "Value": f"value of {name}"} for name in names]


def test_all_pages_are_read(client: "CloudFormationClient") -> None:
    with Stubber(client) as stubber:
        stubber.add_response("list_exports", {"Exports": _exports("a", "b"), "NextToken": "more"})
        stubber.add_response("list_exports", {"Exports": _exports("c")}, {"NextToken": "more"})
        assert read_exports(client) == {name: f"value of {name}" for name in "abc"}


def test_a_refused_listing_is_a_refusal(client: "CloudFormationClient") -> None:
    with Stubber(client) as stubber:
        stubber.add_client_error("list_exports", "AccessDenied", "text", 403)
        with pytest.raises(ProviderRefused) as refused:
            read_exports(client)
    assert refused.value.code == "AccessDenied"


def test_the_values_of_one_partition_are_picked_by_name() -> None:
    exports = {**EXPORTS, "Alpha002-prod-API-PartitionMailZoneId": "Z2"}
    assert deploy_time_values(exports, "Alpha002", "dev") == DeployTimeValues(
        mail_zone_id="Z1",
        mail_zone_name="dev.ardamails.com",
        postmark_account_token_arn="arn:aws:secretsmanager:::secret:token",
        encryption_key_arn="arn:aws:secretsmanager:::secret:key",
    )


@pytest.mark.parametrize("name", EXPORTS)
def test_a_missing_export_is_named_and_no_other(name: str) -> None:
    exports = {known: value for known, value in EXPORTS.items() if known != name}
    with pytest.raises(InvalidValue) as missing:
        deploy_time_values(exports, "Alpha002", "dev")
    assert {known for known in EXPORTS if known in missing.value.advice} == {name}


def test_every_export_that_is_missing_or_empty_is_named() -> None:
    exports = {**EXPORTS, "Alpha002-dev-API-PartitionMailZoneId": ""}
    del exports["Alpha002-dev-API-EmailEncryptionKeyArn"]
    with pytest.raises(InvalidValue) as missing:
        deploy_time_values(exports, "Alpha002", "dev")
    assert "Alpha002-dev-API-PartitionMailZoneId" in missing.value.advice
    assert "Alpha002-dev-API-EmailEncryptionKeyArn" in missing.value.advice
    assert "PartitionMailZoneName" not in missing.value.advice
