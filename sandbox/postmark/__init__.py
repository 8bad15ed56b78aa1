"""Postmark in a box: a server with Postmark's paths, codes and oddities, and a control API beside it."""
