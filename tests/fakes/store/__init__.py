"""The store in memory: the same contract as Postgres, for tests that are about something else."""

from tests.fakes.store.memory import MemoryStore, MemoryTransaction

__all__ = ["MemoryStore", "MemoryTransaction"]
