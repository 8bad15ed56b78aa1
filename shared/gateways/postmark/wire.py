"""The wire: postmarker's session with our adapters below it, and nothing of postmarker above it.

docs/adr/0004-postmarker-on-the-wire.md says which of its layers are used and why not the others.
"""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from time import monotonic as system_monotonic
from typing import Any, Final

import requests
from postmarker.core import USER_AGENT, PostmarkClient
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from shared.gateways.postmark.answers import LATE, Answer, Exchange, NoAnswer
from shared.ports.lease import before_call
from shared.ports.store import outside_transaction

# How much goes out between two looks at the clock. What the kernel has taken goes out even while we are stopped.
_SLICE_BYTES: Final = 65_536
_HEADERS: Final = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": USER_AGENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmarkSettings:
    """`base_url` may have any scheme, port and path."""

    base_url: str = "https://api.postmarkapp.com"
    account_token: str = field(repr=False)
    connect_timeout_seconds: float = 5.0
    # Batches of 400 to 500 messages have been seen to take a minute.
    read_timeout_seconds: float = 90.0
    # Creating or changing a webhook makes Postmark post to us, one event a trigger, before it answers.
    webhook_read_timeout_seconds: float = 120.0
    # Idle connections are given up after this: one that dies as we write leaves a whole batch in doubt.
    keep_alive_seconds: float = 20.0


class Wire:
    """Safe to share between threads: each has its own session and connection."""

    def __init__(
        self, settings: PostmarkSettings, *, monotonic: Callable[[], float] = system_monotonic
    ) -> None:
        self._settings = settings
        self._base_url = settings.base_url.rstrip("/")
        self._monotonic = monotonic
        self._lines = _Lines(monotonic)

    @property
    def settings(self) -> PostmarkSettings:
        return self._settings

    def as_account(self, method: str, path: str, **request: Any) -> Exchange:
        return self._exchange(
            method, path, {"X-Postmark-Account-Token": self._settings.account_token}, **request
        )

    def as_server(self, server_token: str, method: str, path: str, **request: Any) -> Exchange:
        return self._exchange(method, path, {"X-Postmark-Server-Token": server_token}, **request)

    def close(self) -> None:
        """Closes the calling thread's connection; the next call opens another."""
        self._lines.hang_up()

    def _exchange(
        self,
        method: str,
        path: str,
        token: Mapping[str, str],
        *,
        query: Mapping[str, str | int] | None = None,
        body: bytes | None = None,
        private: tuple[str, ...] = (),
        read_timeout_seconds: float | None = None,
        not_after_monotonic: float = math.inf,
    ) -> Exchange:
        """One request, never repeated, never redirected. Raises nothing for what the other side does.

        `private`: secrets in the body; the token is one in any case. Not begun after `not_after_monotonic`: the answer
        is then `NoAnswer(LATE)`.
        """
        outside_transaction()
        read_timeout = read_timeout_seconds or self._settings.read_timeout_seconds
        session = self._lines.session(self._settings.keep_alive_seconds)
        before_call()
        _progress.begin(self._monotonic, not_after_monotonic, read_timeout)
        try:
            response = session.request(
                method,
                f"{self._base_url}{path}",
                params=query,
                data=body,
                headers={**_HEADERS, **token},
                timeout=(self._settings.connect_timeout_seconds, read_timeout),
                allow_redirects=False,
            )
        except _TooLate:
            return NoAnswer(LATE, written=False)
        except (requests.RequestException, HTTPError) as error:
            return NoAnswer(_reason(error), written=_progress.written)
        finally:
            self._lines.used()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content, (*token.values(), *private))


class _TooLate(Exception):
    """Passes through urllib3 and requests, which know nothing of it; the former closes the connection."""


class _Progress(threading.local):
    """How far the calling thread's request has come, and how long it may go on."""

    def __init__(self) -> None:
        self.begin(system_monotonic, math.inf, 0.0)

    def begin(self, monotonic: Callable[[], float], not_after: float, write_seconds: float) -> None:
        self.written = False
        self._monotonic = monotonic
        self._not_after = not_after
        self._write_seconds = write_seconds
        self._complete_by = math.inf

    def seconds_to_write(self) -> float:
        """Asked before every write. `_TooLate` for the first byte; `TimeoutError` when the others took too long.

        The latter is for a process that was stopped halfway: its request must not be completed ages later.
        """
        now = self._monotonic()
        if not self.written:
            if now > self._not_after:
                raise _TooLate
            self.written = True
            self._complete_by = now + self._write_seconds
        if now >= self._complete_by:
            raise TimeoutError("the request was not written in time")
        return self._complete_by - now


_progress = _Progress()


class _Watched(HTTPConnection):
    """Tells "never left us" from "may have arrived" at the only place that knows: the first write.

    The exceptions of requests do not: a TLS error may come from the handshake or from reading the answer.
    """

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        view = memoryview(data)
        for begin in range(0, len(view), _SLICE_BYTES):
            # Until here the socket has the connect timeout, and Python counts it over a whole `sendall`: too
            # short for tens of megabytes on a slow line.
            self.sock.settimeout(_progress.seconds_to_write())
            super().send(view[begin : begin + _SLICE_BYTES])


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class _Adapter(HTTPAdapter):
    def __init__(self) -> None:
        # One thread, one connection. No retries: a repeated send is a second e-mail.
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _Lines(threading.local):
    """The calling thread's session, made when it is first needed."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._session: requests.Session | None = None
        self._last_used = 0.0

    def session(self, keep_alive_seconds: float) -> requests.Session:
        if self._session is None:
            self._session = _new_session()
        elif self._monotonic() - self._last_used > keep_alive_seconds:
            self._session.close()
        return self._session

    def used(self) -> None:
        self._last_used = self._monotonic()

    def hang_up(self) -> None:
        if self._session is not None:
            self._session.close()


def _new_session() -> requests.Session:
    # The client insists on a token and would show it in its repr; ours travel with each request instead.
    session: requests.Session = PostmarkClient("unused").session
    session.mount("http://", _Adapter())
    session.mount("https://", _Adapter())
    # Neither .netrc nor proxy variables: both would be read at each request, and .netrc adds credentials.
    session.trust_env = False
    # One session serves all tenants.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _reason(error: Exception) -> str:
    inner = error.args[0] if error.args else None
    cause = inner.reason if isinstance(inner, MaxRetryError) else inner
    if isinstance(error, requests.ConnectTimeout):
        return "connect_timeout"
    if isinstance(error, requests.Timeout) or isinstance(cause, ReadTimeoutError):
        return "timeout"
    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    if isinstance(cause, NameResolutionError):
        return "name_resolution"
    return "connect_failed" if isinstance(cause, NewConnectionError) else "connection_broken"
