"""Wiring: the only file that knows every concrete class."""

from dataclasses import dataclass

from shared.config.settings import Settings
from shared.ports.clock import Clock, NewId
from shared.ports.dns import DnsZone
from shared.ports.doorbell import Doorbell
from shared.ports.key_material import TokenCipher
from shared.ports.mail import EventReader, MailAccount, MailSender, SentMessages
from shared.ports.store import Store


@dataclass(frozen=True, slots=True)
class Container:
    """Everything a door may need, as ports. Built once a process."""

    settings: Settings
    clock: Clock
    new_id: NewId
    store: Store
    doorbell: Doorbell
    cipher: TokenCipher
    mail_account: MailAccount
    mail_sender: MailSender
    sent_messages: SentMessages
    event_reader: EventReader
    dns_zone: DnsZone
