"""Wiring: the only file that knows every concrete class."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from dramatiq.brokers.redis import RedisBroker

from shared.config.settings import Settings
from shared.gateways.key_material.cipher import AesGcmCipher
from shared.gateways.key_material.registry import MaterialRegistry, Refresh
from shared.gateways.postmark.account import PostmarkAccount
from shared.gateways.postmark.events import PostmarkEvents
from shared.gateways.postmark.history import PostmarkHistory
from shared.gateways.postmark.inventory import PostmarkInventory
from shared.gateways.postmark.search import PostmarkSearch
from shared.gateways.postmark.sender import PostmarkSender
from shared.gateways.postmark.suppressions import PostmarkSuppressions
from shared.gateways.postmark.taken import PostmarkTaken
from shared.gateways.postmark.wire import PostmarkSettings, Wire
from shared.gateways.route53.client import make_route53_client, route53_client_when_used
from shared.gateways.route53.inventory import Route53Inventory
from shared.gateways.route53.zone import Route53Zone
from shared.gateways.system.clock import SystemClock
from shared.gateways.system.pace import SharedPace
from shared.gateways.system.pause import pause
from shared.messaging.background import BackgroundDoorbell
from shared.messaging.broker import BrokerSettings, build_broker, build_doorbell
from shared.messaging.watch import WatchSettings
from shared.persistence.arrivals import PostgresArrivals
from shared.persistence.condition import PostgresLook
from shared.persistence.engine import make_engine
from shared.persistence.ids import new_id
from shared.persistence.leadership import AdvisoryLeadership
from shared.persistence.unit_of_work import PostgresStore
from shared.ports.arrivals import Arrivals
from shared.ports.clock import Clock, NewId
from shared.ports.database import LeadLook
from shared.ports.dead_letters import HandlerFault
from shared.ports.dns import DnsZone
from shared.ports.doorbell import Doorbell
from shared.ports.drift import MailInventory, ZoneInventory
from shared.ports.key_material import KeyVersions, TokenCipher
from shared.ports.leadership import Leadership
from shared.ports.mail import (
    EventHistory,
    EventReader,
    MailAccount,
    MailSender,
    SentMessages,
    SuppressionList,
    TakenMessages,
)
from shared.ports.pace import Pace
from shared.ports.store import Store
from shared.telemetry.errors import configure_errors
from shared.telemetry.fault_points import arm, plan_of
from shared.telemetry.logging import configure_logging
from shared.telemetry.metrics import (
    record_fault_point,
    record_registry_added,
    record_registry_unreadable,
    record_role,
)
from shared.telemetry.traffic import Counts, Writer

# A thread may wait so long for its turn at a neighbour; who would have to wait longer comes back later.
TURN_PATIENCE_SECONDS = 2.0
# But a drift check has time: it would rather wait than say that it could not tell.
CHECK_PATIENCE_SECONDS = 30.0

# Those that call Route 53 have its client from the start; the others never import boto3.
_ROUTE53_ROLES = frozenset({"provisioning", "drift"})


@dataclass(frozen=True, slots=True)
class Container:
    """Everything a door may need, as ports. Built once a process."""

    settings: Settings
    clock: Clock
    new_id: NewId
    store: Store
    arrivals: Arrivals
    leadership: Leadership
    lead_look: LeadLook
    doorbell: Doorbell
    cipher: TokenCipher
    key_versions: KeyVersions
    mail_account: MailAccount
    mail_sender: MailSender
    sent_messages: SentMessages
    taken_messages: TakenMessages
    event_reader: EventReader
    event_history: EventHistory
    history_pace: Pace
    suppression_list: SuppressionList
    dns_zone: DnsZone
    mail_inventory: MailInventory
    zone_inventory: ZoneInventory
    pause: Callable[[float], None]


def observe(settings: Settings, role: str) -> None:
    """Once a process, before anything else: from now on it can be heard."""
    configure_logging(level=settings.log.level, format=settings.log.format, role=role)
    sentry = settings.sentry
    configure_errors(
        dsn=sentry.dsn.get_secret_value() if sentry.dsn else None,
        environment=settings.environment,
        release=sentry.release,
        sample_rate=sentry.sample_rate,
        traces_sample_rate=sentry.traces_sample_rate,
        role=role,
    )
    record_role(role, sentry.release)


def build(settings: Settings, role: str) -> Container:
    """`role` is what the process is called by Postgres. Nothing is connected to yet: each part connects when used."""
    arm(plan_of(settings.fault_points), _die)
    engine = make_engine(
        settings.database.url.get_secret_value(),
        pool_size=settings.database.pool_size,
        max_overflow=settings.database.pool_overflow,
        statement_timeout_seconds=settings.database.statement_timeout_seconds,
        lock_timeout_seconds=settings.database.lock_timeout_seconds,
        application_name=f"email-{role}",
    )
    wire = Wire(_postmark(settings))
    store = PostgresStore(engine)
    make_client = make_route53_client if role in _ROUTE53_ROLES else route53_client_when_used
    route53 = make_client(settings.aws.endpoint_url, settings.aws.region)
    registry = MaterialRegistry(settings.key_material.file, on_refresh=_tell_refresh)
    return Container(
        settings=settings,
        clock=SystemClock(),
        new_id=new_id,
        store=store,
        arrivals=PostgresArrivals(engine),
        leadership=AdvisoryLeadership(engine),
        lead_look=PostgresLook(engine),
        doorbell=_doorbell(settings, role),
        cipher=AesGcmCipher(registry),
        key_versions=registry,
        mail_account=PostmarkAccount(
            wire, _pace(store, "postmark", settings.postmark.account_calls_per_second)
        ),
        mail_sender=PostmarkSender(wire),
        sent_messages=PostmarkSearch(wire),
        taken_messages=PostmarkTaken(wire),
        event_reader=PostmarkEvents(),
        event_history=PostmarkHistory(wire),
        history_pace=_pace(store, "postmark-history", settings.callbacks.calls_per_second),
        suppression_list=PostmarkSuppressions(wire),
        dns_zone=Route53Zone(
            route53,
            zone_id=settings.mail_zone.id,
            zone_name=settings.mail_zone.name,
            pace=_route53_pace(store, settings, TURN_PATIENCE_SECONDS),
        ),
        mail_inventory=PostmarkInventory(
            wire,
            _pace(
                store,
                "postmark-inventory",
                settings.drift.calls_per_second,
                patience_seconds=CHECK_PATIENCE_SECONDS,
                at_once=1,
            ),
        ),
        zone_inventory=Route53Inventory(
            route53,
            zone_id=settings.mail_zone.id,
            pace=_route53_pace(store, settings, CHECK_PATIENCE_SECONDS),
        ),
        pause=pause,
    )


def _route53_pace(store: Store, settings: Settings, patience_seconds: float) -> Pace:
    """AWS counts each second: one after a pause must not have a pause's worth in it."""
    calls_per_second = settings.aws.route53_calls_per_second
    return _pace(store, "route53", calls_per_second, patience_seconds=patience_seconds, at_once=1)


