"""The statements of one release, as text: what its code sent, with which parameters, and how many rows each answered.

    --# accept two jobs              a transaction, and what it is for
    INSERT INTO ...                  a statement, as it went to the driver
    --> {"given_e_id": ...}          its parameters
    --= 2                            its rows; * where others write the same rows

Ids, and bytes made by chance, have numbers in place of values: `@id3@`, `@bytes1@`. Each time the statements are sent
again they are others. The last line tells how many rows of each table speak of these ids then.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any
from uuid import UUID

from psycopg import Binary
from psycopg.types.json import Json, Jsonb

ANY = "*"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_BYTES = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_NAME = re.compile(r"@(?:id|bytes)\d+@")
# Times so near to the recording are told from then on; others are what they are.
_NEAR = timedelta(days=2)


@dataclass(frozen=True)
class Statement:
    text: str
    # As JSON, encoded by `encoded`.
    parameters: str
    rows: int | None


@dataclass
class Transaction:
    name: str
    statements: list[Statement] = field(default_factory=list)


@dataclass
class Transcript:
    transactions: list[Transaction]
    # Table to the number of rows that speak of the ids.
    leaves: Mapping[str, int]

    @property
    def names(self) -> list[str]:
        """Of ids and bytes, each once."""
        found = (name for one in self.transactions for each in one.statements for name in _names_in(each))
        return list(dict.fromkeys(found))


def _names_in(statement: Statement) -> list[str]:
    return _NAME.findall(statement.parameters)


def dumped(transcript: Transcript) -> str:
    transactions = [_dumped(one) for one in transcript.transactions]
    return "\n".join([*transactions, f"--: {json.dumps(transcript.leaves, sort_keys=True)}\n"])


def _dumped(one: Transaction) -> str:
    lines = [f"--# {one.name}"]
    for each in one.statements:
        lines += [each.text, f"--> {each.parameters}", f"--= {ANY if each.rows is None else each.rows}"]
    return "\n".join([*lines, ""])


def parsed(text: str) -> Transcript:
    found = Transcript([], {})
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("--# "):
            found.transactions.append(Transaction(line[4:]))
        elif line.startswith("--: "):
            found.leaves = json.loads(line[4:])
        elif line and not line.startswith("-- "):
            found.transactions[-1].statements.append(_statement(line, lines))
    return found


def _statement(first: str, lines: Iterator[str]) -> Statement:
    parameters: list[str] = []
    # The line that ends the text is the parameters'.
    text = [first, *takewhile(lambda line: not _is_parameters(line, parameters), lines)]
    rows = next(lines)[4:]
    return Statement("\n".join(text), parameters[0], None if rows == ANY else int(rows))


def _is_parameters(line: str, found: list[str]) -> bool:
    if line.startswith("--> "):
        found.append(line[4:])
    return bool(found)


def encoded(value: Any, now: datetime) -> Any:
    """As JSON can hold it, ids and bytes still being values."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {name: encoded(one, now) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [encoded(one, now) for one in value]
    if isinstance(value, Binary):
        return encoded(value.obj, now)
    return _told_by_kind(value, now)


def _told_by_kind(value: Any, now: datetime) -> dict[str, Any]:
    match value:
        case UUID():
            return {"uuid": str(value)}
        case bytes():
            return {"bytes": value.hex()}
        case datetime():
            near = abs(value - now) < _NEAR
            return {"in_seconds": (value - now).total_seconds()} if near else {"at": value.isoformat()}
        case timedelta():
            return {"interval": value.total_seconds()}
        case Jsonb() | Json():
            return {"json": value.obj}
    raise TypeError(f"a parameter of a kind that was never recorded: {type(value).__name__}")


_DECODED: Mapping[str, Callable[[Any, datetime], Any]] = {
    "uuid": lambda text, _now: UUID(text),
    "bytes": lambda text, _now: bytes.fromhex(text),
    "in_seconds": lambda seconds, now: now + timedelta(seconds=seconds),
    "at": lambda text, _now: datetime.fromisoformat(text),
    "interval": lambda seconds, _now: timedelta(seconds=seconds),
    "json": lambda held, _now: Jsonb(held),
}


def decoded(value: Any, now: datetime) -> Any:
    if isinstance(value, list):
        return [decoded(one, now) for one in value]
    if isinstance(value, dict):
        ((kind, held),) = value.items()
        return _DECODED[kind](held, now)
    return value


def named(texts: Iterable[str]) -> dict[str, str]:
    """The names of all ids and bytes in these texts, by value. Ids in their order, which is that of their making."""
    held = list(texts)
    ids = sorted({one for text in held for one in _UUID.findall(text)})
    chance = sorted({one for text in held for one in _BYTES.findall(text)})
    names = {one: f"@id{number}@" for number, one in enumerate(ids, 1)}
    return names | {one: f"@bytes{number}@" for number, one in enumerate(chance, 1)}


def with_names(text: str, names: Mapping[str, str]) -> str:
    return _BYTES.sub(lambda found: names[found[0]], _UUID.sub(lambda found: names[found[0]], text))


def with_values(statement: Statement, values: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The statement's parameters, as the driver takes them."""
    text = _NAME.sub(lambda found: values[found[0]], statement.parameters)
    return {name: decoded(value, now) for name, value in json.loads(text).items()}
