"""Records in the Route 53 stand-in. Apart from `dns`, because boto3 doubles the time to start."""

import asyncio

import boto3
from botocore.config import Config

from sandbox.postmark.dns import canonical


class Route53Zone:
    """The hosted zones of a Route 53 API at `url`; without zone ids, every zone that it lists."""

    def __init__(self, url: str, zone_ids: list[str]) -> None:
        self._zone_ids = zone_ids
        self._client = boto3.client(
            "route53",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
            config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 1}),
        )

    async def values(self, name: str, record_type: str) -> list[str]:
        return await asyncio.to_thread(self._values, name, record_type)

    def _values(self, name: str, record_type: str) -> list[str]:
        zones = self._zone_ids or [zone["Id"] for zone in self._client.list_hosted_zones()["HostedZones"]]
        return [value for zone in zones for value in self._values_in(zone, name, record_type)]

    def _values_in(self, zone_id: str, name: str, record_type: str) -> list[str]:
        answer = self._client.list_resource_record_sets(
            HostedZoneId=zone_id,
            StartRecordName=name,
            StartRecordType=record_type,  # type: ignore[arg-type]  # one of two literals
            MaxItems="1",
        )
        return [
            record["Value"]
            for found in answer["ResourceRecordSets"]
            if canonical(found["Name"]) == canonical(name) and found["Type"] == record_type
            for record in found.get("ResourceRecords", [])
        ]
