"""What the driver raises, in words of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolUsedUp

from shared.domain.errors import StoreUnavailable


class DatabaseFault(RuntimeError):
    """A fault of ours, or of the schema: a statement that PostgreSQL refuses whenever it is asked.

    It names the rule and never shows the values: the driver's message quotes the row, recipient and body included.
    """


@contextmanager
def in_our_words() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, InternalError) as error:
        # Connection lost or refused, a timeout, a deadlock broken; and, as internal errors, a server that cannot write
        # or that ended a session for its silence. PostgreSQL quotes no row in these.
        raise StoreUnavailable(type(error.orig).__name__) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    except PoolUsedUp as error:
        raise StoreUnavailable("every connection of the pool is in use") from error
    except DBAPIError as error:
        raise DatabaseFault(_without_values(error.orig)) from None
    except psycopg.Error as error:
        raise DatabaseFault(_without_values(error)) from None


def _without_values(error: BaseException | None) -> str:
    diagnosis = getattr(error, "diag", None)
    rule = getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "column_name", None)
    return type(error).__name__ + (f" ({rule})" if rule else "")
