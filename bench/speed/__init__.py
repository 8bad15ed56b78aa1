"""How fast it is, beside peers and floors that are measured in the same run."""
