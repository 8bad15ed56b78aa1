"""`emailctl drift servers`: the provider's servers, ours by their names or not. Asks the provider; reads the rows."""

from collections.abc import Iterator, Sequence
from typing import Final

import click

from shared.bootstrap import Container
from shared.cli.options import shows
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session
from shared.domain.drift import ServerListed
from shared.domain.naming import slug_of_server

_COLUMNS: Final = (
    Column("serverId", "SERVER"),
    Column("name", "NAME"),
    Column("slug", "SLUG"),
    Column("configurationEId", "CONFIGURATION"),
)
_OTHERS: Final = _COLUMNS[:2]


@click.command()
@click.option("--others", is_flag=True, help="Those that are not of this partition's pattern.")
@shows
@pass_session
def servers(session: Session, *, others: bool) -> None:
    """List the account's servers that are named as this partition names its own, each with its configuration.

    Those with --others belong to other partitions, to other uses of the account, or are left over from tests: nothing
    of ours touches them. A name that fits and has no configuration is what 'drift run postmarkInventory' reports.

    \b
    Examples:
      emailctl drift servers
      emailctl drift servers --others -o json
    """
    container = session.container()
    rows: list[Row] = []
    with session.out.progress("listing servers") as advance:
        for page in container.mail_inventory.server_pages():
            rows += _others(page, container) if others else _ours(page, container)
            advance(len(page))
    session.out.rows(_OTHERS if others else _COLUMNS, rows, empty="No such server.")


def _ours(page: Sequence[ServerListed], container: Container) -> Iterator[Row]:
    slugs = {server: slug for server in page if (slug := _slug(server, container)) is not None}
    with container.store.begin() as tx:
        held = tx.drift_rows.by_slug(slugs.values())
    for server, slug in slugs.items():
        configuration = held.get(slug)
        accounted = configuration is not None and configuration.provisioned.server_id == server.server_id
        yield {
            "serverId": server.server_id,
            "name": server.name,
            "slug": slug,
            "configurationEId": configuration.e_id if configuration and accounted else None,
        }


def _others(page: Sequence[ServerListed], container: Container) -> Iterator[Row]:
    return (
        {"serverId": server.server_id, "name": server.name}
        for server in page
        if _slug(server, container) is None
    )


def _slug(server: ServerListed, container: Container) -> str | None:
    settings = container.settings
    return slug_of_server(server.name, settings.mail_zone.name, other_zones=settings.drift.other_zones)
