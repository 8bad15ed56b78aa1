"""The encryption key gives way to another while mail goes out, and whoever seals anew dies on the way."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_urlsafe

from bench.faults.emailctl import Emailctl
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.seeded import Seed, delete_rows, insert_rows, seeds
from sandbox.files import write_private
from sandbox.stack.world import key_material_file
from shared.domain.errors import CiphertextInvalid, KeyMaterialError
from shared.gateways.key_material.cipher import AesGcmCipher, version_of
from shared.gateways.key_material.registry import MaterialRegistry

WORKER = "provisioning"
PATIENCE_SECONDS = 240.0
REFUSED = 5


@fault(
    "F18",
    "another encryption key, the pass over all tokens and its workers killed in the middle",
    long=Size(jobs=5_000, rate=20, tenants=8, times=5),
    short=Size(jobs=300, rate=10, tenants=4, times=2),
)
def rotate_encryption_key(run: Rehearsal) -> None:
    """`jobs` server tokens, `times` a worker dies, callers send at `rate`. At the end the old key is taken away."""
    keys, emailctl = KeyFile(run.world.processes.folder), Emailctl(run.world.processes)
    with sealed(run, keys) as tokens, run.callers():
        old, new = keys.current, keys.add()
        run.require(
            emailctl.run("keys", "retire", old).code == REFUSED, f"{old} might be retired while rows need it"
        )
        done = tokens.kill_in_the_middle(emailctl, new)
        rest = emailctl.run("keys", "rewrap")
        run.require(rest.code == 0, f"the second pass ended with {rest.code}: {rest.complaint}")
        retired = emailctl.run("keys", "retire", old)
        run.require(retired.code == 0, f"{old} may not be retired: {retired.complaint}")
        keys.drop(old)
        tokens.check(new)
    run.notes.append(
        f"killed with {done} of {run.size.jobs} tokens sealed anew, {run.size.times} workers with them"
    )


class KeyFile:
    """The one that every role reads, replaced as a mounted secret is: whole, at one moment."""

    def __init__(self, folder: Path) -> None:
        self.path = key_material_file(folder)

    @property
    def current(self) -> str:
        return str(self._read()["current"])

    def add(self) -> str:
        """A new current version beside the others; its name."""
        held = self._read()
        version = str(max(map(int, held["versions"])) + 1)
        self._write({"current": version, "versions": {**held["versions"], version: token_urlsafe(32)}})
        return version

    def drop(self, version: str) -> None:
        held = self._read()
        versions = {name: material for name, material in held["versions"].items() if name != version}
        self._write({**held, "versions": versions})

    def cipher(self) -> AesGcmCipher:
        return AesGcmCipher(MaterialRegistry(self.path))

    def _read(self) -> dict[str, dict[str, str]]:
        held: dict[str, dict[str, str]] = json.loads(self.path.read_text())
        return held

    def _write(self, held: object) -> None:
        draft = Path(f"{self.path}.new")
        write_private(draft, json.dumps(held))
        draft.replace(self.path)


@dataclass
class Tokens:
    """Made by us, so that each is known in plain."""

    run: Rehearsal
    keys: KeyFile
    made: Sequence[Seed]
    plain: dict[str, str] = field(repr=False)

    def kill_in_the_middle(self, emailctl: Emailctl, new: str) -> int:
        """The command when half are done, and workers before and after; how many were done by then."""
        log = self.run.world.processes.folder / "logs" / "rewrap.log"
        pass_over_all = emailctl.start("keys", "rewrap", log=log)
        try:
            for death in range(1, self.run.size.times + 1):
                self._wait_until(new, len(self.made) * death // (2 * self.run.size.times))
                self.run.world.processes.kill(WORKER)
        finally:
            pass_over_all.kill()
            pass_over_all.wait()
        done = self._sealed_by(new)
        self.run.require(0 < done < len(self.made), f"killed with {done} sealed anew: not in the middle")
        self.run.world.processes.wait_ready(WORKER)
        return done

    def _wait_until(self, version: str, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (done := self._sealed_by(version)) < count and time.monotonic() < deadline:
            self.run.tell(f"{done} of {len(self.made)} tokens sealed anew")
            time.sleep(0.05)

    def _sealed_by(self, version: str) -> int:
        question = "SELECT count(*) FROM email_configuration WHERE e_id = ANY(%s) AND server_token LIKE %s"
        ids = [one.e_id for one in self.made]
        return int(self.run.world.database.ask(question, ids, f"a1.k{version}:%")[0][0])

    def check(self, version: str) -> None:
        """With the new key only: every token is the one it was, and opens for nobody else."""
        cipher = self.keys.cipher()
        rows = self.run.world.database.ask(
            "SELECT slug, server_token, tenant_id, e_id FROM email_configuration WHERE e_id = ANY(%s) ORDER BY slug",
            [one.e_id for one in self.made],
        )
        lost = [slug for slug, envelope, *_ in rows if version_of(envelope) != version]
        self.run.require(not lost, f"{len(lost)} tokens are still sealed by another version")
        wrong = swapped = 0
        for (slug, envelope, tenant_id, e_id), other in zip(rows, rows[1:] + rows[:1], strict=True):
            try:
                token = cipher.decrypt(envelope, tenant_id=tenant_id, configuration_id=e_id)
            except KeyMaterialError:
                token = ""
            wrong += token != self.plain[slug]
            try:
                cipher.decrypt(envelope, tenant_id=other[2], configuration_id=other[3])
            except CiphertextInvalid:
                swapped += 1
        self.run.require(not wrong, f"{wrong} tokens are not what they were")
        self.run.require(swapped == len(rows), f"{len(rows) - swapped} tokens open for another tenant")


@contextmanager
def sealed(run: Rehearsal, keys: KeyFile) -> Iterator[Tokens]:
    zone = run.world.processes.environment("web")["EMAIL_MAIL_ZONE_NAME"]
    cipher = keys.cipher()
    made = seeds(run.size.jobs, zone)
    plain = {one.slug: token_urlsafe(24) for one in made}
    rows = [
        replace(
            one, token=cipher.encrypt(plain[one.slug], tenant_id=one.tenant_id, configuration_id=one.e_id)
        )
        for one in made
    ]
    insert_rows(run.world.database, rows)
    try:
        yield Tokens(run, keys, made, plain)
    finally:
        delete_rows(run.world.database, rows)
