"""Identity."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# RFC 9562: the first 48 bits of version 7 are milliseconds since 1970.
_REST_BITS = 80


def new_id() -> UUID:
    """UUID of version 7 (RFC 9562): sorts by creation, so that inserts stay at one end of an index."""
    return uuid7()


def first_id_at(moment: datetime) -> UUID:
    """Every id that was made before is smaller."""
    return UUID(int=((moment - _EPOCH) // _MILLISECOND) << _REST_BITS)


def made_at(e_id: UUID) -> datetime:
    """When it was made, by the clock of whoever made it. Of another version than 7: some moment, and no error."""
    return min(_EPOCH + _MILLISECOND * (e_id.int >> _REST_BITS), _LAST)


_LAST = datetime(9999, 1, 1, tzinfo=UTC)
