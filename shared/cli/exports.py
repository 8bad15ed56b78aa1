"""`emailctl exports`: deploy-time values from the partition's CloudFormation exports, as Helm values."""

import re
from collections.abc import Mapping
from typing import Any, Final

import click

from shared.cli.exits import NotConfigured, NotReached
from shared.cli.options import shows
from shared.cli.output import as_yaml
from shared.cli.session import Session, pass_session
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.gateways.cloudformation.exports import DeployTimeValues, deploy_time_values

_PARTITIONS: Final = ("dev", "stage", "demo", "prod")
_SECRET: Final = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+")
# What each value has to look like, and what that is in words.
_WANTED: Final[dict[str, tuple[re.Pattern[str], str]]] = {
    "PartitionMailZoneId": (
        re.compile(r"[A-Z0-9]{2,32}"),
        "the id of a hosted zone, such as Z0123456789ABCDEFGHIJ",
    ),
    "PartitionMailZoneName": (
        re.compile(r"(?=.{3,253}\.?$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}\.?", re.IGNORECASE),
        "a domain, such as dev.ardamails.com",
    ),
    "EmailPostmarkAccountTokenArn": (_SECRET, "the ARN of a secret"),
    "EmailEncryptionKeyArn": (_SECRET, "the ARN of a secret"),
}


@click.command()
@click.option("--infrastructure", required=True, envvar="EMAIL_INFRASTRUCTURE", help="Such as Alpha002.")
@click.option(
    "--partition",
    required=True,
    envvar="EMAIL_PARTITION",
    type=click.Choice(_PARTITIONS),
    help="One of it.",
)
@click.option(
    "--region", required=True, envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="Where the stack is."
)
@click.option("--endpoint-url", envvar="EMAIL_AWS_ENDPOINT_URL", help="Another address than AWS's own.")
@shows
@pass_session
def exports(
    session: Session, *, infrastructure: str, partition: str, region: str, endpoint_url: str | None
) -> None:
    """Print Helm values with what the partition's stack exports. Credentials are those of AWS's own settings.

    The two secrets are named by their ARNs; nobody reads them here. Ends with 3, and names each export that is missing
    or cannot be what it should be; then nothing is printed.

    \b
    Examples:
      emailctl exports --infrastructure Alpha002 --partition dev --region us-east-1 > deploy-time.yaml
      helm upgrade email helm -f values.yaml -f deploy-time.yaml
    """
    found = _read(session, endpoint_url or None, region)
    if faults := _faults(found, f"{infrastructure}-{partition}-API-"):
        raise NotConfigured(f"The partition's stack has to be deployed or mended: {'; '.join(faults)}.")
    helm = helm_values(deploy_time_values(found, infrastructure, partition), infrastructure, partition)
    if session.out.for_people:
        click.echo(as_yaml(helm))
    else:
        session.out.value(helm)


def _read(session: Session, endpoint_url: str | None, region: str) -> Mapping[str, str]:
    try:
        return session.tools.exports(endpoint_url, region)
    except ProviderRefused as refused:
        raise NotConfigured(
            f"AWS refuses to list the exports ({refused.code}): the role needs cloudformation:ListExports."
        ) from None
    except ProviderUnavailable as fault:
        if "Credentials" in fault.code:
            raise NotConfigured(f"AWS's own settings have no credentials ({fault.code}).") from None
        raise NotReached(f"CloudFormation did not answer ({fault.code}): try again later.") from None


def _faults(found: Mapping[str, str], prefix: str) -> list[str]:
    """All at once, and never a value: one that is wrong may be a secret."""
    return [
        f"{prefix}{suffix} is not {wanted}" if found.get(prefix + suffix) else f"{prefix}{suffix} is missing"
        for suffix, (pattern, wanted) in _WANTED.items()
        if not pattern.fullmatch(found.get(prefix + suffix, ""))
    ]


def helm_values(values: DeployTimeValues, infrastructure: str, partition: str) -> dict[str, Any]:
    """As helm/values.yaml names them; to be laid over the rest."""
    return {
        "environment": {
            "EMAIL_INFRASTRUCTURE": infrastructure,
            "EMAIL_PARTITION": partition,
            "EMAIL_MAIL_ZONE_ID": values.mail_zone_id,
            "EMAIL_MAIL_ZONE_NAME": values.mail_zone_name,
        },
        "secrets": {
            "files": {
                "postmark-account-token": {"remote": values.postmark_account_token_arn},
                "key-material.json": {"remote": values.encryption_key_arn},
            }
        },
    }
