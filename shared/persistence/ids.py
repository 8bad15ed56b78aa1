"""Identity."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """UUID of version 7 (RFC 9562): sorts by creation, so that inserts stay at one end of an index."""
    return uuid7()
