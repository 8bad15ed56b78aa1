"""Suppressed addresses before a person."""

import re
from typing import Any
from uuid import UUID

from werkzeug.test import TestResponse

from shared.domain.suppression import SuppressionEntry
from tests import factories
from tests.fakes.store import MemoryStore
from tests.unit.web.api import TENANT
from tests.unit.web.console.browser import Browser, led_to

LIST = "/console/suppressions"
SEARCH = f"{LIST}/search"
IMPORT = f"{LIST}/import"
PREVIEW = f"{IMPORT}/preview"
ADDRESS = "person@example.com"


def entry(store: MemoryStore, address: str = ADDRESS, **given: Any) -> SuppressionEntry:
    made = factories.suppression(**{"address": address, "tenant_id": TENANT, **given})
    with store.begin() as tx:
        return tx.suppressions.add(made)


def held(store: MemoryStore, e_id: UUID) -> SuppressionEntry:
    with store.begin() as tx:
        found = tx.suppressions.get(TENANT, e_id)
    assert found is not None
    return found


def listed(store: MemoryStore, tenant_id: UUID = TENANT) -> list[SuppressionEntry]:
    with store.begin() as tx:
        return tx.suppressions.export(tenant_id, after=None, limit=100_000)


def path_of(one: SuppressionEntry, deed: str = "") -> str:
    return f"{LIST}/{one.tenant_id}/{one.e_id}{deed and f'/{deed}'}"


def search(browser: Browser, **form: str) -> TestResponse:
    """The page that the form leads to."""
    return browser.get(led_to(browser.post(SEARCH, form)))


def addresses(page: str) -> list[str]:
    return re.findall(r'<th scope="row" class="value"><a [^>]*>([^<]+)</a>', page)
