"""The pools' processes: `dramatiq workers.main:send --queues send`.

A role always names its queues: a Dramatiq worker otherwise consumes what it merely publishes to as well, and
dead-letters what it has no actor for.
"""

from collections.abc import Callable
from functools import partial

import dramatiq
from dramatiq import Broker

import workers.drift.actors
import workers.projection.actors
import workers.provisioning.actors
import workers.send.actors
from shared import config
from shared.bootstrap import Container, build, build_worker_broker, observe, traffic_writer
from shared.config.settings import Worker
from shared.domain.errors import StoreUnavailable
from shared.ports.dead_letters import HandlerFault
from shared.ports.store import Store
from shared.telemetry.metrics_server import Address, serve_pool
from workers.drift.deps import DriftDeps
from workers.drift.policy import DriftPolicy
from workers.drift.retention import RetentionDeps
from workers.projection.catch_up import CatchUpDeps
from workers.projection.handler import ProjectionDeps
from workers.projection.lifts import LiftDeps
from workers.projection.policy import CatchUpPolicy, ProjectionPolicy
from workers.provisioning.deps import ProvisioningDeps
from workers.provisioning.policy import ProvisioningPolicy
from workers.send.deps import SendDeps
from workers.send.policy import SendPolicy


def provisioning() -> None:
    _boot("provisioning", register_provisioning)


def send() -> None:
    _boot("send", register_send)


def projection() -> None:
    _boot("projection", register_projection)


def drift() -> None:
    _boot("drift", register_drift)


def register_provisioning(broker: Broker, container: Container) -> None:
    settings = container.settings
    deps = ProvisioningDeps(
        store=container.store,
        mail=container.mail_account,
        zone=container.dns_zone,
        cipher=container.cipher,
        doorbell=container.doorbell,
        new_id=container.new_id,
        policy=ProvisioningPolicy.of(settings),
        pause=container.pause,
        webhook_url=settings.webhook_url,
        webhook_bearer=settings.api_keys.current.get_secret_value(),
    )
    workers.provisioning.actors.register(broker, deps)


def register_send(broker: Broker, container: Container) -> None:
    deps = SendDeps(
        store=container.store,
        sender=container.mail_sender,
        sent_messages=container.sent_messages,
        cipher=container.cipher,
        doorbell=container.doorbell,
        new_id=container.new_id,
        zone_name=container.settings.mail_zone.name,
        policy=SendPolicy.of(container.settings.send),
    )
    workers.send.actors.register(broker, deps)


def register_projection(broker: Broker, container: Container) -> None:
    deps = ProjectionDeps(
        store=container.store,
        doorbell=container.doorbell,
        policy=ProjectionPolicy.of(container.settings.projection),
    )
    policy = CatchUpPolicy.of(container.settings.callbacks)
    catching_up = CatchUpDeps(
        store=container.store,
        history=container.event_history,
        reader=container.event_reader,
        cipher=container.cipher,
        pace=container.history_pace,
        doorbell=container.doorbell,
        new_id=container.new_id,
        policy=policy,
    )
    lifting = LiftDeps(
        store=container.store,
        suppression_list=container.suppression_list,
        cipher=container.cipher,
        doorbell=container.doorbell,
        policy=policy,
    )
    workers.projection.actors.register(broker, deps, catching_up, lifting)


def register_drift(broker: Broker, container: Container) -> None:
    settings = container.settings
    deps = DriftDeps(
        store=container.store,
        mail=container.mail_inventory,
        zone=container.zone_inventory,
        keys=container.key_versions,
        zone_name=settings.mail_zone.name,
        other_zones=settings.drift.other_zones,
        policy=DriftPolicy.of(settings.drift),
    )
    retention = settings.retention
    keeping = RetentionDeps(
        store=container.store,
        doorbell=container.doorbell,
        keep_days=retention.keep_days,
        slice_rows=retention.slice_rows,
        pause_seconds=retention.pause_seconds,
        lease_seconds=retention.lease_seconds,
        pause=container.pause,
    )
    workers.drift.actors.register(broker, deps, keeping)


POOLS: dict[str, Callable[[Broker, Container], None]] = {
    "provisioning": register_provisioning,
    "send": register_send,
    "projection": register_projection,
    "drift": register_drift,
}


def _boot(role: str, register: Callable[[Broker, Container], None]) -> None:
    """What the dramatiq command line calls in each worker process; it takes the broker set here."""
    settings = config.read()
    observe(settings, role)
    container = build(settings, role)
    broker = build_worker_broker(settings, partial(_keep, store=container.store, settings=settings.worker))
    dramatiq.set_broker(broker)
    register(broker, container)
    serve_pool(Address(settings.metrics.host, settings.metrics.port))
    traffic_writer(container.store).start()


def _keep(fault: HandlerFault, store: Store, settings: Worker) -> None:
    """What comes again and again is a dead letter; that the database does not answer will pass."""
    if fault.error_class == StoreUnavailable.__name__:
        return
    with store.begin() as tx:
        tx.dead_letters.count_fault(
            fault, dead_after=settings.dead_after, forget_after_seconds=settings.forget_after_seconds
        )
