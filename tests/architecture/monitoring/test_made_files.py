"""What is made of a description is what was made of it last."""

from tests.architecture.monitoring import dashboard, runbook_table
from tests.architecture.sources import text


def test_the_dashboard_is_as_it_is_described() -> None:
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.render()


def test_the_runbooks_list_the_alerts_as_they_are() -> None:
    assert text(runbook_table.FILE) == runbook_table.render()
