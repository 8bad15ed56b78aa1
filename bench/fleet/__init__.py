"""Scale-out on one machine: more processes of each pool, and half of a fleet lost while mail goes out."""
