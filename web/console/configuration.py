"""One configuration: its two states, its facts, its story, and the signals that steer it."""

from datetime import datetime, timedelta
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.configuration import EmailConfiguration, Verdict
from shared.domain.errors import CiphertextInvalid, Conflict, InvalidValue, NotFound
from shared.domain.lifecycle import SIGNALS, Trigger
from shared.domain.naming import Names, names_for
from shared.ports.store import Transaction
from web.console.asked import Asked, in_url
from web.console.configuration_parts import Shown, read_parts
from web.console.configuration_words import waits
from web.console.pages import deed, done, page, reason, render
from web.console.session import who
from web.console.signals import DESTROYING, Ground, Signal, signals_of, why_not
from web.console.trail import Where, trail_of
from web.console.versions import shown_version
from web.intake import configuration as intake
from web.verification import verification_of

_RENEWAL_SECONDS = 10
_OTHER_VERSION = "It is not as you looked at it any more. Nothing was done."


class ConfigurationPage:
    def __init__(self, container: Container) -> None:
        settings = container.settings
        self._store = container.store
        self._cipher = container.cipher
        self._zone_name = settings.mail_zone.name
        self._valid_keys = settings.api_keys.valid()
        self._window = timedelta(hours=settings.polling_timeout_hours)
        self._interval = timedelta(seconds=settings.polling_interval_seconds)
        # One look that was missed is no news.
        self._look_stale_seconds = 2 * 60 * settings.callbacks.check_minutes
        self._ports = intake.ConfigurationPorts(container.store, container.doorbell, container.new_id)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/configurations/<uuid:e_id>", endpoint="configuration")(self.show)
        routes.post("/configurations/<uuid:e_id>/signal/<signal>", endpoint="signal")(self.signal)

    @page("A configuration, and what may be done with it")
    def show(self, e_id: UUID) -> Response:
        return self._show(e_id)

    def _show(self, e_id: UUID, *, refused: str = "") -> Response:
        """`refused`: why a signal was not carried out. It is a 409 then, with what holds now."""
        # A time that cannot be read is none: the newest is shown.
        asked = Asked(request.args)
        before = asked.moment("before")
        with self._store.begin() as tx:
            held, now = found_configuration(tx, e_id), tx.now()
        shown = read_parts(self._store, held, before=before, valid_keys=self._valid_keys)
        names = names_for(held.slug, held.from_local_part, self._zone_name)
        checked = shown.checked.value
        return render(
            "console/configuration.html",
            409 if refused else 200,
            now=now,
            held=held,
            names=names,
            shown=shown,
            refused=refused,
            key_version=self._key_version(held),
            waits_for=_waits_for(held, shown, now),
            verification=verification_of(checked, window=self._window) if checked else None,
            window_ends_at=held.verification_started_at and held.verification_started_at + self._window,
            signals=self._signals(names, shown),
            look_stale_seconds=self._look_stale_seconds,
            trail=trail_of(asked, "before", _older_than(shown), lambda where: _url(e_id, where)),
            renewal_seconds=0 if refused or _is_past(held, before) else _RENEWAL_SECONDS,
        )

    def _key_version(self, held: EmailConfiguration) -> str | None:
        """None where there is no token."""
        token = held.provisioned.server_token
        try:
            return None if token is None else self._cipher.version_of(token)
        except CiphertextInvalid:
            return "unknown: what is kept is no envelope of ours"

    def _signals(self, names: Names, shown: Shown) -> list[Signal]:
        if shown.standing.value is None:
            return []
        in_flight = shown.in_flight.value
        return signals_of(Ground(shown.standing.value, names, in_flight, self._window, self._interval))

    @deed("Send a signal to a configuration")
    def signal(self, e_id: UUID, signal: str) -> Response:
        if signal not in SIGNALS:
            raise NotFound
        trigger, author, why, expected = Trigger(signal), who().name, reason(), shown_version()
        with self._store.begin() as tx:
            held = found_configuration(tx, e_id)
        if trigger in DESTROYING and request.form.get("slug", "").strip() != held.slug:
            raise InvalidValue("slug", f"type the slug of what you mean to {trigger.value}")
        try:
            signalled = intake.signal(
                self._ports,
                held.tenant_id,
                e_id,
                trigger,
                author=author,
                reason=why,
                expected_versions=[expected],
            )
        except (intake.OtherVersion, Conflict):
            return self._show(e_id, refused=_OTHER_VERSION)
        assert signalled is not None, "configurations are never deleted"
        return self._told(signalled, trigger)

    def _told(self, signalled: intake.Signalled, trigger: Trigger) -> Response:
        held = signalled.standing.record.configuration
        if signalled.decision.verdict is Verdict.REFUSED:
            return self._show(held.e_id, refused=f"{why_not(signalled.decision.reason)} Nothing was done.")
        to = url_for("console.configuration", e_id=held.e_id)
        if signalled.decision.verdict is Verdict.UNCHANGED:
            said = f"{why_not(signalled.decision.reason)} Nothing was changed."
            return done(said, to=to, category="info")
        states = f"{held.operational.value} and {held.administrative.value}"
        removed = ", and removed" if held.retired else ""
        follows = " Work follows." if signalled.rung else ""
        return done(f"{held.slug}: {trigger.value} is done. It is {states}{removed}.{follows}", to=to)


def found_configuration(tx: Transaction, e_id: UUID) -> EmailConfiguration:
    """Raises `NotFound`."""
    held = tx.configurations.get(e_id)
    if held is None:
        raise NotFound
    return held


def _waits_for(held: EmailConfiguration, shown: Shown, now: datetime) -> str:
    checked, counts = shown.checked.value, shown.in_flight.value
    last = checked.runs[0] if checked and checked.runs else None
    return waits(held, last, in_flight=sum(counts.values()) if counts else None, now=now)


def _older_than(shown: Shown) -> str | None:
    story = shown.story.value
    return None if story is None or story.older_than is None else in_url(story.older_than)


def _url(e_id: UUID, where: Where) -> str:
    return url_for("console.configuration", e_id=e_id, **where, _anchor="story-title")


def _is_past(held: EmailConfiguration, before: datetime | None) -> bool:
    """What is shown does not change any more."""
    return before is not None or held.cleaned_up_at is not None
