"""What the module says of itself: structured logs and metrics. No vendor's name leaves this room."""
