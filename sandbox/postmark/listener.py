"""A listening port that can stop listening for a while without losing its number."""

import socket

from aiohttp import web


class Listener:
    """Beside the listening socket a second one stays bound and never listens.

    While the first is closed, connections are refused, and the kernel gives the port to nobody else.
    """

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner, self._host = runner, host
        self._placeholder = _bound(host, port)
        self.port: int = self._placeholder.getsockname()[1]
        self._site: web.SockSite | None = None

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    async def open(self) -> None:
        if self._site is None:
            self._site = web.SockSite(self._runner, _bound(self._host, self.port), backlog=1024)
            await self._site.start()

    async def refuse(self) -> None:
        """Stop listening and break open connections."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        server = self._runner.server
        for connection in server.connections if server else []:
            if connection.transport is not None:
                connection.transport.abort()

    async def close(self) -> None:
        await self._runner.cleanup()
        self._placeholder.close()


def _bound(host: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
