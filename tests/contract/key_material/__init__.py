"""What every cipher behind the port has to keep."""
