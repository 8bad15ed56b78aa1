"""Rewrite the key that each webhook shows us, one configuration after the other, under its lease.

The rows tell what is left to do, so a rotation that was broken off goes on where it stopped. A webhook is only touched
when the routing token it carries is the one whose digest we keep: nobody else can say what it was.
"""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import (
    KeyMaterialError,
    OutcomeUnknown,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from shared.domain.webhook import WebhookSeen, fingerprint, routing_digest
from shared.ports.clock import NewId
from shared.ports.key_material import TokenCipher
from shared.ports.mail import STREAM, MailAccount, WebhookSpec
from shared.ports.store import Store

NEIGHBOUR = "postmark-webhooks"
_BEARER = "Bearer "
_TURN_PATIENCE_SECONDS = 60.0
# So many failures in a row are one failure, and not the configurations'.
HOPELESS = 5
# Somebody else works on a configuration: it is come back to after each of these.
WAITS_SECONDS = (5.0, 5.0, 10.0, 20.0, 30.0, 30.0)
_PAGE = 200


class Fate(StrEnum):
    REWRITTEN = "rewritten"
    # It showed the current key already: only our row did not know.
    CURRENT = "current"
    # A dry run: it would be rewritten.
    PLANNED = "planned"
    # Removed meanwhile, webhook and all.
    GONE = "gone"
    # Somebody else works on the configuration.
    BUSY = "busy"
    # The provider has no webhook of ours.
    MISSING = "missing"
    # It carries no routing token, or another than ours.
    FOREIGN = "foreign"
    # The server's token cannot be decrypted.
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    UNREACHED = "unreached"


DONE = frozenset({Fate.REWRITTEN, Fate.CURRENT, Fate.PLANNED, Fate.GONE})
ADVICE = {
    Fate.BUSY: "a worker has it: run the command again",
    Fate.MISSING: "the provider has no webhook with our url: run 'emailctl webhooks reinstall'",
    Fate.FOREIGN: "its routing token is not ours: not touched; see who changed it, then 'webhooks reinstall' it",
    Fate.UNREADABLE: "mount the key version that its server token names, then run the command again",
    Fate.REFUSED: "the provider will not have it: see code",
    Fate.UNREACHED: "run the command again; does the web server take the new key already?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationDeps:
    """`rate`: webhooks a second, by all operators together. `lease_seconds` outlasts all the calls for one."""

    store: Store
    mail: MailAccount
    cipher: TokenCipher
    new_id: NewId
    wait: Callable[[float], None]
    webhook_url: str
    api_key: str = field(repr=False)
    rate: float
    lease_seconds: float
    dry_run: bool = False

    @property
    def wanted(self) -> str:
        return fingerprint(self.api_key)


@dataclass(frozen=True, slots=True)
class Result:
    configuration_id: UUID
    fate: Fate
    code: str | None = None

    @property
    def failed(self) -> bool:
        return self.fate not in DONE


class _Stands(Exception):
    """This configuration cannot be rewritten, and why."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(fate.value)
        self.fate = fate


def candidates(deps: RotationDeps, *, limit: int | None) -> list[UUID]:
    """Configurations whose webhook does not show the current key, as far as the rows know."""
    found: list[UUID] = []
    while limit is None or len(found) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        with deps.store.begin() as tx:
            page = tx.webhook_keys.behind(deps.wanted, after=found[-1] if found else None, limit=size)
        found += page
        if len(page) < size:
            break
    return found


def rotate(ids: list[UUID], deps: RotationDeps) -> Iterator[Result]:
    """One result each. What somebody else holds is come back to; a row of failures ends it all."""
    left, in_a_row = ids, 0
    for wait_seconds in (*WAITS_SECONDS, None):
        busy = []
        for configuration_id in left:
            result = _one(configuration_id, deps)
            if result.fate is Fate.BUSY and wait_seconds is not None:
                busy.append(configuration_id)
                continue
            yield result
            in_a_row = in_a_row + 1 if result.fate in {Fate.REFUSED, Fate.UNREACHED} else 0
            if in_a_row == HOPELESS:
                return
        if wait_seconds is None or not busy:
            return
        left = busy
        deps.wait(wait_seconds)


def _one(configuration_id: UUID, deps: RotationDeps) -> Result:
    lease = deps.new_id()
    with deps.store.begin() as tx:
        if not tx.configurations.take_lease(configuration_id, token=lease, lease_seconds=deps.lease_seconds):
            return Result(configuration_id, Fate.BUSY)
        configuration = tx.configurations.get(configuration_id)
    assert configuration is not None, "a lease is on a row"
    try:
        return Result(configuration_id, _rewritten(configuration, lease, deps))
    except _Stands as obstacle:
        return Result(configuration_id, obstacle.fate)
    except KeyMaterialError:
        return Result(configuration_id, Fate.UNREADABLE)
    except ProviderRefused as refused:
        return Result(configuration_id, Fate.REFUSED, refused.code)
    except ProviderError as fault:
        return Result(configuration_id, Fate.UNREACHED, fault.code)
    finally:
        with deps.store.begin() as tx:
            tx.configurations.drop_lease(configuration_id, token=lease)


def _rewritten(configuration: EmailConfiguration, lease: UUID, deps: RotationDeps) -> Fate:
    envelope = configuration.provisioned.server_token
    if configuration.retired or configuration.provisioned.webhook_id is None or envelope is None:
        return Fate.GONE
    token = deps.cipher.decrypt(
        envelope, tenant_id=configuration.tenant_id, configuration_id=configuration.e_id
    )
    _take_turn(deps)
    behind = [hook for hook in _ours(configuration, token, deps) if api_key_of(hook) != deps.api_key]
    if behind and deps.dry_run:
        return Fate.PLANNED
    for hook in behind:
        _renew(configuration.e_id, lease, deps)
        _rewrite(hook, token, deps)
    if not deps.dry_run:
        with deps.store.begin() as tx:
            tx.webhook_keys.set(configuration.e_id, deps.wanted)
    return Fate.REWRITTEN if behind else Fate.CURRENT


def _ours(configuration: EmailConfiguration, token: str, deps: RotationDeps) -> list[WebhookSeen]:
    """All with our url: a second one posts as well, and would be turned away with the old key."""
    hooks = deps.mail.webhooks(token, url=deps.webhook_url, stream=STREAM)
    if not hooks:
        raise _Stands(Fate.MISSING)
    if not all(is_routed_to(configuration, hook) for hook in hooks):
        raise _Stands(Fate.FOREIGN)
    return hooks


def _rewrite(hook: WebhookSeen, token: str, deps: RotationDeps) -> None:
    """Raises `ProviderError` when it is not sure that the webhook shows the key now."""
    spec = WebhookSpec(
        url=deps.webhook_url, bearer=deps.api_key, routing_token=routing_token_of(hook), stream=STREAM
    )
    try:
        deps.mail.update_webhook(token, hook.webhook_id, spec)
    except (ProviderUnavailable, OutcomeUnknown):
        # It may have had its effect all the same: the webhook itself tells.
        seen = deps.mail.webhooks(token, url=deps.webhook_url, stream=STREAM)
        if all(api_key_of(one) != deps.api_key for one in seen if one.webhook_id == hook.webhook_id):
            raise


def _renew(configuration_id: UUID, lease: UUID, deps: RotationDeps) -> None:
    """Before each write: who waited for its turn for too long has lost the configuration to somebody else."""
    with deps.store.begin() as tx:
        if not tx.configurations.renew_lease(configuration_id, token=lease, lease_seconds=deps.lease_seconds):
            raise _Stands(Fate.BUSY)


def _take_turn(deps: RotationDeps) -> None:
    while True:
        with deps.store.begin() as tx:
            turn = tx.turns.take(NEIGHBOUR, per_second=deps.rate, patience_seconds=_TURN_PATIENCE_SECONDS)
        if turn.wait_seconds > 0:
            deps.wait(turn.wait_seconds)
        if turn.granted:
            return


def is_routed_to(configuration: EmailConfiguration, hook: WebhookSeen) -> bool:
    """Whether it carries the routing token whose digest we keep."""
    digest = routing_digest(routing_token_of(hook))
    return hmac.compare_digest(digest, configuration.routing_token_hash or b"")


def api_key_of(hook: WebhookSeen) -> str:
    return _header(hook, "Authorization").removeprefix(_BEARER)


def routing_token_of(hook: WebhookSeen) -> str:
    return _header(hook, "X-Email-Routing-Token")


def _header(hook: WebhookSeen, wanted: str) -> str:
    return next((value for name, value in hook.headers if name.lower() == wanted.lower()), "")
