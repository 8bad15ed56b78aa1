"""Whether a recovery holds everything back. Part of statements that are asked anyway."""

from sqlalchemy import select

from shared.persistence.tables import recovery

# At most one row is open, and an index holds just that one.
HELD = select(recovery.c.e_id).where(recovery.c.ended_at.is_(None)).exists()
