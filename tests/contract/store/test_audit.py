"""What operators did."""

from uuid import uuid4

from shared.domain.audit import OperatorAction
from shared.ports.store import Store
from tests.factories import TENANT, later


def action(subject_id: object, *, minutes: int) -> OperatorAction:
    return OperatorAction(
        e_id=uuid4(),
        tenant_id=TENANT,
        action="suppressions.rebuild",
        subject_id=subject_id,  # type: ignore[arg-type]
        author="operator@example.com",
        reason="after the outage",
        at=later(minutes=minutes),
    )


def test_what_was_done_to_a_subject_is_kept_whole_oldest_first_and_nothing_else_with_it(store: Store) -> None:
    subject, other = uuid4(), uuid4()
    late, early = action(subject, minutes=2), action(subject, minutes=1)
    with store.begin() as tx:
        for one in (late, early, action(other, minutes=0)):
            tx.audit.keep(one)
    with store.begin() as tx:
        assert tx.audit.of(subject) == [early, late]
