"""Postmark: the only place that knows its words, its codes and its oddities."""
