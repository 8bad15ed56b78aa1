"""What the demo shows of a deployment: the roles work in the zone that the partition's exports name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from sandbox.aws import client
from sandbox.client import Unexpected


@dataclass(frozen=True)
class MailZone:
    """The hosted zone as the stand-in has it, found by the exported id."""

    aws_url: str
    zone_id: str
    zone_name: str
    secret_names: tuple[str, ...]

    @classmethod
    def of(cls, places: dict[str, Any]) -> Self:
        told = places["deploy_time"]
        environment = told["environment"]
        return cls(
            places["aws_url"],
            environment["EMAIL_MAIL_ZONE_ID"],
            environment["EMAIL_MAIL_ZONE_NAME"],
            tuple(told["secret_names"].values()),
        )

    def compare_exports(self) -> str:
        """Unexpected when what was exported is no zone, or is called otherwise."""
        name = client("route53", self.aws_url).get_hosted_zone(Id=self.zone_id)["HostedZone"]["Name"]
        if name.rstrip(".") != self.zone_name:
            raise Unexpected(f"zone {self.zone_id} is {name}, and the exports say {self.zone_name}")
        return f"zone {self.zone_id}, {self.zone_name}, {len(self.secret_names)} secrets by their ARNs"

    def records_below(self, slug: str) -> list[str]:
        """Names of what the module has written for the domain of `slug`."""
        wanted = f".{slug}.{self.zone_name}."
        return [name for name in self._names() if f".{name}".endswith(wanted)]

    def _names(self) -> Iterator[str]:
        pages = client("route53", self.aws_url).get_paginator("list_resource_record_sets")
        for page in pages.paginate(HostedZoneId=self.zone_id):
            yield from (str(row["Name"]) for row in page["ResourceRecordSets"])
