"""What may be written down of an error: its kind, where it was raised, and its words if they are ours.

Those of others may quote what they stumbled over: a row, an address, a URL with its password.
"""

from collections.abc import Iterator
from types import TracebackType

# Innermost last, as Python shows them; a recursion would fill a row.
PLACES_MAX = 40
# Whose words hold no token, no body and no recipient.
_OURS = ("shared", "web", "workers", "scheduler")


def places_of(error: BaseException) -> Iterator[str]:
    """Where it was raised, and where what it came of was: no line of code, no value."""
    for link in _chain(error):
        yield type(link).__name__ if link is error else f"from {type(link).__name__}"
        yield from _where(link)


def described(error: BaseException) -> str:
    """The same with the words of those that are ours."""
    return "\n".join(line for link in _chain(error) for line in (_said(link, error), *_where(link)))


def _said(link: BaseException, error: BaseException) -> str:
    kind = type(link)
    words = f": {link}" if kind.__module__.partition(".")[0] in _OURS else ""
    return f"{'' if link is error else 'from '}{kind.__module__}.{kind.__qualname__}{words}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _where(link: BaseException) -> list[str]:
    return list(_lines_of(link.__traceback__))[-PLACES_MAX:]


def _lines_of(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"  {_short(code.co_filename)}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next


def _short(path: str) -> str:
    """Without the folders that only say where this machine keeps things."""
    _, found, inside = path.rpartition("/site-packages/")
    return inside if found else "/".join(path.split("/")[-3:])
