"""Addresses that a tenant must not mail: looked for, put on the list by hand, and lifted.

An address is in no URL: it is looked for by a form, and is sealed in the URL that the form leads to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.audit import OperatorAction
from shared.domain.errors import InvalidValue, NotFound
from shared.domain.suppression import SuppressionReason, checked_address
from shared.ports.operators import ConfigurationSearch, SuppressionSearch
from shared.ports.store import Store
from web.console.asked import Asked
from web.console.pages import deed, done, page, reason, render
from web.console.sealing import opened, sealed
from web.console.session import who
from web.console.sign_in import redirect_to
from web.console.trail import Where, trail_of
from web.intake import suppression as intake
from web.intake.suppression import ComplaintStays, Listed, SuppressionPorts
from web.problems import Problem

_LIMIT = 50
COMPLAINT_STAYS = (
    "The recipient complained of spam: the provider takes nothing to this address any more, whatever we say."
)


class Standing(StrEnum):
    ON = "on the list"
    LIFTED = "lifted"
    BOTH = "both"


_ACTIVE = {Standing.ON: True, Standing.LIFTED: False, Standing.BOTH: None}


@dataclass(frozen=True, slots=True)
class Found:
    rows: Sequence[Listed]
    following: str | None


class SuppressionPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._ports = SuppressionPorts(container.store, container.doorbell, container.new_id)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/suppressions", endpoint="suppressions")(self.show)
        routes.post("/suppressions/search", endpoint="search_suppressions")(self.search)
        routes.post("/suppressions", endpoint="add_suppression")(self.add)
        routes.get("/suppressions/<uuid:tenant_id>/<uuid:e_id>", endpoint="suppression")(self.show_one)
        routes.post("/suppressions/<uuid:tenant_id>/<uuid:e_id>/lift", endpoint="lift")(self.lift)

    @page("Suppressed addresses")
    def show(self) -> Response:
        """400 with what has to be mended where the question cannot be read."""
        asked = Asked(request.args)
        wanted, after = self._wanted(asked), asked.id("after")
        found = asked.check("address", lambda: self._find(wanted, after)) if _is_asked(asked) else None
        return render(
            "console/suppressions.html",
            400 if asked.faults else 200,
            asked=asked,
            address=wanted.address,
            found=found,
            reasons=list(SuppressionReason),
            standings=list(Standing),
            trail=trail_of(
                asked, "after", found.following if found else None, lambda where: _url(asked, where)
            ),
        )

    @page("Look for a suppressed address")
    def search(self) -> Response:
        asked = Asked(request.form)
        address = asked.text("address")
        kept = {name: asked.text(name) or None for name in ("tenant", "reason", "standing")}
        words = sealed({"address": address}) if address else None
        return redirect_to(url_for("console.suppressions", search=words, **_any(kept)))

    @page("A suppressed address")
    def show_one(self, tenant_id: UUID, e_id: UUID) -> Response:
        with self._store.begin() as tx:
            entry, deeds, now = tx.suppressions.get(tenant_id, e_id), tx.audit.of(e_id), tx.now()
            listed = intake.listed(tx, [entry] if entry else [])
        if not listed:
            raise NotFound
        return render(
            "console/suppression.html",
            now=now,
            listed=listed[0],
            entry=listed[0].entry,
            deeds=[_entry(one) for one in reversed(deeds)],
            why_not=_why_not(listed[0]),
        )

    @deed("Put an address on a tenant's list")
    def add(self) -> Response:
        author, why, asked = who().name, reason(), Asked(request.form)
        tenant_id = known_tenant(self._store, asked.id("tenant"))
        address = checked_address(asked.text("address"), "address")
        asked.require()
        added = intake.add(self._ports, tenant_id, author, address, why, why=why)
        said = (
            "It is on the list now." if added.created else "It was on the list already: nothing was changed."
        )
        to = url_for("console.suppression", tenant_id=tenant_id, e_id=added.listed.entry.e_id)
        return done(said, to=to, category="success" if added.created else "info")

    @deed("Take an address off a tenant's list")
    def lift(self, tenant_id: UUID, e_id: UUID) -> Response:
        author, why = who().name, reason()
        lifted = intake.lift(self._ports, tenant_id, e_id, author=author, note=why, why=why)
        if lifted is None:
            raise NotFound
        if isinstance(lifted, ComplaintStays):
            raise Problem("complaint_stays", COMPLAINT_STAYS)
        said = "It is lifted here. What the provider says of it is below, once it has answered."
        return done(said, to=url_for("console.suppression", tenant_id=tenant_id, e_id=e_id))

    def _find(self, wanted: SuppressionSearch, after: UUID | None) -> Found:
        rows = intake.search(self._ports, wanted, after=after, limit=_LIMIT + 1)
        shown = rows[:_LIMIT]
        return Found(shown, str(shown[-1].entry.e_id) if len(rows) > _LIMIT else None)

    def _wanted(self, asked: Asked) -> SuppressionSearch:
        standing = asked.one_of("standing", Standing) or Standing.ON
        return SuppressionSearch(
            address=_address(asked),
            tenant_id=asked.id("tenant"),
            reason=asked.one_of("reason", SuppressionReason),
            active=_ACTIVE[standing],
        )


def known_tenant(store: Store, tenant_id: UUID | None) -> UUID:
    """Raises `InvalidValue` for a tenant without a configuration: a list of its own would help nobody."""
    if tenant_id is None:
        raise InvalidValue("tenant", "give the tenant's id")
    with store.begin() as tx:
        for retired in (False, True):
            wanted = ConfigurationSearch(text=str(tenant_id), retired=retired)
            found = tx.views.configurations(wanted, before=None, limit=_LIMIT)
            if any(one.tenant_id == tenant_id for one in found):
                return tenant_id
    raise InvalidValue("tenant", "there is no configuration of this tenant: look at its id again")


def _is_asked(asked: Asked) -> bool:
    """An address or a tenant, and nothing to mend: else there is nothing to look for yet."""
    return not asked.faults and bool(asked.sent["search"] or asked.sent["tenant"])


def _address(asked: Asked) -> str:
    token = asked.text("search")
    if "search" in asked.faults:
        asked.faults["address"] = "give an address: this is too long for one"
    if not token:
        return ""
    words = opened(token)
    if words is None:
        asked.faults["address"] = "give it once more: the link is from before the console's keys were changed"
        return ""
    return words.get("address", "")


def _why_not(listed: Listed) -> str:
    if not listed.entry.active:
        return "It is lifted already."
    return COMPLAINT_STAYS if listed.entry.reason is SuppressionReason.SPAM_COMPLAINT else ""


def _url(asked: Asked, where: Where) -> str:
    kept = {name: asked.sent[name] or None for name in ("search", "tenant", "reason", "standing")}
    return url_for("console.suppressions", **_any(kept), **where)


def _any(values: dict[str, str | None]) -> dict[str, Any]:
    """For `url_for`, whose own options are among its keywords."""
    return dict(values)


def _entry(action: OperatorAction) -> dict[str, object]:
    """For a timeline."""
    return {"at": action.at, "title": action.action, "author": action.author, "text": action.reason}
