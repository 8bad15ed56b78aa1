"""What there is outside of a configuration, asked of the provider's own API and of Route 53; and what its row says."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import requests

from bench.faults.rows import Database
from sandbox.aws import CREDENTIALS
from sandbox.client import Json
from shared.domain.dns import DnsRecord, canonical
from shared.gateways.postmark.codes import SERVER_NOT_FOUND

PAGE = 500
CHANGES_A_CALL = 500
_IDS = "server_id, signature_id, domain_id, webhook_id"


@dataclass(frozen=True)
class Outside:
    """Everything there is of some slugs. A domain and a signature are found by the domain's name."""

    servers: Mapping[str, list[Json]]
    signatures: Mapping[str, list[Json]]
    domains: Mapping[str, list[Json]]
    webhooks: Mapping[str, list[Json]]
    records: Mapping[str, list[str]]

    def faults(self, ids: Mapping[str, tuple[int, ...]]) -> Counter[str]:
        """Of slugs that should have one of each, the very ones that their rows name: `_IDS`, by slug."""
        found: Counter[str] = Counter()
        for slug, (server_id, signature_id, domain_id, webhook_id) in ids.items():
            for what, there, wanted in (
                ("servers", self.servers, server_id),
                ("signatures", self.signatures, signature_id),
                ("domains", self.domains, domain_id),
                ("webhooks", self.webhooks, webhook_id),
            ):
                if [each["ID"] for each in there.get(slug, [])] != [wanted]:
                    found[f"{len(there.get(slug, []))} {what}, not the one of the row"] += 1
            # The key of DKIM as TXT and the return path as CNAME.
            if len(self.records.get(slug, [])) != 2:
                found[f"{len(self.records.get(slug, []))} records"] += 1
        return found

    def left(self, slugs: Iterable[str]) -> Counter[str]:
        """What there is of slugs that should have nothing."""
        kinds: dict[str, Mapping[str, list[Any]]] = {
            "servers": self.servers,
            "signatures": self.signatures,
            "domains": self.domains,
            "records": self.records,
        }
        counts = Counter(
            {what: sum(len(there.get(slug, [])) for slug in slugs) for what, there in kinds.items()}
        )
        return +counts


