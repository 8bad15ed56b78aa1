"""Suppression entries as rows."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, Text, Uuid

from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.persistence.sets import Kind
from shared.persistence.tables import MOMENT

ENTRY_KINDS: dict[str, Kind] = {
    "e_id": Uuid,
    "tenant_id": Uuid,
    "address": Text,
    "reason": Text,
    "active": Boolean,
    "since": MOMENT,
    "lifted_at": MOMENT,
    "source_event_id": Uuid,
    "author": Text,
    "note": Text,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}


def row_of_entry(entry: SuppressionEntry) -> dict[str, Any]:
    return {**{name: getattr(entry, name) for name in ENTRY_KINDS}, "reason": entry.reason.value}


def entry_of(row: Mapping[str, Any]) -> SuppressionEntry:
    return SuppressionEntry(**{**row, "reason": SuppressionReason(row["reason"])})
