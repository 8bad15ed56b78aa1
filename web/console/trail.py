"""Pages by keys, and a way back: a page knows where the next one begins, and its URL where those before it began.

So each is a plain link: it can be kept and sent on, and the browser's own way back works as it always does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from web.console.asked import Asked

# So many pages back; before that there is only the way to the first. Longer ones would not fit into every proxy's URL.
STEPS_MAX: Final = 20
_FIRST: Final = "first"
_TRAIL: Final = "back"

# Of a page: its part of the query.
Where = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trail:
    """Urls, "" where there is none."""

    first: str = ""
    previous: str = ""
    following: str = ""


def trail_of(asked: Asked, cursor: str, following: str | None, url: Callable[[Where], str]) -> Trail:
    """`cursor`: the field that says where a page begins, `following` where the next one does. `url` makes a page's."""
    here = "" if cursor in asked.faults else asked.text(cursor)
    came = [step for step in asked.text(_TRAIL).split(",") if step] if here else []
    # Whoever made it too long has no way back, and nothing to mend.
    asked.faults.pop(_TRAIL, None)

    def to(step: str, before: list[str]) -> str:
        return url({cursor: None if step == _FIRST else step, _TRAIL: ",".join(before) or None})

    return Trail(
        to(_FIRST, []) if here else "",
        to(came[-1], came[:-1]) if came else "",
        to(following, [*came, here or _FIRST][-STEPS_MAX:]) if following else "",
    )
