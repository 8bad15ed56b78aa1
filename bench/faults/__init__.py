"""The fault matrix: real processes, the simulator's ledger as oracle."""
