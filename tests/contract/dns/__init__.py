"""What every zone behind the port has to keep: the fake, and Route 53 as moto plays it."""
