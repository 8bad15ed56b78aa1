"""What each finding means and asks for, in three sentences, and the runbook that has the rest."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.drift import Drift, Finding, FindingState, Problem, Verdict

RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True, slots=True)
class Advice:
    """`haste`: whether it is for now or for the day. `runbook`: the name of a file in `RUNBOOKS`."""

    title: str
    means: str
    haste: str
    act: str
    runbook: str


ADVICE: Mapping[Drift, Advice] = {
    Drift.ORPHAN_DB_ROW: Advice(
        "A configuration whose server is not at the provider",
        "The tenant cannot send: its next mails lead to FAILURE.",
        "Now. Many at once: somebody deletes servers, or the account token is another account's.",
        "A deleted server does not come back. The configuration is removed and made anew.",
        "drift-postmark-orphan-db-row.md",
    ),
    Drift.ORPHAN_SERVER: Advice(
        "A server at the provider that no configuration accounts for",
        "Nobody is harmed now, but it blocks its slug, and whoever has its token can send in the tenant's name.",
        "By day.",
        "Find out whose it is. Nobody's: delete it at the provider. Another partition's: name it in drift.otherZones.",
        "drift-postmark-orphan-server.md",
    ),
    Drift.MISSING_KEY: Advice(
        "A server token whose key version is not mounted",
        "This configuration cannot send, nor settle its doubts. Its jobs wait, and expire after 24 hours.",
        "Now. Many at once: a version was taken out of the file too early.",
        "Put the version back into the mounted file with its own material, and seal all tokens anew.",
        "drift-registry-missing-key.md",
    ),
    Drift.DKIM_MISMATCH: Advice(
        "The DKIM record in the zone is not the one we wrote",
        "Mail goes out, but unsigned in the eyes of receivers: it lands in spam, or is refused by DMARC.",
        "By day for one tenant; now for many: somebody works on the zone.",
        "Put the record back in Route 53 as the configuration has it, wait its TTL, and have it checked.",
        "drift-dns-dkim-mismatch.md",
    ),
    Drift.RETURN_PATH_MISMATCH: Advice(
        "The Return-Path record in the zone is not the one we wrote",
        "Mail goes out and bounces come back, but SPF is not aligned with the tenant's domain.",
        "By day, unless DKIM is wrong as well.",
        "Put the CNAME back in Route 53 as the configuration has it, wait its TTL, and have it checked.",
        "drift-dns-return-path-mismatch.md",
    ),
}
ABOUT_CHECKS = "drift.md"

PROBLEMS: Mapping[Problem, str] = {
    Problem.ABSENT: "it is not there",
    Problem.DIFFERENT: "it is there, and another one than ours",
    Problem.UNACCOUNTED: "nothing of ours accounts for it",
}
# Tone and sign of a badge.
STATES: Mapping[FindingState, tuple[str, str]] = {
    FindingState.YOUNG: ("secondary", "ring"),
    FindingState.OPEN: ("warning", "triangle"),
    FindingState.SNOOZED: ("info", "glass"),
    FindingState.RESOLVED: ("success", "check"),
}
VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.CLEAN: ("success", "check"),
    Verdict.DRIFTED: ("warning", "triangle"),
    Verdict.COULD_NOT_TELL: ("danger", "question"),
}


def named(finding: Finding) -> str:
    """What it is about, by the most telling of what is known."""
    found = finding.discrepancy
    names = (
        found.record_name,
        found.server_name,
        found.key_version and f"key version {found.key_version}",
        found.server_id and f"server {found.server_id}",
        found.subject,
    )
    return next(name for name in names if name)
