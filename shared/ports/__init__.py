"""What we need of the world, not how it is done: Protocols and the values they exchange, one file per neighbour."""
