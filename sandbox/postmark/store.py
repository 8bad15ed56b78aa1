"""What survives a restart: every entity as one JSON row in SQLite.

Changes gather in memory and go out in one transaction, before the answer of the call that made them.
`synchronous=OFF` on purpose: a killed process loses nothing, only a machine that loses power does.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entity (
    kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS content (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""


class Store:
    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(_SCHEMA)
        self._dirty: dict[tuple[str, str], object | None] = {}
        self._contents: dict[int, dict[str, Any]] = {}

    def put(self, kind: str, key: object, entity: object) -> None:
        """Remember the entity, or a function that gives its JSON; written as it is when `commit` comes."""
        self._dirty[kind, str(key)] = entity

    def delete(self, kind: str, key: object) -> None:
        self._dirty[kind, str(key)] = None

    def put_content(self, seq: int, content: dict[str, Any]) -> None:
        self._contents[seq] = content

    def content(self, seq: int) -> dict[str, Any]:
        """Bodies and headers of a message: kept on disk only, they are most of the bytes."""
        self.commit()
        row = self._db.execute("SELECT body FROM content WHERE seq = ?", (seq,)).fetchone()
        return json.loads(row[0]) if row else {}

    def load(self, kind: str) -> Iterator[dict[str, Any]]:
        for (body,) in self._db.execute("SELECT body FROM entity WHERE kind = ?", (kind,)):
            yield json.loads(body)

    def commit(self) -> None:
        if not self._dirty and not self._contents:
            return
        kept = [(*key, _body(entity)) for key, entity in self._dirty.items() if entity is not None]
        gone = [key for key, entity in self._dirty.items() if entity is None]
        contents = [(key, json.dumps(value)) for key, value in self._contents.items()]
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO entity VALUES (?, ?, ?)", kept)
            self._db.executemany("DELETE FROM entity WHERE kind = ? AND key = ?", gone)
            self._db.executemany("INSERT OR REPLACE INTO content VALUES (?, ?)", contents)
        self._dirty.clear()
        self._contents.clear()

    def clear(self) -> None:
        self._dirty.clear()
        self._contents.clear()
        with self._db:
            self._db.execute("DELETE FROM entity")
            self._db.execute("DELETE FROM content")

    def close(self) -> None:
        self.commit()
        self._db.close()


def _body(entity: object) -> str:
    if isinstance(entity, dict):
        return json.dumps(entity)
    return json.dumps(entity() if callable(entity) else entity.__dict__)
