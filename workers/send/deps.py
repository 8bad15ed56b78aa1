"""What the send pool works with."""

from dataclasses import dataclass

from shared.domain.configuration import EmailConfiguration
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
