"""What may stand where. Whatever is not named here may stand nowhere: a secret is in none of these lists."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from sandbox.client import BASE
from tests.acceptance.canary.values import Kind

# A callback is kept as it came. It names its recipient, a bounce repeats the subject, and all give back the metadata.
_CALLBACK: Final = frozenset({Kind.RECIPIENT, Kind.SUBJECT, Kind.METADATA})

# By table and column.
COLUMNS: Final[Mapping[str, frozenset[Kind]]] = {
    "email_job.recipient": frozenset({Kind.RECIPIENT}),
    "email_job_content.subject": frozenset({Kind.SUBJECT}),
    "email_job_content.html_body": frozenset({Kind.BODY}),
    "email_job_content.text_body": frozenset({Kind.BODY}),
    "email_job_content.attachments": frozenset({Kind.ATTACHMENT}),
    "email_job_content.metadata": frozenset({Kind.METADATA}),
    "email_job_content.reply_to_email": frozenset({Kind.REPLY_TO}),
    "email_event.recipient": frozenset({Kind.RECIPIENT}),
    "email_event.raw": _CALLBACK,
    "suppression_entry.address": frozenset({Kind.RECIPIENT}),
    "suppression_fact.address": frozenset({Kind.RECIPIENT}),
    # Until the provider has let go of it.
    "provider_lift.address": frozenset({Kind.RECIPIENT}),
    "email_configuration.reply_to_email": frozenset({Kind.STANDING_REPLY_TO}),
    "email_configuration_record.snapshot": frozenset({Kind.STANDING_REPLY_TO}),
}

_ID = "[0-9a-f-]{36}"
# Of answers that say 2xx, to the tenant whose they are. Everything else, each refusal included, tells nothing.
_ANSWERS: Final[tuple[tuple[str, frozenset[Kind]], ...]] = (
    # A job shows its recipient and its tag, and nothing else of what was sent.
    (rf"/job(/batch|/query|/{_ID})?", frozenset({Kind.RECIPIENT})),
    (rf"/job/{_ID}/(events|timeline)", _CALLBACK),
    (rf"/configuration/suppression(/query|/export|/{_ID}/lift)?", frozenset({Kind.RECIPIENT})),
    (rf"/configuration(/query|/{_ID}(/[a-z-]+)?)?", frozenset({Kind.STANDING_REPLY_TO})),
)

# To operators, who look for one mail among many.
PAGES: Final = _CALLBACK | {Kind.STANDING_REPLY_TO}


def of_answer(path: str, status: int) -> frozenset[Kind]:
    """`path` as it was asked for."""
    if not 200 <= status < 300:
        return frozenset()
    if path.startswith("/console"):
        return PAGES
    inside = path.removeprefix(BASE)
    return next((kinds for pattern, kinds in _ANSWERS if re.fullmatch(pattern, inside)), frozenset())


# The same to operators.
COMMANDS: Final[Mapping[tuple[str, ...], frozenset[Kind]]] = {
    ("suppression", "ls"): frozenset({Kind.RECIPIENT}),
    ("configuration", "show"): frozenset({Kind.STANDING_REPLY_TO}),
    ("job", "query"): frozenset({Kind.RECIPIENT}),
    ("job", "trace"): _CALLBACK,
}

# PostgreSQL's own log quotes the row that a statement was refused for, as the server is asked to by default. It is as
# secret as the tables are; nothing of ours writes into it, and nothing but a defect makes such a line.
LOGS: Final[Mapping[str, frozenset[Kind]]] = {
    "postgres.log": frozenset(Kind) - {Kind.SECRET},
}

# What is in the state folder to hold secrets or mail. All of it for its owner alone.
HOLDS_SECRETS: Final[Collection[str]] = (
    # Where everything is, for whoever runs the sandbox: keys, and URLs with passwords.
    "stack.json",
    "emailctl.env",
    # Passwords of the servers, as their launchers remember them.
    "postgres.json",
    "valkey.json",
    "valkey/valkey.conf",
    # The key material, mounted.
    "key-material.json",
    # The world outside: what the stand-ins for the provider and for AWS know.
    "postmark/*",
    "aws/*",
    # PostgreSQL's data, which is searched by its tables.
    "postgres/*",
)
