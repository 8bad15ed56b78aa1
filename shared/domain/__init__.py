"""What the module means, with nothing of the outside: standard library only, no clock, no I/O, no logging."""
