"""What `python -m tests.promtool` runs: about what is exported, and about every alert. Running it wants promtool."""

import re

import pytest

from tests.architecture.monitoring import exported, rules
from tests.architecture.monitoring.promql import parsed, selectors
from tests.architecture.monitoring.values import is_value
from tests.promtool.situations import Situation, of_partition, situations, well

EACH = pytest.mark.parametrize("situation", situations(), ids=[one.when for one in situations()])
# What the code is free to say: codes of the provider, pods, and whichever error.
FREE = {"code", "pod", "error", "namespace"}


def labels_given(series: str) -> dict[str, str]:
    (selector,) = selectors(str(parsed(of_partition(series))))
    return {matcher.name: matcher.value for matcher in selector.matchers.matchers}


@EACH
def test_a_situation_is_of_series_that_are_exported(situation: Situation) -> None:
    for series in {**well(), **situation.series}:
        name, given = series.partition("{")[0], labels_given(series)
        assert given.keys() <= exported.of_all(name), series
        assert exported.of_all(name) - exported.TARGET <= given.keys(), series
        for label in given.keys() - FREE - {"le"}:
            assert is_value(name, label, given[label]), series


@EACH
def test_a_situation_names_alerts_that_there_are(situation: Situation) -> None:
    named = {name for alerts in situation.rings.values() for name in alerts}
    assert named - {alert.name for alert in rules.alerts()} == set()


def test_every_alert_rings_in_some_situation() -> None:
    rung = {name for situation in situations() for alerts in situation.rings.values() for name in alerts}
    assert {alert.name for alert in rules.alerts()} - rung == set()


@EACH
def test_nothing_rings_in_a_situation_before_it_has_lasted(situation: Situation) -> None:
    """Each says when it is quiet too, so that an alert that always rings is found out."""
    assert [] in situation.rings.values() or re.search("four fail|faults have ended", situation.when)
