"""Which metrics are shown by whom."""

from prometheus_client import CollectorRegistry, generate_latest

from shared.telemetry import states
from shared.telemetry.exposition import of_scheduler, render


def lines_of(registry: CollectorRegistry) -> set[str]:
    return set(generate_latest(registry).decode().splitlines())


def test_the_exposition_is_text_for_prometheus() -> None:
    body, content_type = render()
    assert b"email_send_call_seconds_bucket" in body
    assert content_type.startswith("text/plain")


def test_a_scheduler_tells_of_rows_while_it_leads_and_not_after() -> None:
    leads = True
    shown = of_scheduler(lambda: leads)
    states.record_tokens_behind(7)
    assert {"email_scheduler_leads 1.0", "email_material_registry_tokens_behind 7.0"} <= lines_of(shown)
    leads = False
    assert "email_scheduler_leads 0.0" in lines_of(shown)
    assert not any(line.startswith("email_material_registry_tokens_behind") for line in lines_of(shown))


def test_a_scheduler_that_does_not_lead_still_shows_what_it_does_itself() -> None:
    names = {line.partition(" ")[0] for line in lines_of(of_scheduler(lambda: False))}
    assert {"email_send_accepted_total", "process_resident_memory_bytes"} <= names
