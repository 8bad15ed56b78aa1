"""The code that is here can be recorded: whoever adds the next revision needs it, and can rely on what it does."""

import re

import pytest

from shared.persistence.tables import metadata
from tests.integration.persistence.upgrades import record
from tests.integration.persistence.upgrades.conftest import At
from tests.integration.persistence.upgrades.history import HEAD, REVISIONS
from tests.integration.persistence.upgrades.transcript import Transcript, dumped, parsed
from tests.integration.persistence.upgrades.writers import Crew

# Written by a run that is recovered, or by the removal of old rows, whose statements are recorded without finding any.
NOT_WRITTEN = {"recovery_message"}


@pytest.fixture(scope="module")
def recorded(database_at: At) -> Transcript:
    return record.recorded(database_at(HEAD))


def test_a_day_of_work_writes_every_table(recorded: Transcript) -> None:
    """A new table wants a step in working_day.py or side_work.py."""
    text = dumped(recorded)
    written = set(re.findall(r"INSERT INTO (\w+)", text))
    assert written == set(metadata.tables) - NOT_WRITTEN


def test_what_is_recorded_is_read_as_it_was_written(recorded: Transcript) -> None:
    assert dumped(parsed(dumped(recorded))) == dumped(recorded)


def test_nothing_that_tells_one_recording_from_the_next_stays_in_it(recorded: Transcript) -> None:
    assert re.findall(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-", dumped(recorded)) == []


def test_the_day_can_be_done_again_and_again_by_several_at_once(
    database_at: At, recorded: Transcript
) -> None:
    with Crew(database_at(HEAD), parsed(dumped(recorded))) as crew:
        crew.work_on(2)
    assert crew.faults == []


def test_a_recording_that_is_there_is_not_written_over(
    database_at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "REVISIONS", REVISIONS[:1])
    with pytest.raises(SystemExit, match="is there already"):
        record.main()
