"""What the provisioning pool works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.domain.configuration import EmailConfiguration
from shared.domain.naming import Names, names_for
from shared.messaging.messages import ResealToken
from shared.ports.clock import NewId
from shared.ports.dns import DnsZone
from shared.ports.doorbell import Doorbell
from shared.ports.key_material import TokenCipher
from shared.ports.mail import MailAccount
from shared.ports.store import Store
from workers.provisioning.policy import ProvisioningPolicy

AUTHOR = "worker:provisioning"


@dataclass(frozen=True, slots=True)
class ProvisioningDeps:
    store: Store
    mail: MailAccount
    zone: DnsZone
    cipher: TokenCipher
    doorbell: Doorbell
    new_id: NewId
    policy: ProvisioningPolicy
    # Waits for so many seconds, or for a second.
    pause: Callable[[float], None]
    # Where the provider reaches us, and the key it shows there.
    webhook_url: str
    webhook_bearer: str = field(repr=False)
    monotonic: Callable[[], float] = time.monotonic

    def names(self, configuration: EmailConfiguration) -> Names:
        return names_for(configuration.slug, configuration.from_local_part, self.zone.name)

    def server_token(self, configuration: EmailConfiguration) -> str:
        """Raises `KeyMaterialError`. One that an older key version sealed is rung for, to be sealed anew."""
        envelope = configuration.provisioned.server_token
        assert envelope is not None, "the step before this one keeps the token"
        token = self.cipher.decrypt(
            envelope, tenant_id=configuration.tenant_id, configuration_id=configuration.e_id
        )
        if not self.cipher.is_current(envelope):
            self.doorbell.ring(ResealToken(configuration.e_id))
        return token
