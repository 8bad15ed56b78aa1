"""Close the gap that a restore left: ask each configuration's server for all that it took, and write down what we lack.

Each is asked twice, the second time when the provider's search knows all that was sent before the recovery began. What
it has not told of by then was not sent. A look may be broken off anywhere: what was written down stays, and whoever
goes on reads the rest.
"""

from shared.recovering.course import RecoveryPorts, Standing, begin, end, standing
from shared.recovering.look import KEY_MATERIAL, look

__all__ = ["KEY_MATERIAL", "RecoveryPorts", "Standing", "begin", "end", "look", "standing"]
