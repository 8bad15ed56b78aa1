"""`emailctl tenant`: what concerns the whole of one tenant. Works on the rows."""

from collections.abc import Iterator
from uuid import UUID

import click

from shared.cli.exits import Absent, Found
from shared.cli.options import asks, confirm, gives_reason, shows, writes
from shared.cli.output import Column, Output, Row
from shared.cli.rebuild import Operator, RebuildDeps, Slice, rebuild_jobs, rebuild_suppressions
from shared.cli.session import Session, pass_session
from shared.domain.query import Query
from shared.domain.rebuild import AddressDifference, JobDifference
from shared.ports.store import Store

_JOBS = (Column("jobEId", "JOB"), Column("is", "IS"), Column("shouldBe", "SHOULD BE"))
_ADDRESSES = (Column("address", "ADDRESS"), Column("is", "IS"), Column("shouldBe", "SHOULD BE"))
_NOT_SUPPRESSED = "not suppressed"


@click.group()
def tenant() -> None:
    """What concerns the whole of one tenant."""


@tenant.command()
@click.argument("tenant_id", metavar="TENANT", type=click.UUID)
@click.option("--apply", is_flag=True, help="Write what differs; without it nothing is changed.")
@click.option("--jobs", "only_jobs", is_flag=True, help="Only the status of jobs.")
@click.option("--suppressions", "only_suppressions", is_flag=True, help="Only the suppressed addresses.")
@writes
@gives_reason
@asks
@shows
@pass_session
def rebuild(
    session: Session, tenant_id: UUID, *, apply: bool, only_jobs: bool, only_suppressions: bool, yes: bool
) -> None:
    """Make the status of TENANT's jobs and its suppressions anew from all that was ever told; show what differs.

    A dry run, unless --apply is given. Nothing of the tenant is projected while a slice is looked at. A dry run that
    finds a difference ends with 8; an event that came in a moment ago may be one, so look twice.

    \b
    Examples:
      emailctl tenant rebuild 7e4a0000-0000-4000-8000-000000000001
      emailctl tenant rebuild 7e4a0000-0000-4000-8000-000000000001 --jobs -o json
      emailctl tenant rebuild 7e4a0000-0000-4000-8000-000000000001 --apply --reason "incident 12"
    """
    operator = Operator(session.author, session.reason) if apply else None
    container = session.container()
    _require(container.store, tenant_id)
    if apply:
        confirm(session, "Rows that differ from the log will be written over. Go on?", yes=yes)
    deps = RebuildDeps(container.store, container.new_id, operator)
    jobs, addresses = only_jobs or not only_suppressions, only_suppressions or not only_jobs
    found = Slice(0)
    if jobs:
        found = _walk(session.out, "jobs", rebuild_jobs(tenant_id, deps), found)
    if addresses:
        found = _walk(session.out, "addresses", rebuild_suppressions(tenant_id, deps), found)
    _tell(session.out, found, applied=apply)


def _require(store: Store, tenant_id: UUID) -> None:
    with store.begin() as tx:
        if not tx.configurations.query(tenant_id, Query(size=1)).rows:
            raise Absent("There is no such tenant: none of the configurations is its own.")


def _walk(out: Output, what: str, slices: Iterator[Slice], found: Slice) -> Slice:
    with out.progress(f"looking at {what}") as advance:
        for some in slices:
            found = Slice(
                found.looked_at + some.looked_at, found.jobs + some.jobs, found.addresses + some.addresses
            )
            advance(some.looked_at)
    return found


def _tell(out: Output, found: Slice, *, applied: bool) -> None:
    jobs, addresses = list(map(_job, found.jobs)), list(map(_address, found.addresses))
    if not out.for_people:
        out.value({"lookedAt": found.looked_at, "applied": applied, "jobs": jobs, "suppressions": addresses})
    if out.for_people and jobs:
        out.table(_JOBS, jobs)
    if out.for_people and addresses:
        out.table(_ADDRESSES, [{**row, **_for_people(row)} for row in addresses])
    differences = len(jobs) + len(addresses)
    out.say(
        f"{found.looked_at} looked at, {differences} differ{' and were mended' if applied and differences else ''}."
    )
    if differences and not applied:
        raise Found("Nothing was changed: --apply mends what differs.")


def _job(difference: JobDifference) -> Row:
    return {
        "jobEId": difference.job.e_id,
        "is": difference.job.status.value,
        "shouldBe": difference.should_be.value,
    }


def _address(difference: AddressDifference) -> Row:
    """None: not suppressed."""
    return {"address": difference.address, "is": difference.held, "shouldBe": difference.reason_told}


def _for_people(row: Row) -> Row:
    return {name: row[name] or _NOT_SUPPRESSED for name in ("is", "shouldBe")}
