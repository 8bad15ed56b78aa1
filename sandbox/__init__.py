"""The outside world in a box: real servers and stand-ins for `make up`, `make demo` and the tests.

Nothing of the product imports this package, and this package imports nothing of the product.
"""
