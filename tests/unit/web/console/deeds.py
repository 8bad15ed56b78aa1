"""What holds for every deed: who may do it, and what has to come with it."""

from collections.abc import Mapping
from uuid import UUID

from shared.domain.audit import OperatorAction
from tests.fakes.store import MemoryStore
from tests.unit.web.console.browser import Browser, text

WHY = "ticket 4711 <b>said so</b>"
# As pages show it.
WHY_ESCAPED = "ticket 4711 &lt;b&gt;said so&lt;/b&gt;"


def refuse_unless_meant(
    store: MemoryStore, olga: Browser, rita: Browser, path: str, form: Mapping[str, str]
) -> None:
    """By a form of ours, by an operator, with a reason: without one of them nothing is kept."""
    before = kept(store)
    given = {**form, "reason": WHY}
    assert olga.post(path, given, token="of-somebody-else").status_code == 400
    assert olga.open(path, method="POST", data=given).status_code == 400
    assert olga.open(path, method="GET").status_code in (200, 404)
    for reason in ("", "   ", "x" * 1001):
        answer = olga.post(path, {**form, "reason": reason})
        assert (answer.status_code, "say why" in text(answer)) == (400, True)
    answer = rita.post(path, given)
    assert (answer.status_code, "Your role may look, and not act" in text(answer)) == (403, True)
    assert kept(store) == before


def kept(store: MemoryStore) -> list[OperatorAction]:
    """In the order in which they were done."""
    return sorted(store._state.actions.values(), key=lambda action: (action.at, action.e_id))


def told(store: MemoryStore) -> list[tuple[str, UUID, str, str]]:
    """What, to what, by whom, why."""
    return [(one.action, one.subject_id, one.author, one.reason) for one in kept(store)]
