"""Every page of the console, by a name, and where it is in a filled world."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.browser.filling import Filled

Where = Callable[[Filled], str]
_LETTER = "SELECT '/console/queues/dead-letters/' || e_id FROM dead_letter WHERE subject = '{}' LIMIT 1"
_FINDING = "SELECT '/console/drift/findings/' || e_id FROM drift_finding WHERE tag LIKE '%%{}' LIMIT 1"
_ENTRY = """
SELECT '/console/suppressions/' || tenant_id || '/' || e_id FROM suppression_entry WHERE reason = '{}' LIMIT 1
"""
_REPLAY = "SELECT '/console/queues/replays/' || e_id FROM replay LIMIT 1"


def _at(path: str) -> Where:
    return lambda _: path


def _configuration(slug: str) -> Where:
    return lambda filled: f"/console/configurations/{filled.tenants[slug].eid}"


def _job(status: str) -> Where:
    return lambda filled: f"/console/jobs/{filled.jobs[status]}"


def _of_acme(path: str) -> Where:
    return lambda filled: path.format(tenant=filled.acme.id, configuration=filled.acme.eid)


def _found(question: str) -> Where:
    def look(filled: Filled) -> str:
        ((path,),) = filled.world.ask(question)
        return str(path)

    return look


PAGES: Final[Mapping[str, Where]] = {
    "overview": _at("/console"),
    "configurations": _at("/console/configurations"),
    "configurations that are not there": _at("/console/configurations?text=nobody"),
    "new configuration": _at("/console/configurations/new"),
    "configuration": _configuration("acme"),
    "configuration that fails": _configuration("fjord"),
    "configuration that locks": _configuration("harbor"),
    "configuration that drifts": _configuration("cedar"),
    "configuration that waits": _configuration("garnet"),
    "configuration that is missing": _configuration("elmwood"),
    "configuration that was never provisioned": _configuration("dunes"),
    "events": _of_acme("/console/configurations/{configuration}/events"),
    "events, asked wrongly": _of_acme("/console/configurations/{configuration}/events?job=mine"),
    "jobs": _at("/console/jobs"),
    "jobs of a configuration": _of_acme("/console/jobs?configuration={configuration}"),
    "jobs, asked wrongly": _at("/console/jobs?tenant=nobody&from=yesterday"),
    "job": _job("DELIVERED"),
    "job that waits": _job("QUEUED"),
    "job in doubt": _job("IN_DOUBT"),
    "job that failed": _job("FAILED"),
    "job that was complained of": _job("COMPLAINED"),
    "job that is inconsistent": _job("INCONSISTENT"),
    "queues": _at("/console/queues"),
    "dead letters": _at("/console/queues/dead-letters"),
    "dead letters, asked wrongly": _at("/console/queues/dead-letters?since=yesterday&tenant=nobody"),
    "dead letter of a job": _found(_LETTER.format("job")),
    "dead letter of a message": _found(_LETTER.format("message")),
    "replays": _at("/console/queues/replays"),
    "replay": _found(_REPLAY),
    "replay's plan": _at("/console/queues/replays/new?subject=job"),
    "suppressions": _at("/console/suppressions"),
    "suppressions of a tenant": _of_acme("/console/suppressions?tenant={tenant}"),
    "suppression": _found(_ENTRY.format("HARD_BOUNCE")),
    "suppression that stays": _found(_ENTRY.format("SPAM_COMPLAINT")),
    "import": _of_acme("/console/suppressions/import?tenant={tenant}"),
    "drift": _at("/console/drift"),
    "finding": _found(_FINDING.format("orphan_server")),
    "finding of a record": _found(_FINDING.format("dkim_mismatch")),
    "keys": _at("/console/keys"),
    "audit": _at("/console/audit"),
    "audit, asked wrongly": _at("/console/audit?subject=nobody"),
    "nothing": _at("/console/no/such/page"),
}
