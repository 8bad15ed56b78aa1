"""A few thousand requests made from the document, right and wrong ones, on the server and the database that are real.

`python -m bench.fuzz` does the same with a hundred thousand.
"""

from pathlib import Path

from bench.fuzz.engine import PHASES, Tally, fuzz
from bench.fuzz.world import running


def test_no_request_made_from_the_document_is_answered_in_a_way_it_does_not_describe(
    tmp_path: Path, database_url: str
) -> None:
    tally = Tally()
    with running(tmp_path, url=database_url) as place:
        fuzz(place, tally, examples=20, seed=1, all_queries=False, deterministic=True)
        log = place.log.read_text(encoding="utf-8")
    assert {kind: complaint.shown for kind, complaint in tally.complaints.items()} == {}
    assert tally.errors == []
    assert [line for line in log.splitlines() if '"event": "email.http.fault"' in line] == []
    # It went everywhere, in every way, and was let in.
    assert set(tally.requests) == set(PHASES)
    assert tally.total > 1_500
    assert {200, 201, 202, 400, 401, 404, 405, 409, 415, 422} <= {status for _, status in tally.answers}
    assert None not in {status for _, status in tally.answers}
