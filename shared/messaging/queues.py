"""The only spelling of a queue's name."""

PROVISIONING = "provisioning"
SEND = "send"
PROJECTION = "projection"

ALL = (PROVISIONING, SEND, PROJECTION)
