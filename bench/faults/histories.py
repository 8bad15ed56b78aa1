"""Three histories of the same jobs, and where they contradict each other."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.faults.rows import SENT, WAITING, Row


@dataclass(frozen=True)
class Histories:
    """`told`: idempotency key to every job id that a caller was answered for it. `taken`: job id to times."""

    told: Mapping[str, Collection[str]]
    rows: Mapping[str, Row]
    taken: Mapping[str, int]


@dataclass(frozen=True)
class Verdict:
    lost: Sequence[str]
    doubled: Sequence[str]
    unresolved: Sequence[str]
    remarks: Sequence[str]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.unresolved or self.remarks)


def judge(histories: Histories, ends: Collection[str] = ("DELIVERED",)) -> Verdict:
    """`ends`: the statuses in which the fault may leave a job. Anything else that is not wrong as such is a remark."""
    rows, taken = histories.rows, histories.taken
    told = {job_id for ids in histories.told.values() for job_id in ids}
    return Verdict(
        lost=sorted(
            job_id for job_id in told | rows.keys() if _is_lost(rows.get(job_id), taken.get(job_id, 0))
        ),
        doubled=sorted(job_id for job_id in told | rows.keys() if taken.get(job_id, 0) > 1),
        unresolved=sorted(job_id for job_id, row in rows.items() if row.status in WAITING),
        remarks=list(_remarks(histories, ends)),
    )


def _is_lost(row: Row | None, taken: int) -> bool:
    if row is None:
        return True
    if row.status in WAITING:
        return not row.visible
    return row.status in SENT and not taken


def _remarks(histories: Histories, ends: Collection[str]) -> Iterator[str]:
    rows = histories.rows
    if two := sum(len(set(ids)) > 1 for ids in histories.told.values()):
        yield f"{two} keys were answered with two jobs"
    told_keys = histories.told.keys()
    if untold := sum(row.key not in told_keys for row in rows.values()):
        yield f"{untold} jobs that no caller knows of"
    odd = Counter(
        f"{row.status} {row.error_code or ''}".strip()
        for row in rows.values()
        if row.status not in (*ends, *WAITING)
    )
    yield from (f"{count} ended {how}" for how, count in odd.most_common())
    denied = sum(
        rows[job_id].status not in (*SENT, *WAITING, "INCONSISTENT")
        for job_id in histories.taken
        if job_id in rows
    )
    if denied:
        yield f"{denied} were sent and say they were not"
