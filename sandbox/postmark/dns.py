"""Where the records of customers are looked up: a table that tests edit, or a Route 53 stand-in.

Names and values have Route 53's form: names in any letter case, with or without the final dot; a TXT value is
one or more quoted strings of up to 255 bytes. The stand-in accepts an unquoted one, AWS does not: no match.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WHOLE_TXT = re.compile(r'\s*"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*\s*')
_ESCAPE = re.compile(r"\\(\d{3}|.)")
_MAX_STRING_BYTES = 255


def canonical(name: str) -> str:
    return name.rstrip(".").lower()


def unquote_txt(value: str) -> str | None:
    """The joined strings of a TXT value; None if they are not quoted or too long."""
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
    return canonical(target) in [canonical(value) for value in await zone.values(name, "CNAME")]


@dataclass
class TableZone:
    """Records as `{"name", "type", "value"}`."""

    records: list[dict[str, str]] = field(default_factory=list)

    async def values(self, name: str, record_type: str) -> list[str]:
        return [
            record["value"]
            for record in self.records
            if canonical(record["name"]) == canonical(name) and record["type"] == record_type
        ]
