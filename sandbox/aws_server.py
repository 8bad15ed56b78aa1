"""moto with Route 53's manners of names and lists: `python -m sandbox.aws_server -H HOST -p PORT` is `moto.server` so.

Route 53 keeps names in small letters and writes `\\052` for `*`; lists them with their labels reversed and a dot after
the last; never lists more than 300; and goes on between the record sets of one name, which moto would list again.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html
"""

import re
from functools import lru_cache

from moto.core.responses import ActionResult
from moto.route53 import urls
from moto.route53.exceptions import InvalidInput
from moto.route53.models import RecordSet
from moto.route53.responses import Route53
from moto.server import main

MAX_ITEMS = 300

_SPELLED = re.compile(r"\\([0-3][0-7]{2})|\\(.)|(.)", re.DOTALL)
_ESCAPED = re.compile(r"\\([0-3][0-7]{2})")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")

# Reversed name, type, set identifier: in this order record sets are listed.
Place = tuple[str, str, str]


def stored_name(name: str) -> str:
    """As Route 53 gives it back, whichever way it was given."""
    spelled = _SPELLED.sub(_stored_character, name)
    return spelled if spelled.endswith(".") else f"{spelled}."


def _stored_character(found: re.Match[str]) -> str:
    code, escaped, bare = found.groups()
    if bare == ".":
        return str(bare)
    written = bytes([int(code, 8)]) if code else (escaped or bare).encode()
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in written.lower())


def place_of(name: str, record_type: str, identifier: str) -> Place:
    return _reversed(name), record_type, identifier


@lru_cache(maxsize=100_000)
def _reversed(name: str) -> str:
    """What sorts is the characters, not how they are written."""
    labels = stored_name(name).removesuffix(".").split(".")
    return "".join(f"{_characters(label)}." for label in reversed(labels))


def _characters(label: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), label)


class Service(Route53):
    """moto's, but for what it does with names and pages."""

    def change_resource_record_sets(self) -> ActionResult:
        for change in self._get_param("ChangeBatch.Changes"):
            changed = change["ResourceRecordSet"]
            changed["Name"] = stored_name(changed["Name"])
        return super().change_resource_record_sets()

    def list_resource_record_sets(self) -> ActionResult:
        limit, start = self._asked_limit(), self._asked_start()
        zone = self.backend.get_hosted_zone(self._get_param("HostedZoneId"))
        found = sorted((row for row in zone.rrsets if _place(row) >= start), key=_place)
        page, rest = found[:limit], found[limit:]
        result = {"ResourceRecordSets": page, "IsTruncated": bool(rest), "MaxItems": limit}
        return ActionResult(result | _cursor(rest[0]) if rest else result)

    def _asked_limit(self) -> int:
        limit: int = self._get_int_param("MaxItems", MAX_ITEMS)
        if limit < 1:
            raise InvalidInput("MaxItems must be 1 or more")
        return min(limit, MAX_ITEMS)

    def _asked_start(self) -> Place:
        name, record_type, identifier = (
            self._get_param(f"StartRecord{part}") or "" for part in ("Name", "Type", "Identifier")
        )
        if (record_type and not name) or (identifier and not record_type):
            raise InvalidInput("The input is not valid")
        return place_of(name, record_type, identifier) if name else ("", "", "")


def _place(row: RecordSet) -> Place:
    return place_of(row.name, str(row.type), row.set_identifier or "")


def _cursor(row: RecordSet) -> dict[str, str]:
    names = {"NextRecordName": row.name, "NextRecordType": str(row.type)}
    return names | ({"NextRecordIdentifier": row.set_identifier} if row.set_identifier else {})


def install() -> None:
    """Every moto server that this process starts afterwards has it."""
    urls.url_paths.update(dict.fromkeys(urls.url_paths, Service.dispatch))


if __name__ == "__main__":
    install()
    main()
