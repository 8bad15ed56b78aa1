"""Values that make no sense are refused before anything is made, and the refusal says what is wrong."""

from typing import Any

import helm_python as helm
import pytest

from shared.cli.exports import helm_values
from shared.gateways.cloudformation.exports import deploy_time_values
from tests.architecture.helm.partitions import EXAMPLE, EXISTING, PARTITIONS, PLAIN, nested, over, partition
from tests.architecture.helm.rendering import Object, chart, of_kind, rendered
from tests.architecture.names import known
from tests.architecture.sources import yaml

SEND = "roles.send.scaling"

# What is set, and what the refusal names. A dot of a key is written as two.
REFUSED: list[tuple[str, Any, str]] = [
    ("imgae", {}, "imgae"),
    ("image.repository", "", "/image/repository"),
    ("image.digest", "sha256:short", "/image/digest"),
    ("image.pullPolicy", "Sometimes", "/image/pullPolicy"),
    ("image.tags", "1", "tags"),
    ("environment.EMAIL_PARTITION", "production", "/environment/EMAIL_PARTITION"),
    ("environment.EMAIL_INFRASTRUCTURE", "", "/environment/EMAIL_INFRASTRUCTURE"),
    ("environment.EMAIL_MAIL_ZONE_ID", "", "/environment/EMAIL_MAIL_ZONE_ID"),
    ("environment.EMAIL_MAIL_ZONE_NAME", "", "/environment/EMAIL_MAIL_ZONE_NAME"),
    ("environment.EMAIL_PUBLIC_BASE_URL", "http://api.dev.example.com", "/environment/EMAIL_PUBLIC_BASE_URL"),
    ("environment.EMAIL_LOG_LEVEL", 1, "/environment/EMAIL_LOG_LEVEL"),
    ("environment.email-log-level", "INFO", "invalid propertyName 'email-log-level'"),
    ("environment.ARDA_API_KEY", "a-made-up-key-of-callers", "invalid propertyName 'ARDA_API_KEY'"),
    ("roles.web.environment.SENTRY_DSN", "https://made-up", "invalid propertyName 'SENTRY_DSN'"),
    ("routes.job.enabled", "no", "/routes/job/enabled"),
    ("routes.jobs", {"enabled": False}, "jobs"),
    ("settings", "extras.send.batchSize = 1", "/settings"),
    ("settings.batch-size", 1, "invalid propertyName 'batch-size'"),
    ("settings.apiKeys", {"current": "a-made-up-key-of-callers"}, "invalid propertyName 'apiKeys'"),
    ("settings.postmark.accountToken", "made-up", "invalid propertyName 'accountToken'"),
    ("secrets.store.kind", "Vault", "/secrets/store/kind"),
    ("secrets.store.name", "", "/secrets/store/name"),
    ("secrets.refreshInterval", "often", "/secrets/refreshInterval"),
    ("secrets.files.api-key.variable", "ARDA_API_KEY", "/secrets/files/api-key/variable"),
    ("secrets.files.api-key.remote", "", "secrets.files.api-key.remote says where its content is"),
    ("migration.secret.remote", "", "/migration/secret/remote"),
    ("migration.retries", -1, "/migration/retries"),
    ("serviceAccount.aws.roleArn", "email-dev", "/serviceAccount/aws/roleArn"),
    ("serviceAccount.create", False, "/serviceAccount/name"),
    ("metricsPort", 70_000, "/metricsPort"),
    ("roles.sned", {"replicas": 1}, "sned"),
    ("roles.send", None, "send"),
    ("roles.send.replicas", -1, "/roles/send/replicas"),
    ("roles.send.command", [], "/roles/send/command"),
    ("roles.send.egress", ["internet"], "/roles/send/egress"),
    ("roles.send.terminationGracePeriodSeconds", 0, "/roles/send/terminationGracePeriodSeconds"),
    ("roles.send.resources.requests.cpu", "half", "/roles/send/resources/requests/cpu"),
    ("roles.send.port", 8080, "port"),
    # One scaler a Deployment: by the shape of the value, and by who can scale what.
    (f"{SEND}.by", ["hpa", "keda"], f"/{SEND}/by".replace(".", "/")),
    (f"{SEND}.by", "hpa", f"/{SEND}/by".replace(".", "/")),
    (f"{SEND}.hpa", {"enabled": True}, "hpa"),
    ("roles.web.scaling.by", "keda", "/roles/web/scaling/by"),
    ("roles.scheduler.scaling", {"by": "hpa"}, "scaling"),
    ("roles.web.scaling.min", 0, "/roles/web/scaling/min"),
    (f"{SEND}.max", 0, f"/{SEND}/max".replace(".", "/")),
    (f"{SEND}", {"by": "keda", "min": 9, "max": 8}, "roles.send.scaling: min is 9 and max is 8"),
    ("scaling.connection.key", "", "/scaling/connection/key"),
    ("probes.worker.readyProbe", {}, "readyProbe"),
    ("ingress", {"enabled": True, "hosts": []}, "/ingress"),
    ("ingress", {"enabled": True, "hosts": [{"host": "API.example.com"}]}, "/ingress/hosts/0/host"),
    (
        "ingress",
        {"enabled": True, "hosts": [{"host": "else.example.com"}]},
        "Postmark calls back at api.dev.example.com",
    ),
    ("networkPolicy.postgres.port", 0, "/networkPolicy/postgres/port"),
    ("networkPolicy.ingressFrom", [{}], "/networkPolicy/ingressFrom/0"),
    ("podDisruptionBudget.maxUnavailable", 0, "/podDisruptionBudget/maxUnavailable"),
    ("topologySpread", [{"topologyKey": "zone"}], "/topologySpread/0"),
    ("tolerations", {}, "/tolerations"),
]


