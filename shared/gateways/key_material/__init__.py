"""Key material, mounted as a file, and the cipher that uses it."""
