"""The HTTP door. Callers, operators and the provider come in here and nowhere else."""

BASE = "/v1/shop-access/email"
