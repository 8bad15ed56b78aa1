"""What messages weigh, told by PostgreSQL before it reads them: a claim's bound by bytes."""

from sqlalchemy import CTE, BigInteger, Integer, and_, func, literal_column, not_, or_, select

from shared.persistence.sets import parameter
from shared.persistence.tables import email_job_content

_content = email_job_content.c
_NOTHING = literal_column("0", Integer)

CONTENT = tuple(column.name for column in _content if column is not _content.job_id)

# Nearly MessageContent.size_bytes. None of these functions reads a large value: it is kept apart from its row, which
# has a pointer that knows the size. Of JSON only that of what is stored can be told so, which may be compressed.
_BYTES = (
    func.octet_length(_content.subject)
    + func.coalesce(func.octet_length(_content.html_body), _NOTHING)
    + func.coalesce(func.octet_length(_content.text_body), _NOTHING)
    + func.pg_column_size(_content.attachments)
)


def weighed(judged: CTE) -> CTE:
    """With the contents of what is to be sent, and their number and bytes so far in the order in which it is due.

    Contents are looked up here only. A large one is read when the outermost SELECT returns it, or else never.
    """
    in_turn = (judged.c.due_at, judged.c.e_id)
    count = func.count(_content.job_id).over(order_by=in_turn, rows=(None, 0)).label("count_so_far")
    size = func.sum(_BYTES).over(order_by=in_turn, rows=(None, 0)).label("bytes_so_far")
    to_send = and_(_content.job_id == judged.c.e_id, not_(judged.c.suppressed))
    joined = judged.outerjoin(email_job_content, to_send)
    contents = (_content[name] for name in CONTENT)
    return select(judged, *contents, count, size).select_from(joined).cte("weighed")


def fitting(weighed: CTE) -> CTE:
    """What is within `bytes_max`, without its contents. The first to be sent is, however large."""
    known = weighed.c
    within = known.bytes_so_far <= parameter("bytes_max", BigInteger)
    fits = or_(known.suppressed, within, known.count_so_far <= literal_column("1"))
    narrow = select(known.e_id, known.due_at, known.suppressed).where(fits)
    # Materialized, because an UPDATE copies the rows that it is joined with whole, and would read the contents for it.
    return narrow.cte("fitting").prefix_with("MATERIALIZED")
