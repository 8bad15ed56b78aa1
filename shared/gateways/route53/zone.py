"""The partition's zone in Route 53."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.dns import DnsRecord, canonical, checked_in_zone, txt_chunks
from shared.domain.errors import InvalidValue, ProviderError, ProviderRefused, ProviderUnavailable
from shared.ports.lease import before_call
from shared.ports.pace import Pace
from shared.ports.store import outside_transaction

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import (
        ChangeTypeDef,
        ResourceRecordSetOutputTypeDef,
        ResourceRecordSetTypeDef,
    )

Result = TypeVar("Result")

# Beside HTTP 5xx. Route 53 throttles with HTTP 400.
_COME_BACK = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "ServiceUnavailable",
    }
)
_INVALID_BATCH = "InvalidChangeBatch"
# A deletion names the exact record set, so one that somebody changes meanwhile is looked at again.
_DELETE_ATTEMPTS = 3

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)


def make_route53_client(endpoint_url: str | None = None, region: str = "us-east-1") -> "Route53Client":
    """No repeats by botocore: they would break the pace, and callers come back by themselves.

    The region picks the AWS partition.
    """
    config = Config(
        connect_timeout=5,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=10,
    )
    return boto3.client("route53", endpoint_url=endpoint_url, region_name=region, config=config)


class Route53Zone:
    """Implements `ports.dns.DnsZone`. boto3 clients may be shared between threads."""

    def __init__(self, client: "Route53Client", *, zone_id: str, zone_name: str, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self._zone_id = zone_id
        self._name = canonical(zone_name)

    @property
    def name(self) -> str:
        return self._name

    def upsert(self, records: Sequence[DnsRecord]) -> None:
        outside_transaction()
        changes: list[ChangeTypeDef] = [
            {"Action": "UPSERT", "ResourceRecordSet": _record_set(checked_in_zone(record, self._name))}
            for record in records
        ]
        if changes:
            self._change(changes)

    def delete(self, names_and_types: Iterable[tuple[str, str]]) -> None:
        outside_transaction()
        wanted = [
            checked_in_zone(DnsRecord(name, type, ""), self._name)
            for name, type in dict.fromkeys(names_and_types)
        ]
        for attempts_left in reversed(range(_DELETE_ATTEMPTS)):
            if self._delete_existing(wanted, last=not attempts_left):
                return

    def _delete_existing(self, wanted: Iterable[DnsRecord], *, last: bool) -> bool:
        """False when what was found is not there any more as it was found."""
        existing = [found for record in wanted if (found := self._look_up(record.name, record.type))]
        try:
            if existing:
                self._change([{"Action": "DELETE", "ResourceRecordSet": found} for found in existing])
        except ProviderRefused as refused:
            if last or refused.code != _INVALID_BATCH:
                raise
            return False
        return True

    def find(self, name: str, type: str) -> DnsRecord | None:
        """Several values under one name, which we never write, come joined by line feeds.

        Not worth waiting for a turn for long: a change of the zone is.
        """
        outside_transaction()
        record = checked_in_zone(DnsRecord(name, type, ""), self._name)
        found = self._look_up(record.name, record.type, patient=False)
        return None if found is None else _record(found)

    def _look_up(
        self, name: str, type: str, *, patient: bool = True
    ) -> "ResourceRecordSetOutputTypeDef | None":
        """The listing begins at the name asked for, or, if there is none, at the next one."""
        self._pace.keep(patient=patient)
        listing = _asked(
            lambda: self._client.list_resource_record_sets(
                HostedZoneId=self._zone_id,
                StartRecordName=canonical(name),
                StartRecordType=type,  # type: ignore[arg-type]
                MaxItems="1",
            )
        )
        for found in listing["ResourceRecordSets"]:
            if canonical(found["Name"]) == canonical(name) and found["Type"] == type:
                return found
        return None

    def _change(self, changes: "list[ChangeTypeDef]") -> None:
        self._pace.keep()
        _asked(
            lambda: self._client.change_resource_record_sets(
                HostedZoneId=self._zone_id, ChangeBatch={"Changes": changes}
            )
        )


def _asked(call: Callable[[], Result]) -> Result:
    before_call()
    try:
        return call()
    except ClientError as error:
        raise _provider_error(error) from error
    except BotoCoreError as error:
        raise ProviderUnavailable(type(error).__name__, "no answer from Route 53") from error


def _provider_error(error: ClientError) -> ProviderError:
    detail = error.response.get("Error", {})
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code, message = detail.get("Code", "unknown"), detail.get("Message", "")
    come_back = code in _COME_BACK or status == 429 or status >= 500
    return ProviderUnavailable(code, message) if come_back else ProviderRefused(code, message)


def _record_set(record: DnsRecord) -> "ResourceRecordSetTypeDef":
    value = _quoted(record.value) if record.type == "TXT" else record.value
    return {
        "Name": canonical(record.name),
        "Type": record.type,  # type: ignore[typeddict-item]
        "TTL": record.ttl_seconds,
        "ResourceRecords": [{"Value": value}],
    }


def _record(found: "ResourceRecordSetOutputTypeDef") -> DnsRecord:
    values = [resource["Value"] for resource in found.get("ResourceRecords", [])]
    plain = [_unquoted(value) if found["Type"] == "TXT" else value.rstrip(".") for value in values]
    return DnsRecord(canonical(found["Name"]), found["Type"], "\n".join(plain), found.get("TTL", 0))


def _quoted(value: str) -> str:
    try:
        chunks = txt_chunks(value)
    except UnicodeEncodeError:
        raise InvalidValue("record", "a TXT value has to be ASCII") from None
    return " ".join('"' + chunk.replace("\\", r"\\").replace('"', r"\"") + '"' for chunk in chunks)


def _unquoted(value: str) -> str:
    """A value without quotes, which the real service refuses, is left as it is."""
    strings: list[str] = _QUOTED.findall(value)
    return "".join(_ESCAPE.sub(_unescaped, string) for string in strings) if strings else value


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 8)) if len(found[1]) > 1 else found[1]
