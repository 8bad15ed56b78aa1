"""One HTTP POST of one event to one customer's URL."""

import asyncio
import time
from dataclasses import dataclass

import aiohttp

from sandbox.postmark.entities import Json, Webhook

MAX_REDIRECTS = 10
_KEEP_ALIVE_SECONDS = (
    1.0  # shorter than servers keep theirs: a connection that died unseen costs a retry in minutes
)


@dataclass(frozen=True)
class Posted:
    """`status` is None when no answer came; `error` then says why."""

    status: int | None
    error: str | None
    seconds: float


class Poster:
    """Must be made on a running event loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def post(
        self, hook: Webhook, payload: Json, headers: dict[str, str], timeout_seconds: float
    ) -> Posted:
        started = time.monotonic()
        try:
            status = await self._post(hook, payload, headers, timeout_seconds)
        except TimeoutError:
            return Posted(None, "timeout", time.monotonic() - started)
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            return Posted(None, f"{type(problem).__name__}: {problem}"[:200], time.monotonic() - started)
        return Posted(status, None, time.monotonic() - started)

    async def _post(
        self, hook: Webhook, payload: Json, headers: dict[str, str], timeout_seconds: float
    ) -> int:
        async with asyncio.timeout(timeout_seconds):
            async with self._session.post(
                hook.url,
                json=payload,
                auth=_auth(hook),
                headers={**headers, "User-Agent": "Postmark", **_custom_headers(hook)},
                max_redirects=MAX_REDIRECTS,
            ) as answer:
                await answer.read()
                return answer.status

    async def close(self) -> None:
        await self._session.close()


def _auth(hook: Webhook) -> aiohttp.BasicAuth | None:
    """Userinfo in the Url is read by the HTTP client itself."""
    auth = hook.http_auth or {}
    return aiohttp.BasicAuth(auth["Username"], auth.get("Password") or "") if auth.get("Username") else None


def _custom_headers(hook: Webhook) -> dict[str, str]:
    return {header["Name"]: header["Value"] for header in hook.http_headers}
