"""The doorbell and its wires: queue names, message types, publisher and broker."""
