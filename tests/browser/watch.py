"""What a browser notices of a page that no page of ours may do: ask elsewhere, break its policy, complain."""

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# Pictures in the style sheets.
_HERE = ("data:",)
_TELL = """
document.addEventListener("securitypolicyviolation",
  (event) => console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI} in ${event.sourceFile}`));
"""


@dataclass
class Watch:
    """Of all pages of one context."""

    origin: str
    faults: list[str] = field(default_factory=list)
    requests: int = 0
    # Documents that were refused: a browser complains of their status, and tests look at what they say.
    _refused: set[str] = field(default_factory=set)

    def keep(self, context: BrowserContext) -> None:
        context.add_init_script(_TELL)
        context.on("request", self._asked)
        context.on("response", self._answered)
        context.on("requestfailed", self._failed)
        context.on("console", self._said)
        context.on("weberror", self._broke)

    def take(self) -> list[str]:
        """What was noticed since the last time."""
        taken, self.faults = self.faults, []
        return taken

    def _asked(self, request: Request) -> None:
        self.requests += 1
        if not request.url.startswith((f"{self.origin}/", *_HERE)):
            self.faults.append(f"asked {request.url}")

    def _answered(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self._refused.add(response.url)
        elif response.status >= 400:
            self.faults.append(f"{response.status} for {response.url}")

    def _failed(self, request: Request) -> None:
        # Who goes on to another page leaves behind what was still on its way.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"{request.failure} for {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        of_document = message.location["url"] in self._refused
        if of_document and message.text.startswith("Failed to load resource: the server responded"):
            return
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def _broke(self, error: WebError) -> None:
        self.faults.append(f"raised: {error.error}")
