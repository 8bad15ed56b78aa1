"""Ends a server when the process that started it dies without saying goodbye (kill -9 of a test run)."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.process import Child

# The shell waits for the end of its input. Only our process holds the other end of the pipe, so the input ends when we
# do, however that comes. An orderly end writes a line first, and then the shell does nothing.
_SCRIPT = 'if read -r _; then exit 0; fi; kill -s "$1" "$0"'


@contextmanager
def leashed(child: Child) -> Iterator[Child]:
    signal_name = child.program.stop_signal.name.removeprefix("SIG")
    leash = subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT, str(child.pid), signal_name], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield child
    finally:
        child.stop()
        leash.communicate(b"let go\n")
