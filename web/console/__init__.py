"""The operators' pages at /console: rendered here, closed without a session, and nothing in them from elsewhere.

To add a page:

1. `web/console/<page>.py`: a class that takes the `Container` and has `add_to(routes)`, which adds views by
   `routes.get("/jobs", endpoint="jobs")(self.list_jobs)`; name it in `_PAGES` of `web/console/wiring.py`.
   The endpoints in `NAVIGATION` of `web/console/pages.py` appear in the navigation as soon as they are there.
2. Mark a view that reads `@page("What it shows")`, one that changes something `@deed("What it does")` (POST only). Both
   are closed without a session; deeds are refused to readers, and every POST without a CSRF token. A form with a file
   in it says below that how much it brings: `@takes(5_000_000)`.
3. A view answers `render("console/jobs.html", now=tx.now(), ...)`; a deed `done("Said in one sentence", to=url)`.
   In a deed `who()` is who does it (`who().name` is the author) and `reason()` why: it raises when nobody said so.
4. A template extends `console/base.html`, fills `title` and `content`, and begins with
   `{% import "console/_macros.html" as ui with context %}`: badges, moments, tables, confirmations are in there.
   No `style=`, no `on...=`, no inline script: the policy forbids them.
5. What may fail on its own is read by `Parts(store).read("name", read)`; its template asks `part.failed`.
6. What must be in no URL, as an address, is searched for by a form: POST, but marked `@page` and named in `ASKED` of
   `test_closed.py`. It leads to a URL with `sealed(...)` words (`web/console/sealing.py`), which the GET view opens.
7. Raise `NotFound`, `Conflict`, `InvalidValue` or `Problem` as anywhere: they become pages.
8. A list goes by keys: `trail_of(asked, "before", older_than, url)` of `web/console/trail.py` has the ways to the pages
   around it, and its template ends with `ui.pager(trail)`, or `ui.steps(trail)` where the oldest comes first.
9. Name it in `tests/browser/pages.py`, so that `make browser` looks at it.
"""
