"""The only spelling of a queue's name."""

PROVISIONING = "provisioning"
SEND = "send"
PROJECTION = "projection"
DRIFT = "drift"

ALL = (PROVISIONING, SEND, PROJECTION, DRIFT)
