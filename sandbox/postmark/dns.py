"""Where the records of customers are looked up: a table that tests edit, or a Route 53 stand-in.

Names and values have Route 53's form: no matter which case, with or without the final dot; a TXT value is one or more
quoted strings of up to 255 bytes. The stand-in accepts an unquoted TXT, AWS refuses it: it verifies nothing here.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Protocol

import boto3
from botocore.config import Config

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WHOLE_TXT = re.compile(r'\s*"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*\s*')
_ESCAPE = re.compile(r"\\(\d{3}|.)")
_MAX_STRING_BYTES = 255


def canonical(name: str) -> str:
    return name.rstrip(".").lower()


def unquote_txt(value: str) -> str | None:
    """The joined strings of a TXT value, or None if it is not a sequence of quoted strings of legal length."""
    if not _WHOLE_TXT.fullmatch(value):
        return None
    strings = [_ESCAPE.sub(_unescape, quoted) for quoted in _QUOTED.findall(value)]
    if any(len(text.encode()) > _MAX_STRING_BYTES for text in strings):
        return None
    return "".join(strings)


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code, 8)) if len(code) == 3 else code


class Zone(Protocol):
    async def values(self, name: str, record_type: str) -> list[str]: ...


async def has_txt(zone: Zone, name: str, expected: str) -> bool:
    return expected in [unquote_txt(value) for value in await zone.values(name, "TXT")]


async def has_cname(zone: Zone, name: str, target: str) -> bool:
    return canonical(target) in [
        canonical(value) for value in await zone.values(name, "CNAME")
    ]


@dataclass
class TableZone:
    """Records as `{"name", "type", "value"}`."""

    records: list[dict[str, str]] = field(default_factory=list)

    async def values(self, name: str, record_type: str) -> list[str]:
        return [
            record["value"]
            for record in self.records
            if canonical(record["name"]) == canonical(name)
            and record["type"] == record_type
        ]


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
            config=Config(
                connect_timeout=2, read_timeout=5, retries={"max_attempts": 1}
            ),
        )

    async def values(self, name: str, record_type: str) -> list[str]:
        return await asyncio.to_thread(self._values, name, record_type)

    def _values(self, name: str, record_type: str) -> list[str]:
        zones = self._zone_ids or [
            zone["Id"] for zone in self._client.list_hosted_zones()["HostedZones"]
        ]
        return [
            value
            for zone in zones
            for value in self._values_in(zone, name, record_type)
        ]

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
            if canonical(found["Name"]) == canonical(name)
            and found["Type"] == record_type
            for record in found.get("ResourceRecords", [])
        ]
