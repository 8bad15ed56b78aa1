"""`docs/operating.md` as a program: its commands are run, and what they say is held against what it shows."""
