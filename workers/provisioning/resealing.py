"""Seal a server token anew that an older key version sealed. Nothing outside the database is asked."""

from uuid import UUID

from shared.domain.errors import KeyMaterialError
from shared.telemetry.callbacks import record_resealed
from workers.provisioning.deps import ProvisioningDeps


def reseal_token(configuration_id: UUID, deps: ProvisioningDeps) -> None:
    """The token stays the same, so whoever reads the old envelope meanwhile sends with it all the same.

    What cannot be opened, for its version is not mounted, stays as it is and is told of: `keys status` lists it.
    """
    with deps.store.begin() as tx:
        token = tx.sealed_tokens.get(configuration_id)
    if token is None:
        return
    try:
        if deps.cipher.is_current(token.envelope):
            return
        plaintext = deps.cipher.decrypt(
            token.envelope, tenant_id=token.tenant_id, configuration_id=configuration_id
        )
        envelope = deps.cipher.encrypt(
            plaintext, tenant_id=token.tenant_id, configuration_id=configuration_id
        )
    except KeyMaterialError as fault:
        record_resealed(configuration_id, outcome="unreadable", error=type(fault).__name__)
        return
    with deps.store.begin() as tx:
        written = tx.sealed_tokens.reseal(token, envelope)
    record_resealed(configuration_id, outcome="resealed" if written else "overtaken")
