"""What the document says of text is what the checks say: a caller who trusts one is not surprised by the other."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from web import fields

KINDS: dict[str, Any] = {
    name: TypeAdapter(getattr(fields, name))
    for name in (
        "Address",
        "ReplyTo",
        "Slug",
        "LocalPart",
        "Key",
        "Base64",
        "MediaType",
        "Subject",
        "Tag",
        "Note",
        "Reason",
        "Filename",
        "FromName",
        "MessageId",
        "Body",
        "Metadata",
    )
}
# Text near the edges: what a pattern lets pass is seldom found by chance.
PIECES = st.sampled_from([*"aZ0@.-_=/; \t\n\x7f\x80\x9f<,é", "@@", "==", "example.com"])
# Of what Python calls not printable an address may have nothing, which no pattern could say.
TEXT = st.lists(PIECES, max_size=9).map("".join) | st.text(
    st.characters(exclude_categories=["Cs", "Cn", "Cf", "Co", "Zs", "Zl", "Zp"]), max_size=12
)


def described(kind: str, value: object) -> bool:
    return bool(jsonschema_rs.Draft202012Validator(KINDS[kind].json_schema()).is_valid(value))


def taken(kind: str, value: object) -> bool:
    try:
        KINDS[kind].validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", [name for name in KINDS if name not in ("Metadata", "Body")])
@given(text=TEXT)
def test_what_is_described_is_taken_and_what_is_taken_is_described(kind: str, text: str) -> None:
    assert described(kind, text) is taken(kind, text)


@given(
    said=st.dictionaries(
        st.sampled_from(["order", "a b", "", "job", "Claim", "cLAIM", "jobs", "x" * 20, "x" * 21, "a\n"]),
        st.sampled_from(["", "x" * 80, "x" * 81, "a\tb"]),
        max_size=9,
    )
)
def test_metadata_that_is_described_is_taken_and_the_other_way_round(said: dict[str, str]) -> None:
    assert described("Metadata", said) is taken("Metadata", said)


@pytest.mark.parametrize(
    ("kind", "at_limit", "beyond"),
    [
        ("Slug", "a" * 63, "a" * 64),
        ("LocalPart", "a" * 64, "a" * 65),
        ("Key", "k" * 255, "k" * 256),
        ("Subject", "s" * 2000, "s" * 2001),
        ("Tag", "t" * 1000, "t" * 1001),
        ("Note", "n" * 1000, "n" * 1001),
        ("Reason", "r" * 1000, "r" * 1001),
        ("Filename", "f" * 255, "f" * 256),
        ("FromName", "f" * 150, "f" * 151),
        ("MessageId", "m" * 100, "m" * 101),
        ("Address", "a" * 250 + "@b.c", "a" * 251 + "@b.c"),
    ],
)
def test_a_limit_is_at_the_same_place_in_both(kind: str, at_limit: str, beyond: str) -> None:
    assert (described(kind, at_limit), taken(kind, at_limit)) == (True, True)
    assert (described(kind, beyond), taken(kind, beyond)) == (False, False)


def patterns_in(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            yield from [value] if name == "pattern" else patterns_in(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from patterns_in(each)


@pytest.mark.parametrize("kind", KINDS)
def test_every_pattern_is_whole_and_in_words_that_every_engine_knows(kind: str) -> None:
    found = list(patterns_in(KINDS[kind].json_schema()))
    assert found
    for pattern in found:
        assert pattern.startswith("^")
        assert pattern.endswith("$")
        assert not re.search(r"\(\?|\\[AZzpPsSwWdD]|\[\[:", pattern)
