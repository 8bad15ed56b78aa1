"""Keys on their way from one to the next: who shows which API key, and which key version sealed which tokens."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request, url_for

from shared import rotating
from shared.bootstrap import Container
from shared.domain.audit import OperatorAction
from shared.domain.errors import Conflict, StoreUnavailable
from shared.ports.sealed_tokens import VersionUse
from shared.ports.store import Transaction
from shared.rotating import ENCRYPTION_KEY, Keys, KeyVersionPorts, Rung
from web.console.pages import deed, done, page, reason, render
from web.console.parts import Parts
from web.console.session import who
from web.intake.keys import ApiKey, api_keys_of

# While tokens are sealed anew.
_WATCH_SECONDS = 5
_NAMELESS = "(no version: not an envelope of ours)"


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """`may_be_dropped`, the previous one, is None where there is none; `objections` say why not."""

    rows: Sequence[ApiKey]
    may_be_dropped: bool | None
    objections: Sequence[str]
    behind: int


@dataclass(frozen=True, slots=True)
class Version:
    """`standing`: current, mounted, or not mounted. One that is mounted and that nothing needs may go."""

    name: str
    standing: str
    tokens: int
    oldest: datetime | None

    @property
    def may_go(self) -> bool:
        return self.standing == "mounted" and not self.tokens


@dataclass(frozen=True, slots=True)
class Versions:
    """`readable`: whether the mounted file can be used as it is now; what was read before stays in use if not."""

    rows: Sequence[Version]
    current: str | None
    readable: bool

    @property
    def tokens(self) -> int:
        return sum(version.tokens for version in self.rows)

    @property
    def behind(self) -> int:
        return sum(version.tokens for version in self.rows if version.standing != "current")

    @property
    def missing(self) -> list[str]:
        return [version.name for version in self.rows if version.standing == "not mounted"]

    @property
    def why_not(self) -> str:
        """Why nothing is to be sealed anew; empty when something is."""
        if self.current is None:
            return "No key material is mounted: nothing can be sealed."
        return "" if self.behind else "The current version sealed every token."


class KeyPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._new_id = container.new_id
        self._api_keys = container.settings.api_keys
        self._ports = KeyVersionPorts(container.store, container.doorbell, container.key_versions)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/keys", endpoint="keys")(self.show)
        routes.post("/keys/rewrap", endpoint="rewrap")(self.rewrap)

    @page("API keys and key versions")
    def show(self) -> Response:
        """503 when nothing at all could be read."""
        parts = Parts(self._store)
        api_keys = parts.read("API keys", self._shown)
        self._ports.key_versions.look()
        readable = self._ports.key_versions.mounted() is not None
        versions = parts.read("Key versions", lambda tx: self._versions(tx, readable=readable))
        if parts.none_was_read():
            raise StoreUnavailable
        moves = versions.value is not None and not versions.value.why_not
        return render(
            "console/keys.html", api_keys=api_keys, versions=versions, watch=_WATCH_SECONDS if moves else 0
        )

    @deed("Seal every token by the current key version")
    def rewrap(self) -> Response:
        """Conflict when another version is current by now than the one that was looked at."""
        author, why = who().name, reason()
        current = self._ports.key_versions
        current.look()
        version = current.current_version
        if version is None or version != request.form.get("version"):
            raise Conflict("another key version is current by now")
        self._keep(author, why)
        return done(_told(rotating.seal_anew(self._ports, version), version), to=url_for("console.keys"))

    def _keep(self, author: str, why: str) -> None:
        """Before the first ring: a ring cannot be taken back, and whoever seals does not know who asked."""
        with self._store.begin() as tx:
            action = OperatorAction(
                e_id=self._new_id(),
                tenant_id=None,
                action="keys.rewrap",
                subject_id=ENCRYPTION_KEY,
                author=author,
                reason=why,
                at=tx.now(),
            )
            tx.audit.keep(action)

    def _shown(self, tx: Transaction) -> ApiKeys:
        current, previous = self._api_keys.current, self._api_keys.previous
        keys = Keys.of(
            current.get_secret_value(), previous.get_secret_value() if previous is not None else None
        )
        webhooks = tx.webhook_keys.count()
        against = rotating.objections(keys, webhooks, tx.key_uses.all(), tx.now()) if keys.previous else []
        return ApiKeys(
            api_keys_of(tx, self._api_keys.valid()),
            None if keys.previous is None else not against,
            against,
            sum(count for name, count in webhooks.items() if name != keys.current),
        )

    def _versions(self, tx: Transaction, *, readable: bool) -> Versions:
        uses, mounted = tx.sealed_tokens.uses(), self._ports.key_versions.versions
        current = self._ports.key_versions.current_version
        rows = [_version(name, uses.get(name), current, mounted) for name in sorted({*mounted, *uses})]
        return Versions(rows, current, readable)


def _version(name: str, use: VersionUse | None, current: str | None, mounted: Collection[str]) -> Version:
    standing = rotating.version_is(name, current, mounted=name in mounted)
    return Version(name or _NAMELESS, standing, use.rows if use else 0, use.oldest if use else None)


def _told(rung: Rung, version: str) -> str:
    if not rung.rung:
        return f"Tokens that wait for {version}: {rung.behind:,}. The broker is away; they are rung for again later."
    return f"Tokens being sealed anew by {version}: {rung.behind:,}."
