"""Put so many mails on a peer's queue.

python -m bench.peers MODULE COUNT
"""

import importlib
import sys

from bench.peers import mails

if __name__ == "__main__":
    importlib.import_module(sys.argv[1]).enqueue(mails.fill(int(sys.argv[2])))