@pytest.mark.parametrize(
    ("path", "value", "named"), REFUSED, ids=[f"{path}={value}" for path, value, _ in REFUSED]
)
def test_a_value_that_makes_no_sense_is_refused_by_name(path: str, value: object, named: str) -> None:
    with pytest.raises(helm.HelmError) as refused:
        rendered(over(EXAMPLE, nested(path, value)))
    assert named in str(refused.value)


def test_the_defaults_alone_are_refused_with_everything_that_is_missing() -> None:
    with pytest.raises(helm.HelmValuesError) as refused:
        rendered({})
    for name in ("INFRASTRUCTURE", "PARTITION", "MAIL_ZONE_ID", "MAIL_ZONE_NAME", "PUBLIC_BASE_URL"):
        assert f"/environment/EMAIL_{name}" in str(refused.value)


@pytest.mark.parametrize("name", [name for name in PARTITIONS if name != "dev"])
def test_secrets_stand_in_values_nowhere_but_in_dev(name: str) -> None:
    with pytest.raises(helm.HelmValuesError, match="/environment/EMAIL_PARTITION"):
        rendered(over(PLAIN, nested("environment.EMAIL_PARTITION", name)))


def test_there_is_one_way_to_the_secrets() -> None:
    with pytest.raises(helm.HelmValuesError, match="/secrets/existing"):
        rendered(over(PLAIN, nested("secrets.existing", "of-somebody-else")))


def test_a_secret_that_is_not_given_is_named_and_so_is_one_too_many() -> None:
    with pytest.raises(helm.HelmRenderError, match=r"secrets\.plain\.sentry-dsn is missing"):
        rendered(over(PLAIN, nested("secrets.files.sentry-dsn.enabled", True)))
    with pytest.raises(helm.HelmRenderError, match=r"secrets\.plain\.api-kee is no key"):
        rendered(over(PLAIN, nested("secrets.plain.api-kee", "a-made-up-key-of-callers")))


def test_an_ingress_that_would_have_to_rewrite_paths_is_refused() -> None:
    under_a_path = nested("environment.EMAIL_PUBLIC_BASE_URL", "https://api.dev.example.com/mail")
    assert rendered(over(EXAMPLE, under_a_path))
    with pytest.raises(helm.HelmRenderError, match="/mail"):
        rendered(over(EXAMPLE, under_a_path, nested("ingress.enabled", True)))


def test_somebody_elses_secrets_need_no_store() -> None:
    kinds = {one["kind"] for one in rendered(EXISTING)}
    assert not kinds & {"Secret", "ExternalSecret"}


@pytest.mark.parametrize("name", PARTITIONS)
def test_what_emailctl_exports_prints_is_all_that_the_stack_has_to_say(name: str) -> None:
    exports = {
        f"Alpha002-{name}-API-PartitionMailZoneId": "Z0123456789ABCDEFGHIJ",
        f"Alpha002-{name}-API-PartitionMailZoneName": f"{name}.ardamails.com",
        f"Alpha002-{name}-API-EmailPostmarkAccountTokenArn": "arn:aws:secretsmanager:us-east-1:1:secret:token",
        f"Alpha002-{name}-API-EmailEncryptionKeyArn": "arn:aws:secretsmanager:us-east-1:1:secret:key",
    }
    printed = helm_values(deploy_time_values(exports, "Alpha002", name), "Alpha002", name)
    without = over(partition(name), nested("environment", dict.fromkeys(printed["environment"], "")))
    with pytest.raises(helm.HelmValuesError):
        rendered(without)
    objects = rendered(over(without, printed))
    environment = of_kind(objects, "ConfigMap")["email-environment"]["data"]
    assert printed["environment"].items() <= environment.items()
    assert remotes(objects) >= {("postmark-account-token", "arn:aws:secretsmanager:us-east-1:1:secret:token")}
    assert remotes(objects) >= {("key-material.json", "arn:aws:secretsmanager:us-east-1:1:secret:key")}


def remotes(objects: list[Object]) -> set[tuple[str, str]]:
    data = of_kind(objects, "ExternalSecret")["email"]["spec"]["data"]
    return {(one["secretKey"], one["remoteRef"]["key"]) for one in data}


def test_what_can_be_a_secret_file_can_be_no_variable() -> None:
    schema = chart().schema
    assert schema is not None
    files = yaml("helm/values.yaml")["secrets"]["files"].values()
    refused = schema["definitions"]["variable"]["not"]["enum"]
    names = {file["variable"].removesuffix("_FILE") for file in files}
    assert refused == sorted(names & known())  # key material is never a value of a variable
