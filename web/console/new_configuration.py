"""A configuration made by hand, as a service makes one through the API: by the same rules, and by the same function."""

from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.audit import checked_reason
from shared.domain.errors import Conflict
from shared.domain.naming import DEFAULT_LOCAL_PART
from web.console.asked import Asked
from web.console.pages import deed, done, page, render
from web.console.session import who
from web.intake import configuration as intake
from web.problems import Problem
from web.schemas import ConfigurationInput, validated

# What the API calls a field, and what the form does.
_FIELDS: Final = {
    "sendingDomainSlug": "slug",
    "signatureRequest.fromLocalPart": "local_part",
    "signatureRequest.fromName": "from_name",
    "signatureRequest.replyToEmail": "reply_to",
}


class NewConfigurationPage:
    def __init__(self, container: Container) -> None:
        self._zone_name = container.settings.mail_zone.name
        self._ports = intake.ConfigurationPorts(container.store, container.doorbell, container.new_id)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/configurations/new", endpoint="new_configuration")(self.ask)
        routes.post("/configurations/new", endpoint="make_configuration")(self.make)

    @page("A form for a new configuration")
    def ask(self) -> Response:
        """`tenant` of the query string is filled in."""
        asked = Asked({"tenant": request.args.get("tenant", ""), "local_part": DEFAULT_LOCAL_PART})
        for name in ("tenant", *_FIELDS.values(), "reason"):
            asked.text(name)
        return self._form(asked)

    @deed("Make a configuration")
    def make(self) -> Response:
        """PENDING and LOCKED. 400 with what has to be mended, 409 when the slug is taken: each at its field."""
        asked = Asked(request.form)
        tenant_id, wanted = _tenant(asked), _wanted(asked)
        why = asked.text("reason")
        asked.check("reason", lambda: checked_reason(why))
        if asked.faults or tenant_id is None or wanted is None:
            return self._form(asked, status=400)
        try:
            standing = intake.create(self._ports, tenant_id, who().name, wanted, reason=why)
        except Conflict:
            asked.faults["slug"] = "choose another: this one belongs to a configuration"
            return self._form(asked, status=409)
        made = standing.record.configuration
        said = f"{made.slug} is made. The next step is to provision it."
        return done(said, to=url_for("console.configuration", e_id=made.e_id))

    def _form(self, asked: Asked, *, status: int = 200) -> Response:
        return render("console/new_configuration.html", status, asked=asked, zone_name=self._zone_name)


def _tenant(asked: Asked) -> UUID | None:
    tenant_id = asked.id("tenant")
    if tenant_id is None:
        asked.faults.setdefault("tenant", "give the tenant's id")
    return tenant_id


def _wanted(asked: Asked) -> intake.NewConfiguration | None:
    """None when the rules of the API refuse it: each fault is at its field then."""
    signature = {
        "fromLocalPart": asked.text("local_part") or DEFAULT_LOCAL_PART,
        "fromName": asked.text("from_name"),
        "replyToEmail": asked.text("reply_to") or None,
    }
    sent = {"sendingDomainSlug": asked.text("slug"), "signatureRequest": signature}
    try:
        read = validated(ConfigurationInput, sent)
    except Problem as problem:
        for fault in problem.errors:
            asked.faults.setdefault(_FIELDS[fault.field], fault.advice)
        return None
    return intake.NewConfiguration(
        slug=read.sending_domain_slug,
        from_local_part=read.signature_request.from_local_part,
        from_name=read.signature_request.from_name,
        reply_to_email=read.signature_request.reply_to_email,
    )
