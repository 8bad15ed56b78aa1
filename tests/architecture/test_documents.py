"""Documents point to what is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.architecture.makefile import phony_targets
from tests.architecture.sources import ROOT, documents

FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+[\"'][^)]*)?\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
ANCHOR = re.compile(r"<a (?:name|id)=\"([^\"]+)\"")

DOCUMENTS = pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def relative_links(path: Path) -> Iterator[str]:
    for match in LINK.finditer(CODE.sub("", prose(path))):
        target = match[1] or match[2]
        if not re.match(r"[a-z][a-z0-9+.-]*:", target, re.IGNORECASE):
            yield target


def anchors(path: Path) -> set[str]:
    """As the usual renderers make them: lower case, no punctuation, hyphens for spaces, a number for repeats."""
    text = prose(path)
    found = set(ANCHOR.findall(text))
    for heading in HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        repeats = sum(1 for other in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other))
        found.add(f"{slug}-{repeats}" if repeats else slug)
    return found


def leads_nowhere(document: Path, link: str) -> bool:
    place, _, anchor = unquote(link).partition("#")
    target = (document.parent / place).resolve() if place else document
    if not target.exists() or not target.is_relative_to(ROOT):
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target)


@DOCUMENTS
def test_every_relative_link_of_a_document_leads_somewhere(path: Path) -> None:
    assert [link for link in relative_links(path) if leads_nowhere(path, link)] == []


@DOCUMENTS
def test_a_document_names_only_make_targets_that_exist(path: Path) -> None:
    named = set(re.findall(r"`make ([a-z][a-z-]*)[^`]*`", path.read_text(encoding="utf-8")))
    assert named - phony_targets() == set()
