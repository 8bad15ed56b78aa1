"""The forms in which a value may turn up where it was not meant to be."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

# A part of a secret is one, too: so many bytes of it, at its beginning, its end, or each next to the other between.
PIECE_BYTES = 12


@dataclass(frozen=True)
class Needle:
    """`folded`: to be looked for in lower case, in what was made lower case."""

    # Of several that are spelled alike, the first.
    form: str = field(compare=False)
    text: bytes = field(repr=False)
    folded: bool


def needles_of(value: bytes) -> tuple[Needle, ...]:
    """Raises `ValueError` for a value that is too short to be told from chance."""
    if len(value) < PIECE_BYTES:
        raise ValueError(f"{len(value)} bytes may turn up by chance: take {PIECE_BYTES} at least")
    return tuple({needle: None for piece in _pieces(value) for needle in _needles(piece)})


def _pieces(value: bytes) -> Iterator[bytes]:
    last = len(value) - PIECE_BYTES
    for start in {*range(0, last, PIECE_BYTES), last}:
        yield value[start : start + PIECE_BYTES]


def _needles(piece: bytes) -> Iterator[Needle]:
    for form, spell in _SPELLINGS.items():
        for text in spell(piece):
            # Case tells base64 apart from chance; everywhere else somebody may have changed it.
            folded = form != "base64"
            yield Needle(form, text.lower() if folded else text, folded)


def _plain(piece: bytes) -> Iterator[bytes]:
    yield piece


def _in_url(piece: bytes) -> Iterator[bytes]:
    yield quote(piece, safe="").encode()
    yield quote_plus(piece, safe="/").encode()


def _in_json(piece: bytes) -> Iterator[bytes]:
    text = piece.decode("utf-8", "replace")
    for ascii_only in (True, False):
        escaped = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield escaped.encode()
        yield escaped.replace("/", "\\/").encode()
        # JSON in JSON, as a payload in a log line.
        yield json.dumps(escaped)[1:-1].encode()


def _in_hex(piece: bytes) -> Iterator[bytes]:
    yield piece.hex().encode()


def _in_base64(piece: bytes) -> Iterator[bytes]:
    """Wherever it stands in what was encoded: of its first and last digits others may have made something else."""
    for before in range(3):
        bits = 8 * before, 8 * (before + len(piece))
        first, end = -(-bits[0] // 6), bits[1] // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + piece)[first:end]


_SPELLINGS: Mapping[str, Callable[[bytes], Iterator[bytes]]] = {
    "plain": _plain,
    "URL": _in_url,
    "JSON": _in_json,
    "hex": _in_hex,
    "base64": _in_base64,
}
