"""A tenant's whole list as a file: out, and in after a look at what is wrong with it."""

import binascii
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared.bootstrap import Container
from shared.domain.errors import InvalidValue
from shared.ports.store import Store
from web.console.asked import Asked
from web.console.pages import deed, done, page, private, reason, render, takes
from web.console.session import who
from web.console.suppressions import known_tenant
from web.console.wording import counted
from web.csv_files import MEDIA_TYPE
from web.intake import suppression_file as intake
from web.intake.suppression_file import Imported
from web.problems import Problem
from web.suppression_csv import BYTES_MAX, LINES_MAX, Fault, Reading, read, written

# Beside the file itself: the form's other fields, and what is around each part.
_AROUND_BYTES = 100_000
# Of a file that cannot be packed any tighter: in base64.
_PACKED_BYTES = BYTES_MAX * 4 // 3 + _AROUND_BYTES
_FAULTS_SHOWN = 100
_GOOD_SHOWN = 10
_SLICE = 1000


@dataclass(frozen=True, slots=True)
class Preview:
    """`packed` is the file as the form that applies it carries it. `there`: so many are on the list already."""

    tenant_id: UUID
    reading: Reading
    there: int
    packed: str

    @property
    def faults(self) -> Sequence[Fault]:
        return self.reading.faults[:_FAULTS_SHOWN]

    @property
    def good(self) -> Sequence[Imported]:
        return self.reading.good[:_GOOD_SHOWN]


class SuppressionFilePages:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._new_id = container.new_id

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/suppressions/export", endpoint="export_suppressions")(self.export)
        routes.get("/suppressions/import", endpoint="import_suppressions")(self.ask)
        routes.post("/suppressions/import/preview", endpoint="preview_import")(self.preview)
        routes.post("/suppressions/import", endpoint="apply_import")(self.apply)

    @page("A tenant's list as a CSV file")
    def export(self) -> Response:
        """Read in slices; a file that could not be read to its end says so in its last line."""
        asked = Asked(request.args)
        tenant_id, lifted = asked.id("tenant"), asked.text("lifted") == "true"
        asked.require()
        if tenant_id is None:
            raise InvalidValue("tenant", "give the tenant's id")
        slices = intake.slices(self._store, tenant_id, lifted=lifted)
        # The first slice before the status: a list that cannot be read is a page that says so, and no empty file.
        first = list(islice(slices, 1))
        response = private(Response(written(chain(first, slices), lifted=lifted)))
        response.content_type = f"{MEDIA_TYPE}; charset=utf-8; header=present"
        response.headers["Content-Disposition"] = f'attachment; filename="suppressions-{tenant_id}.csv"'
        return response

    @page("Choose a list to take in")
    def ask(self) -> Response:
        return _form(Asked(request.args))

    @page("What a file would do to a tenant's list")
    @takes(BYTES_MAX + _AROUND_BYTES)
    def preview(self) -> Response:
        """Nothing is changed. 400 with what has to be mended where it is no list at all."""
        asked = Asked(request.form)
        tenant_id = asked.check("tenant", lambda: known_tenant(self._store, asked.id("tenant")))
        raw = _sent()
        found = _reading(asked, raw)
        if found is None or tenant_id is None:
            return _form(asked)
        there = _count_there(self._store, tenant_id, found.good)
        preview = Preview(tenant_id, found, there, pack(raw))
        return render("console/import_preview.html", preview=preview, lines_max=LINES_MAX)

    @deed("Take a list in")
    @takes(_PACKED_BYTES)
    def apply(self) -> Response:
        """The good lines of what was looked at. Applied twice it does nothing the second time."""
        author, why, asked = who().name, reason(), Asked(request.form)
        tenant_id = known_tenant(self._store, asked.id("tenant"))
        found = read(unpack(request.form.get("packed", "")))
        outcome = intake.import_all(self._store, self._new_id, tenant_id, author, found.good, why=why)
        said = (
            f"{outcome.added:,} added, {outcome.already_there:,} on the list already, "
            f"{counted(len(found.faults), 'line')} left out."
        )
        category = "warning" if found.faults else "success"
        return done(said, to=url_for("console.suppressions", tenant=tenant_id), category=category)


def pack(raw: bytes) -> str:
    """In letters that no form has to escape."""
    return urlsafe_b64encode(zlib.compress(raw)).decode()


def unpack(packed: str) -> bytes:
    """Raises `InvalidValue` for what `pack` did not make, and for what unfolds to more than may be sent."""
    try:
        inflating = zlib.decompressobj()
        raw = inflating.decompress(urlsafe_b64decode(packed.encode()), BYTES_MAX + 1)
    except (zlib.error, binascii.Error, ValueError):
        raise _choose_again() from None
    if not inflating.eof or len(raw) > BYTES_MAX:
        raise _choose_again()
    return raw


def _choose_again() -> InvalidValue:
    return InvalidValue("file", "choose the file again: what came is not what was looked at")


def _sent() -> bytes:
    file = request.files.get("file")
    if file is None:
        return b""
    try:
        sent: bytes = file.read(BYTES_MAX + 1)
    finally:
        # A larger one is a file of ours for as long as it is open.
        file.close()
    return sent


def _reading(asked: Asked, raw: bytes) -> Reading | None:
    if not raw:
        asked.faults["file"] = "choose a file that is not empty"
        return None
    if len(raw) > BYTES_MAX:
        asked.faults["file"] = f"send at most {BYTES_MAX // 1_000_000} MB at once, and the rest after it"
        return None
    try:
        return read(raw)
    except Problem as problem:
        asked.faults["file"] = problem.detail
        return None


def _count_there(store: Store, tenant_id: UUID, good: Sequence[Imported]) -> int:
    """Addresses of it that are on the list already, each line by itself."""
    addresses, there = [each.address for each in good], 0
    for begin in range(0, len(addresses), _SLICE):
        some = addresses[begin : begin + _SLICE]
        with store.begin() as tx:
            active = tx.suppressions.active_among(tenant_id, some)
        there += sum(address in active for address in some)
    return there


def _form(asked: Asked) -> Response:
    asked.text("tenant")
    return render(
        "console/import.html",
        400 if asked.faults else 200,
        asked=asked,
        lines_max=LINES_MAX,
        bytes_max=BYTES_MAX,
    )
