"""The module's HTTP API, as the commands speak it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from shared.cli.exits import Absent, EmailctlError, NotConfigured, NotReached, Refused
from shared.cli.output import cell, moment
from shared.config.settings import API_BASE

_CONNECT_SECONDS: Final = 5.0
# A piece of an import is one transaction's worth of work.
_READ_SECONDS: Final = 120.0
_PAGE: Final = 500
_BYTES: Final = 65_536

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. `headers` are looked up in any letter case."""

    status: int
    headers: Mapping[str, str]
    body: JsonObject


def dialled() -> requests.Session:
    """Whatever did not reach the module, or found it busy, is tried again: all that is called here may be repeated."""
    again = Retry(
        total=5,
        connect=5,
        read=0,
        status=5,
        backoff_factor=0.5,
        status_forcelist=(503,),
        allowed_methods=None,
        raise_on_status=False,
    )
    session = requests.Session()
    # Neither a proxy for the outside nor somebody's .netrc has a say in who we are to the module.
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=again))
    return session


class Api:
    """Raises `EmailctlError` for every answer that is no success."""

    def __init__(self, url: str, key: str, *, tenant_id: UUID, http: requests.Session) -> None:
        self._base = url.rstrip("/").removesuffix(API_BASE) + API_BASE
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}", "X-Tenant-Id": str(tenant_id)}

    def get(self, path: str) -> JsonObject:
        return _object(self._call("GET", path))

    def post(self, path: str, body: JsonObject | None = None, *, author: str | None = None) -> JsonObject:
        return _object(self._call("POST", path, author=author, json=body))

    def ask(
        self, path: str, body: JsonObject, *, author: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A POST of which more than the body matters."""
        answer = self._call("POST", path, author=author, headers=headers, json=body)
        return Answer(answer.status_code, answer.headers, _object(answer))

    def post_text(self, path: str, text: str, *, content_type: str, author: str) -> JsonObject:
        headers = {"Content-Type": f"{content_type}; charset=utf-8"}
        return _object(self._call("POST", path, author=author, headers=headers, data=text.encode()))

    def pages(self, path: str, question: JsonObject, *, limit: int | None) -> Iterator[JsonObject]:
        """Records of a query, page after page, at most `limit`; None for all there are."""
        size = min(_PAGE, limit or _PAGE)
        asked: JsonObject | None = {**question, "paginate": {"index": 0, "size": size}}
        left = limit
        while asked is not None and left != 0:
            page = self.post(path, asked)
            some = page["results"] if left is None else page["results"][:left]
            yield from some
            left = None if left is None else left - len(some)
            asked = {"page": page["nextPage"]} if page["nextPage"] else None

    def stream(self, path: str, query: Mapping[str, str]) -> Iterator[bytes]:
        """A long answer as it comes. Raises `NotReached` also when it breaks off in the middle."""
        with self._call("GET", path, params=query, stream=True) as answer:
            try:
                yield from answer.iter_content(_BYTES)
            except requests.RequestException as error:
                raise NotReached(_silent(error)) from None

    def _call(
        self,
        method: str,
        path: str,
        *,
        author: str | None = None,
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> requests.Response:
        named = {"X-Author": author} if author else {}
        try:
            answer = self._http.request(
                method,
                self._base + path,
                headers={**self._headers, **named, **(headers or {})},
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                allow_redirects=False,
                **request,
            )
        except requests.RequestException as error:
            raise NotReached(_silent(error)) from None
        if not 200 <= answer.status_code < 300:
            raise _refusal(answer)
        return answer


def _silent(error: requests.RequestException) -> str:
    """The kind alone: its words may quote the request."""
    return f"The API did not answer ({type(error).__name__}): look at EMAIL_API_URL, then run it again."


def _refusal(answer: requests.Response) -> EmailctlError:
    """From RFC 9457's members where there are any."""
    problem = _members(answer)
    said = _said(answer, problem)
    if answer.status_code == 401:
        return NotConfigured(f"The API does not know this key: put a valid one into ARDA_API_KEY. {said}")
    if answer.status_code == 404:
        return Absent(said, problem)
    if answer.status_code >= 500:
        return NotReached(f"{said} Run it again later.", problem)
    return Refused(f"{said}{_standing(problem)}", problem)


def _said(answer: requests.Response, problem: JsonObject) -> str:
    title = problem.get("title") or f"HTTP {answer.status_code} without an explanation"
    faults = [f"{fault.get('field')}: {fault.get('advice')}" for fault in problem.get("errors") or []]
    detail = "; ".join(faults) or problem.get("detail") or "is EMAIL_API_URL the module's?"
    traced = f" (requestId {problem['requestId']})" if "requestId" in problem else ""
    return f"{title}: {detail}{traced}."


def _standing(problem: JsonObject) -> str:
    """How things are, where the refusal tells."""
    told = []
    if "operational" in problem:
        told.append(f"It is {problem['operational']} and {problem['administrative']}.")
        told.append(f"Allowed now: {', '.join(problem.get('allowedSignals') or ['nothing'])}.")
    if "version" in problem:
        told.append(f"Its version is {problem['version']}.")
    if "mayDecideFrom" in problem:
        told.append(f"To be decided from {cell(moment(problem['mayDecideFrom']))} on.")
    if problem.get("code") == "suppressed":
        told.append(f"Suppressed as {problem.get('reason')} since {cell(moment(problem.get('since')))}.")
    return "".join(f" {sentence}" for sentence in told)


def _members(answer: requests.Response) -> JsonObject:
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _object(answer: requests.Response) -> JsonObject:
    body = _members(answer)
    if not body:
        raise NotReached("The answer is not the module's: look at EMAIL_API_URL.")
    return body
