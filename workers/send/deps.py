"""What the send pool works with."""

from dataclasses import dataclass

from shared.domain.configuration import EmailConfiguration
from shared.messaging.messages import ResealToken
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.key_material import TokenCipher
from shared.ports.mail import MailSender, SentMessages
from shared.ports.store import Store
from workers.send.policy import SendPolicy

AUTHOR = "worker:send"


@dataclass(frozen=True, slots=True)
class SendDeps:
    store: Store
    sender: MailSender
    sent_messages: SentMessages
    cipher: TokenCipher
    doorbell: Doorbell
    new_id: NewId
    zone_name: str
    policy: SendPolicy

    def server_token(self, configuration: EmailConfiguration) -> str:
        """Raises `KeyMaterialError`."""
        envelope = configuration.provisioned.server_token
        assert envelope is not None, "a configuration that may send has a server"
        return self.cipher.decrypt(
            envelope, tenant_id=configuration.tenant_id, configuration_id=configuration.e_id
        )

    def ring_for_old_seal(self, configuration: EmailConfiguration) -> None:
        """A token that an older key version sealed is to be sealed anew. Not inside a transaction."""
        envelope = configuration.provisioned.server_token
        if envelope is not None and not self.cipher.is_current(envelope):
            self.doorbell.ring(ResealToken(configuration.e_id))
