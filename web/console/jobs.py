"""Jobs of all tenants, searched for. What was looked for is in no URL that names somebody."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response

from shared.bootstrap import Container
from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import InvalidValue
from shared.domain.job import EmailJob, JobStatus
from shared.ports.store import Transaction
from web.console.job import JobPage
from web.console.job_search import Question, question_of_form, question_of_url
from web.console.pages import page, render
from web.console.sign_in import redirect_to
from web.console.trail import trail_of

_LIMIT = 50
# Found by their status alone, whosever they are.
_FEW = (JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT, JobStatus.INCONSISTENT)


@dataclass(frozen=True, slots=True)
class Row:
    job: EmailJob
    slug: str


@dataclass(frozen=True, slots=True)
class _Found:
    rows: Sequence[Row]
    older_than: str | None


class JobPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._one = JobPage(container)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/jobs", endpoint="jobs")(self.list_jobs)
        routes.post("/jobs/search", endpoint="search_jobs")(self.search)
        self._one.add_to(routes)

    @page("Jobs that were searched for")
    def list_jobs(self) -> Response:
        return self._list(question_of_url())

    @page("A search for jobs")
    def search(self) -> Response:
        question = question_of_form()
        return self._list(question) if question.asked.faults else redirect_to(question.url())

    def _list(self, question: Question) -> Response:
        """400 with what has to be mended where the question cannot be read, or no index answers it."""
        asked = question.asked
        with self._store.begin() as tx:
            found = None if asked.faults or question.is_empty else _find(tx, question)
            now = tx.now()
        return render(
            "console/jobs.html",
            400 if asked.faults else 200,
            now=now,
            asked=asked,
            statuses=list(JobStatus),
            few=_FEW,
            rows=None if found is None else found.rows,
            trail=trail_of(asked, "before", found.older_than if found else None, question.url),
        )


def _find(tx: Transaction, question: Question) -> _Found | None:
    """None when the port refuses the search: then it is said at its field."""
    try:
        jobs = tx.views.jobs(question.wanted, before=question.before, limit=_LIMIT + 1)
    except InvalidValue as fault:
        question.refuse(fault)
        return None
    shown = jobs[:_LIMIT]
    held = {e_id: tx.configurations.get(e_id) for e_id in {job.configuration_id for job in shown}}
    rows = [Row(job, _slug(held[job.configuration_id])) for job in shown]
    return _Found(rows, str(shown[-1].e_id) if len(jobs) > _LIMIT else None)


def _slug(configuration: EmailConfiguration | None) -> str:
    assert configuration is not None, "configurations are never deleted"
    return configuration.slug