class Provider:
    def __init__(self, places: Mapping[str, Any]) -> None:
        self._url = places["postmark_url"]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "application/json"
        self._account = {"X-Postmark-Account-Token": places["postmark_account_token"]}
        self._route53 = boto3.client(
            "route53",
            endpoint_url=places["aws_url"],
            region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def everything_of(self, slugs: Iterable[str]) -> Outside:
        wanted = set(slugs)
        servers = _by_slug(self._rows("/servers", "Servers"), lambda row: _last_label(row["Name"], wanted))
        return Outside(
            servers=servers,
            signatures=_by_slug(
                self._rows("/senders", "SenderSignatures"),
                lambda row: _first_label(row["EmailAddress"].partition("@")[2], wanted),
            ),
            domains=_by_slug(
                self._rows("/domains", "Domains"), lambda row: _first_label(row["Name"], wanted)
            ),
            webhooks={slug: self._webhooks(rows) for slug, rows in servers.items()},
            records=self.records_of(wanted),
        )

    def webhooks_of(self, slugs: Iterable[str]) -> dict[str, list[Json]]:
        wanted = set(slugs)
        servers = _by_slug(self._rows("/servers", "Servers"), lambda row: _last_label(row["Name"], wanted))
        return {slug: self._webhooks(rows) for slug, rows in servers.items()}

    def records_of(self, slugs: Iterable[str]) -> dict[str, list[str]]:
        wanted = set(slugs)
        found: dict[str, list[str]] = {}
        for zone in self._route53.list_hosted_zones()["HostedZones"]:
            pages = self._route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"])
            for record in (record for page in pages for record in page["ResourceRecordSets"]):
                for slug in wanted & set(record["Name"].split(".")):
                    found.setdefault(slug, []).append(record["Name"])
        return found

    def make_server(self, name: str) -> int:
        """Through the provider's own API: its id."""
        response = self._session.post(
            f"{self._url}/servers", json={"Name": name}, headers=self._account, timeout=30
        )
        response.raise_for_status()
        return int(response.json()["ID"])

    def drop_server(self, server_id: int) -> None:
        """It may be gone already."""
        response = self._session.delete(f"{self._url}/servers/{server_id}", headers=self._account, timeout=30)
        gone = response.status_code == 404 or response.json().get("ErrorCode") == SERVER_NOT_FOUND
        if not gone:
            response.raise_for_status()

    def change_records(self, action: str, records: Sequence[DnsRecord]) -> None:
        """In the partition's zone, without waiting for anybody's turn."""
        zone_id = self._zone_of(records[0].name) if records else ""
        for begin in range(0, len(records), CHANGES_A_CALL):
            changes: list[Any] = [
                {"Action": action, "ResourceRecordSet": _record_set(record)}
                for record in records[begin : begin + CHANGES_A_CALL]
            ]
            self._route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})

    def drop_records(self, records: Sequence[DnsRecord]) -> None:
        """Whatever their values are by now; those that are gone are gone."""
        if not records:
            return
        names = {canonical(record.name) for record in records}
        zone_id = self._zone_of(records[0].name)
        pages = self._route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
        found = [
            record
            for page in pages
            for record in page["ResourceRecordSets"]
            if canonical(record["Name"]) in names
        ]
        for begin in range(0, len(found), CHANGES_A_CALL):
            changes: list[Any] = [
                {"Action": "DELETE", "ResourceRecordSet": record}
                for record in found[begin : begin + CHANGES_A_CALL]
            ]
            self._route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})

    def _zone_of(self, name: str) -> str:
        zones = self._route53.list_hosted_zones()["HostedZones"]
        return next(zone["Id"] for zone in zones if canonical(name).endswith(f".{canonical(zone['Name'])}"))

    def _webhooks(self, servers: Iterable[Json]) -> list[Json]:
        return [webhook for server in servers for webhook in self._webhooks_of(server["ApiTokens"][0])]

    def _webhooks_of(self, token: str) -> list[Json]:
        found: list[Json] = self._get("/webhooks", {"X-Postmark-Server-Token": token})["Webhooks"]
        return found

    def _rows(self, path: str, key: str) -> Iterator[Json]:
        offset = 0
        while rows := self._get(f"{path}?count={PAGE}&offset={offset}", self._account)[key]:
            yield from rows
            offset += len(rows)

    def _get(self, path: str, headers: Mapping[str, str]) -> Json:
        response = self._session.get(f"{self._url}{path}", headers=headers, timeout=30)
        response.raise_for_status()
        answer: Json = response.json()
        return answer


def ids_of(database: Database, slugs: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """What the rows say there is, by slug."""
    question = f"SELECT slug, {_IDS} FROM email_configuration WHERE slug = ANY(%s)"
    return {slug: tuple(ids) for slug, *ids in database.ask(question, list(slugs))}


def _record_set(record: DnsRecord) -> dict[str, Any]:
    value = f'"{record.value}"' if record.type == "TXT" else record.value
    return {
        "Name": record.name,
        "Type": record.type,
        "TTL": record.ttl_seconds,
        "ResourceRecords": [{"Value": value}],
    }


def _by_slug(rows: Iterable[Json], slug_of: Any) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for row in rows:
        if (slug := slug_of(row)) is not None:
            found.setdefault(slug, []).append(row)
    return found


def _first_label(name: str, wanted: set[str]) -> str | None:
    label = name.partition(".")[0]
    return label if label in wanted else None


def _last_label(server_name: str, wanted: set[str]) -> str | None:
    """Slugs have dashes in them, too."""
    return next((slug for slug in wanted if server_name.endswith(f"-{slug}")), None)
