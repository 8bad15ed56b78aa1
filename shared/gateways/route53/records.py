"""Record sets as Route 53 spells them, and as plain records."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from shared.domain.dns import DnsRecord, canonical, txt_chunks

if TYPE_CHECKING:
    from mypy_boto3_route53.type_defs import ResourceRecordSetOutputTypeDef, ResourceRecordSetTypeDef

_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
# Unescaped, a dot would be taken for the end of a label, and a backslash for the begin of an escape.
_AMBIGUOUS: Final = frozenset(".\\")


def record_of(found: "ResourceRecordSetOutputTypeDef") -> DnsRecord:
    """Several values come joined by line feeds. Aliases, and types that we never write, have an empty value."""
    name, values = plain_name(found["Name"]), found.get("ResourceRecords", [])
    read = _READ.get(found["Type"])
    plain = [read(resource["Value"]) for resource in values] if read else []
    return DnsRecord(name, found["Type"], "\n".join(plain), found.get("TTL", 0))


def record_set_of(record: DnsRecord) -> "ResourceRecordSetTypeDef":
    value = _quoted(record.value) if record.type == "TXT" else record.value
    return {
        "Name": canonical(record.name),
        "Type": record.type,  # type: ignore[typeddict-item]
        "TTL": record.ttl_seconds,
        "ResourceRecords": [{"Value": value}],
    }


def plain_name(name: str) -> str:
    r"""Of a record set. `*` is listed as `\052`, as is everything but letters, digits, `-` and `_`."""
    return canonical(_OCTAL.sub(_readable, name))


def _readable(found: re.Match[str]) -> str:
    plain = chr(int(found[1], 8))
    return plain if plain.isascii() and plain.isprintable() and plain not in _AMBIGUOUS else found[0]


def _quoted(value: str) -> str:
    chunks = txt_chunks(value)
    return " ".join('"' + chunk.replace("\\", r"\\").replace('"', r"\"") + '"' for chunk in chunks)


def _unquoted(value: str) -> str:
    """A value without quotes, which the real service refuses, is left as it is."""
    strings: list[str] = _QUOTED.findall(value)
    return "".join(_ESCAPE.sub(_unescaped, string) for string in strings) if strings else value


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 8)) if len(found[1]) > 1 else found[1]


def _target(value: str) -> str:
    return value.rstrip(".")


_READ: Final[Mapping[str, Callable[[str], str]]] = {"TXT": _unquoted, "CNAME": _target}
