"""Rules and dashboard ask for what the code exports, by labels that it has and values that it gives them."""

from collections.abc import Mapping
from itertools import chain

import pytest

from tests.architecture.monitoring import dashboard, exported, rules
from tests.architecture.monitoring.promql import (
    Misfit,
    aggregated,
    labels_of,
    matchers_of,
    selectors,
    series_of,
)
from tests.architecture.monitoring.values import is_value
from tests.architecture.sources import text

RULES: Mapping[str, str] = {record.name: record.expression for record in rules.records()} | {
    alert.name: alert.expression for alert in rules.alerts()
}
QUERIES: Mapping[str, str] = {
    f"{panel.title} {legend}": query
    for panel in dashboard.panels()
    for legend, query in panel.queries.items()
}
ALL = pytest.mark.parametrize("expression", [*RULES.values(), *QUERIES.values()], ids=[*RULES, *QUERIES])


@ALL
def test_an_expression_reads_what_is_exported_by_labels_that_it_has(expression: str) -> None:
    assert isinstance(labels_of(expression, exported.of_all), frozenset)


@ALL
def test_an_expression_asks_for_values_that_a_label_can_have(expression: str) -> None:
    unheard = [
        (matcher.series, matcher.label, value)
        for matcher in matchers_of(expression)
        for value in matcher.values
        if not is_value(matcher.series, matcher.label, value)
    ]
    assert unheard == []


@pytest.mark.parametrize("expression", RULES.values(), ids=RULES)
def test_a_rule_reads_its_own_partition_and_no_other(expression: str) -> None:
    for selector in selectors(expression):
        asked = {(matcher.name, str(matcher.op), matcher.value) for matcher in selector.matchers.matchers}
        of_pods = {("namespace", "MatchOp.Equal", "NAMESPACE"), ("pod", "MatchOp.Re", "RELEASE-.+")}
        assert ("partition", "MatchOp.Equal", "PARTITION") in asked or of_pods <= asked, str(selector)


@pytest.mark.parametrize("expression", QUERIES.values(), ids=QUERIES)
def test_a_panel_shows_the_partition_that_was_chosen(expression: str) -> None:
    assert [one for one in selectors(expression) if 'partition="$partition"' not in str(one)] == []


def gauges_of_the_leader() -> set[str]:
    rows = [line for line in text("docs/events.md").splitlines() if "| By the leader: " in line]
    return {row.split("`")[1] for row in rows}


def taken_of_the_leader(expression: str) -> set[str]:
    """How what it reads of the leader is brought together over pods."""
    return {how for series, how in aggregated(expression) if series in gauges_of_the_leader()}


@ALL
def test_a_gauge_of_the_leader_is_never_added_up_over_pods(expression: str) -> None:
    """While the lead changes, two may show it."""
    assert taken_of_the_leader(expression) <= {"max", "absent"}


def test_a_sum_over_two_leaders_would_be_noticed() -> None:
    of_two = (
        "sum by (partition) (email_send_in_doubt) > max(email_send_inconsistent) or email_webhook_gap_open"
    )
    assert taken_of_the_leader(of_two) == {"sum", "max", ""}


def test_the_gauges_of_the_leader_were_found() -> None:
    assert {"email_send_in_doubt", "email_oldest_wait_seconds"} <= gauges_of_the_leader()


@pytest.mark.parametrize(
    "expression",
    [
        "rate(email_send_accepted[5m])",
        "sum by (tenant) (rate(email_send_accepted_total[5m]))",
        'email_oldest_wait_seconds{stat="job_due"}',
        "rate(email_send_call_seconds[5m])",
        "histogram_quantile(0.9, sum by (queue) (rate(email_queue_wait_seconds_bucket[5m])))",
        "sum by (partition) (up) / sum by (container) (up)",
        "sum(rate(email_send_accepted_total[5m])",
        "max by (partition) (email_send_in_doubt) and on (state) max by (state) (email_webhook_state)",
    ],
)
def test_an_expression_that_fits_nothing_is_refused(expression: str) -> None:
    with pytest.raises(Misfit):
        labels_of(expression, exported.of_all)


@pytest.mark.parametrize(
    ("series", "label", "value"),
    [
        ("email_send_outcome_total", "outcome", "SENDED"),
        ("email_send_ring_total", "outcome", "broker_gone"),
        ("email_http_request_seconds_count", "handler", "job.sumbit"),
        ("email_http_request_seconds_bucket", "le", "0.3"),
        ("partition_state:email_oldest_wait_seconds:max", "state", "job_stuck"),
        ("email_queue_wait_seconds_bucket", "queue", "sending"),
    ],
)
def test_a_value_that_no_code_gives_is_refused(series: str, label: str, value: str) -> None:
    assert not is_value(series, label, value)


def test_every_metric_is_shown() -> None:
    """What is missing wants a panel in helm/files/dashboards/email.yaml, of which email.json is made."""
    shown = set(chain.from_iterable(series_of(query) for query in QUERIES.values()))
    metrics = {exported.metric_of(exported.origins().get(series, series)) for series in shown}
    assert exported.metrics().keys() - metrics == set()


def test_every_recorded_series_is_read() -> None:
    expressions = chain(QUERIES.values(), (alert.expression for alert in rules.alerts()))
    read = set(chain.from_iterable(series_of(expression) for expression in expressions))
    assert exported.recorded().keys() - read == set()
