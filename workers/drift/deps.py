"""What the drift pool needs. Both neighbours read only: there is nothing here to write to them with."""

from dataclasses import dataclass

from shared.ports.drift import MailInventory, ZoneInventory
from shared.ports.key_material import KeyVersions
from shared.ports.store import Store
from workers.drift.policy import DriftPolicy


@dataclass(frozen=True, slots=True)
class DriftDeps:
    store: Store
    mail: MailInventory
    zone: ZoneInventory
    keys: KeyVersions
    zone_name: str
    # Mail zones of other partitions in the same account.
    other_zones: tuple[str, ...]
    policy: DriftPolicy
