"""What the leader alone tells."""

from prometheus_client import REGISTRY

from shared.telemetry import states
from shared.telemetry.exposition import OF_THE_LEADER


def test_a_state_that_no_configuration_is_in_any_more_is_shown_as_zero() -> None:
    states.record_configurations_by_state({("OK", "UNLOCKED"): 2, ("FAILURE", "UNLOCKED"): 1})
    states.record_configurations_by_state({("OK", "UNLOCKED"): 3})
    name = "email_configuration_lifecycle_state"
    ok = {"operational": "OK", "administrative": "UNLOCKED"}
    assert OF_THE_LEADER.get_sample_value(name, ok) == 3
    assert OF_THE_LEADER.get_sample_value(name, {**ok, "operational": "FAILURE"}) == 0


def test_what_the_leader_tells_of_rows_no_other_process_shows() -> None:
    """Unlabelled ones would be zero there, and look like good news."""
    told = {metric.name for metric in OF_THE_LEADER.collect()}
    assert {"email_send_in_doubt", "email_material_registry_tokens_behind"} <= told
    assert told.isdisjoint(metric.name for metric in REGISTRY.collect())