def _pace(
    store: Store,
    neighbour: str,
    calls_per_second: float,
    *,
    patience_seconds: float = TURN_PATIENCE_SECONDS,
    at_once: float | None = None,
) -> Pace:
    return SharedPace(
        store,
        neighbour,
        calls_per_second=calls_per_second,
        patience_seconds=patience_seconds,
        at_once=at_once,
    )


def _die(point: str) -> None:
    """As the kernel would do it for want of memory: nothing is flushed, closed or rolled back."""
    record_fault_point(point)
    os.kill(os.getpid(), signal.SIGKILL)


def build_worker_broker(settings: Settings, sink: Callable[[HandlerFault], None]) -> RedisBroker:
    """A pool's own broker: it consumes, ends its process when that gets nowhere, and tells `sink` of faults."""
    watch = WatchSettings(
        give_up_after_seconds=settings.broker.give_up_after_seconds,
        stuck_after_seconds=settings.worker.stuck_after_seconds,
        drain_seconds=settings.worker.drain_seconds,
        liveness_file=settings.worker.liveness_file,
    )
    return build_broker(_broker(settings), watch, sink)


def _postmark(settings: Settings) -> PostmarkSettings:
    return PostmarkSettings(
        base_url=settings.postmark.base_url,
        account_token=settings.postmark.account_token.get_secret_value(),
        connect_timeout_seconds=settings.postmark.connect_timeout_seconds,
        read_timeout_seconds=settings.postmark.read_timeout_seconds,
        webhook_read_timeout_seconds=settings.postmark.webhook_timeout_seconds,
    )


def _doorbell(settings: Settings, role: str) -> Doorbell:
    doorbell = build_doorbell(_broker(settings))
    # Where somebody waits for an answer, nobody waits for the broker.
    return BackgroundDoorbell(doorbell) if role == "web" else doorbell


def _broker(settings: Settings) -> BrokerSettings:
    return BrokerSettings(
        url=settings.broker.url.get_secret_value(),
        namespace=settings.broker.namespace,
        heartbeat_timeout_seconds=settings.broker.heartbeat_timeout_seconds,
        maintenance_chance=settings.broker.maintenance_chance,
        socket_timeout_seconds=settings.broker.socket_timeout_seconds,
        ring_flag_seconds=settings.broker.ring_flag_seconds,
        ring_patience_seconds=settings.broker.ring_patience_seconds,
    )


def traffic_writer(store: Store) -> Writer:
    """Started by each process that counts, once it is forked."""

    def write(counts: Counts) -> None:
        with store.begin() as tx:
            tx.traffic.add(counts)

    return Writer(write)


def _tell_refresh(refresh: Refresh) -> None:
    if refresh.failure is not None:
        record_registry_unreadable(refresh.failure)
    elif refresh.added:
        record_registry_added(len(refresh.added))
