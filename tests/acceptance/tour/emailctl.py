"""`emailctl` at once: one process has imported it and forks for each call, as an import takes longer than most calls.

`python -m tests.acceptance.tour.emailctl SOCKET` serves until its standard input ends; `client.py SOCKET WORDS...` is
what a shell runs. A fork has the caller's words, environment, folder, and its standard input, output and error.
"""

import json
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

from shared.cli.main import cli
from shared.cli.session import Tools

# How often a command that waits looks again: nobody watches, so ten times as often.
_HASTE = 10
_WORDS_MAX = 1_000_000


def serve(place: Path) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(str(place))
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        while all(key.fileobj is listener for key, _ in selector.select()):
            caller, _ = listener.accept()
            with caller:
                if os.fork() == 0:
                    try:
                        listener.close()
                        _answer(caller)
                    finally:
                        os._exit(0)


def _answer(caller: socket.socket) -> None:
    sent, streams, _, _ = socket.recv_fds(caller, _WORDS_MAX, 3)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    call = json.loads(sent)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lasts
    code = run(call["words"])
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(str(code).encode())


def run(words: list[str]) -> int:
    try:
        cli(words, prog_name="emailctl", obj=Tools(wait=lambda seconds: time.sleep(seconds / _HASTE)))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
