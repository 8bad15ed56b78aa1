"""Every call of `emailctl` in a document is one that `emailctl` understands."""

from pathlib import Path

import pytest

from tests.architecture.commands import Call, Unreadable, calls_in, read
from tests.architecture.sources import ROOT, documents

WITH_CALLS = [path for path in documents() if calls_in(path)]


def call(words: str, *, whole: bool = True) -> Call:
    return Call(tuple(words.split()), whole)


@pytest.mark.parametrize("path", WITH_CALLS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_call_of_a_document_is_one_that_click_takes(path: Path) -> None:
    for one in calls_in(path):
        read(one)


def test_the_manual_and_the_runbooks_have_calls() -> None:
    named = {path.relative_to(ROOT).as_posix() for path in WITH_CALLS}
    assert {"docs/cli.md", "docs/operating.md", "docs/runbooks/dead-letters.md"} <= named


@pytest.mark.parametrize(
    "words",
    [
        "configurations ls",
        "job show",
        "job trace $JOB --followed",
        "job query --status GONE",
        "drift run dns registry --wait=now",
        "dead-letter replay --rate fast",
        "job show 4711",
        "webhooks",
    ],
)
def test_a_call_that_click_would_refuse_is_found(words: str) -> None:
    with pytest.raises(Unreadable):
        read(call(words))


def test_a_mention_may_leave_out_what_a_call_may_not() -> None:
    for words in ("job show", "dead-letter", "configuration signal CONFIGURATION"):
        read(call(words, whole=False))
    with pytest.raises(Unreadable):
        read(call("job shows", whole=False))


def test_calls_are_found_in_blocks_in_pods_and_in_sentences(tmp_path: Path) -> None:
    document = tmp_path / "one.md"
    document.write_text(
        "Ask `emailctl drift\nls`, or `emailctl job show ...`.\n\n"
        "```sh\n"
        'emailctl dead-letter replay --filter class=expired \\\n  --reason "Postmark is back"   # all of it\n'
        "for r in a b; do kubectl exec deploy/$r -- python -m shared.cli.main keys status; done\n"
        "emailctl completion fish > emailctl.fish\n"
        "emailctl job trace $(emailctl job query --limit 1 -o json | field eId) --follow\n"
        "```\n"
    )
    assert [one.words for one in calls_in(document)] == [
        ("job", "query", "--limit", "1", "-o", "json"),
        ("dead-letter", "replay", "--filter", "class=expired", "--reason", "Postmark is back"),
        ("keys", "status"),
        ("completion", "fish"),
        ("job", "trace", "$IT", "--follow"),
        ("drift", "ls"),
        ("job", "show"),
    ]
