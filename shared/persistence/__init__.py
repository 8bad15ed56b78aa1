"""The store in PostgreSQL. SQL lives here and nowhere else."""

from shared.persistence.arrivals import PostgresArrivals
from shared.persistence.engine import make_engine
from shared.persistence.ids import new_id
from shared.persistence.unit_of_work import PostgresStore

__all__ = ["PostgresArrivals", "PostgresStore", "make_engine", "new_id"]
