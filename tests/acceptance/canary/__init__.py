"""Values that must not get out, a world in which everything happens that could let them, and a search of all of it."""
