"""Postmark in a box: an HTTP server with Postmark's paths, codes and oddities, and a control API beside it."""
