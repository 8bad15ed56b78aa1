"""What a role has logged since a moment, as its own JSON lines."""

import json
from collections.abc import Iterator
from pathlib import Path

from sandbox.client import Json


class Log:
    """Since it was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def news(self) -> list[str]:
        """Whole lines since the last look."""
        with self._path.open("rb") as log:
            log.seek(self._offset)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines()

    def events(self) -> Iterator[Json]:
        """Of the news, what is a log event: others print on the same stream."""
        for line in self.news():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "event" in event:
                yield event
