"""Route 53: where the partition's records are written."""
