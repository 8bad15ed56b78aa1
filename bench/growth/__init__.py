"""How cost grows with what is in the tables."""
