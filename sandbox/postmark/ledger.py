"""Append-only JSON Lines files: the ledger of accepted messages, and the log of webhook attempts."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from sandbox.postmark.dates import zulu
from sandbox.postmark.entities import Json, Message


class AppendLog:
    """Lines are flushed to the operating system before a call returns, so a killed process loses none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries: list[Json] = []
        if path.exists():
            self.entries = [json.loads(line) for line in path.read_text().splitlines() if _is_whole(line)]
            path.write_text("".join(json.dumps(entry) + "\n" for entry in self.entries))
        self._file = path.open("a", encoding="utf-8")

    def append(self, entries: list[Json]) -> None:
        self.write(entries)
        self.entries.extend(entries)

    def write(self, entries: list[Json]) -> None:
        """To the file only."""
        self._file.write("".join(json.dumps(entry) + "\n" for entry in entries))
        self._file.flush()

    def start_afresh(self) -> None:
        """Begin an empty file; the old one stays beside it under a number."""
        self._file.close()
        taken = len(list(self._path.parent.glob(f"{self._path.stem}.*{self._path.suffix}")))
        self._path.rename(self._path.with_suffix(f".{taken + 1}{self._path.suffix}"))
        self.entries = []
        self._file = self._path.open("a", encoding="utf-8")

    def close(self) -> None:
        self._file.close()


def _is_whole(line: str) -> bool:
    return line.startswith("{") and line.endswith("}")


def entry_of(message: Message) -> Json:
    """A ledger line. No body and no clear subject: the ledger is copied into reports."""
    return {
        "seq": message.seq,
        "accepted_at": zulu(message.accepted_at),
        "message_id": message.id,
        "server_id": message.server_id,
        "stream": message.stream,
        "from": message.sender,
        "to": message.recipients,
        "subject_sha256": hashlib.sha256(message.subject.encode()).hexdigest(),
        "metadata": message.metadata,
        "request_id": message.request_id,
        "fault": message.fault,
    }


class Ledger:
    """Every accepted message once, in order of acceptance, whatever the client was told about it.

    The file is the record; questions are answered from the messages, which hold the same facts.
    """

    def __init__(self, path: Path) -> None:
        log = AppendLog(path)
        self.last_seq: int = log.entries[-1]["seq"] if log.entries else 0
        log.entries.clear()
        self._log = log

    def record(self, messages: list[Message]) -> None:
        if messages:
            self._log.write([entry_of(message) for message in messages])
            self.last_seq = messages[-1].seq

    def start_afresh(self) -> None:
        self._log.start_afresh()
        self.last_seq = 0

    def close(self) -> None:
        self._log.close()


def summary(messages: list[Message], metadata_key: str) -> Json:
    """Counts, and the values of the metadata key that were accepted more than once."""
    values = Counter(message.metadata.get(metadata_key) for message in messages)
    without = values.pop(None, 0)
    duplicates: dict[Any, int] = {value: count for value, count in values.items() if count > 1}
    return {
        "accepted": len(messages),
        "metadata_key": metadata_key,
        "distinct": len(values),
        "without_key": without,
        "duplicated": len(duplicates),
        "duplicates": duplicates,
        "by_server": Counter(str(message.server_id) for message in messages),
        "by_fault": Counter(message.fault or "none" for message in messages),
    }
