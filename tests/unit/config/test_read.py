"""Settings from the package, a file and the environment; faults all at once, and never a value in them."""

import re
from functools import cache
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from shared.config import REFERENCE, ROOT, InvalidSettings, read
from shared.config.settings import Settings
from workers.provisioning.policy import ProvisioningPolicy

KEY = "a-key-of-sixteen-or-more"
ENOUGH = {
    "EMAIL_INFRASTRUCTURE": "Alpha002",
    "EMAIL_PARTITION": "dev",
    "EMAIL_DATABASE_URL": "postgresql://user:hunter2@db/email",
    "EMAIL_REDIS_URL": "redis://:hunter2@redis/0",
    "EMAIL_MAIL_ZONE_ID": "Z1",
    "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
    "EMAIL_POSTMARK_ACCOUNT_TOKEN": "hunter2-token",
    "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
    "ARDA_API_KEY": KEY,
    "EMAIL_KEY_MATERIAL_FILE": "/mounted/key-material.json",
}


@cache
def by_default() -> Settings:
    return read(ENOUGH)


def faults_of(environment: dict[str, str]) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        read(environment)
    assert all(fault in str(caught.value) for fault in caught.value.faults)
    return caught.value.faults


def with_file(tmp_path: Path, text: str, **environment: str) -> dict[str, str]:
    path = tmp_path / "override.conf"
    path.write_text(text, encoding="utf-8")
    return {**ENOUGH, "EMAIL_CONFIG_FILE": str(path), **environment}


def test_the_package_and_the_environment_are_enough() -> None:
    settings = by_default()
    assert settings.environment == "Alpha002-dev"
    assert settings.mail_zone.name == "dev.ardamails.com"
    assert settings.database.pool_size == 10
    assert settings.api_keys.valid() == (KEY,)
    assert settings.routes.postmark_events.enabled


def test_every_missing_setting_is_named_at_once() -> None:
    assert faults_of({}) == [
        f"extras.{name}: Field required"
        for name in (
            "infrastructure",
            "partition",
            "database.url",
            "broker.url",
            "mailZone.id",
            "mailZone.name",
            "postmark.accountToken",
            "publicBaseUrl",
            "apiKeys.current",
            "keyMaterial.file",
        )
    ]


def test_faults_of_every_kind_are_listed_together(tmp_path: Path) -> None:
    text = f"{ROOT} {{ extra.x = 1, extras {{ log.level = LOUD, send.batchSize = 501, nosuch = 1 }} }}"
    faults = faults_of(with_file(tmp_path, text, ARDA_API_KEY="short", EMAIL_PARTITION="production"))
    assert [fault.partition(":")[0] for fault in faults] == [
        "extra",
        "extras.partition",
        "extras.apiKeys.current",
        "extras.send.batchSize",
        "extras.log.level",
        "extras.nosuch",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ARDA_API_KEY", "hunter2"),
        ("EMAIL_PARTITION", "hunter2"),
        ("EMAIL_DATABASE_POOL_SIZE", "hunter2"),
        ("EMAIL_PUBLIC_BASE_URL", "hunter2"),
        ("EMAIL_LOG_LEVEL", "hunter2"),
    ],
)
def test_a_fault_never_quotes_the_value(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read({**ENOUGH, name: value})
    assert value not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["EMAIL_DATABASE_URL", "EMAIL_REDIS_URL"])
@pytest.mark.parametrize(
    "url",
    [
        # Drivers would take a piece of each password for a host or a port, and say so.
        "scheme://user:hun@ter2:word@host/name",
        "scheme://user:hun/ter2@host:1/name",
        "scheme://user:hun#ter2@host:1/name",
        "scheme://user:hun?ter2@host:1/name",
        "scheme://:hunter2@host:port/name",
        "hunter2",
    ],
)
def test_a_url_whose_password_is_not_encoded_is_refused_unquoted(name: str, url: str) -> None:
    (fault,) = faults_of({**ENOUGH, name: url})
    assert "percent-encoded" in fault
    assert "hun" not in fault


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hun%2Fter2@host:5432/name?sslmode=require",
        "postgresql://user:hunter2@/name?host=/run/postgres&port=5432",
        "postgresql://[::1]:5432/name",
        "redis://:hunter2@host/0",
        "rediss://user:hunter2@host:6379",
        "unix://:hunter2@/run/valkey.sock?db=1",
        "unix:///run/valkey.sock",
    ],
)
def test_every_form_of_a_servers_url_is_taken(url: str) -> None:
    settings = read({**ENOUGH, "EMAIL_DATABASE_URL": url, "EMAIL_REDIS_URL": url})
    assert settings.database.url.get_secret_value() == settings.broker.url.get_secret_value() == url


def test_a_file_that_is_no_hocon_is_refused_with_the_place_and_without_its_text(tmp_path: Path) -> None:
    (fault,) = faults_of(with_file(tmp_path, f'{ROOT}.extras {{\n  database.url = "hunter2'))
    assert re.search(r"override\.conf: line 2, column \d+", fault)
    assert "hunter2" not in fault


def test_a_variable_that_has_to_be_set_and_is_not_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults_of(with_file(tmp_path, f"{ROOT}.extras.aws.region = ${{NO_SUCH_VARIABLE}}"))
    assert "NO_SUCH_VARIABLE" in fault


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults_of({**ENOUGH, "EMAIL_CONFIG_FILE": str(tmp_path / "none.conf")})
    assert "none.conf" in fault


@pytest.mark.parametrize(
    "text", [f"{ROOT}.extras = 1", f"{ROOT}.extras.database = null", f"{ROOT}.routes = []"]
)
def test_a_group_that_is_none_is_a_fault(tmp_path: Path, text: str) -> None:
    assert faults_of(with_file(tmp_path, text))


def test_the_file_overrides_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    settings = read(
        with_file(tmp_path, f"{ROOT} {{ routes.job.enabled = false, extras.send.batchSize = 7 }}")
    )
    assert (settings.send.batch_size, settings.send.batch_bytes) == (7, 20_000_000)
    assert (settings.routes.job.enabled, settings.routes.configuration.enabled) == (False, True)


def test_a_file_may_name_variables_of_its_own(tmp_path: Path) -> None:
    text = f"{ROOT}.extras.aws.region = ${{?MY_REGION}}"
    assert read(with_file(tmp_path, text, MY_REGION="eu-west-1")).aws.region == "eu-west-1"
    assert read(with_file(tmp_path, text)).aws.region == "us-east-1"


def test_a_default_is_replaced_by_its_variable_and_an_empty_one_is_not_set() -> None:
    assert read({**ENOUGH, "EMAIL_DATABASE_POOL_SIZE": "25"}).database.pool_size == 25
    assert read({**ENOUGH, "EMAIL_DATABASE_POOL_SIZE": ""}).database.pool_size == 10
    assert read({**ENOUGH, "SENTRY_DSN": "", "ARDA_API_KEY_PREVIOUS": ""}).api_keys.previous is None


def test_a_read_leaves_nothing_behind_for_the_next(tmp_path: Path) -> None:
    defaults = by_default()
    changed = {"EMAIL_PARTITION": "stage", "EMAIL_POSTMARK_ACCOUNT_TOKEN": "another"}
    text = f"{ROOT}.extras {{ send.batchSize = 7, aws.region = eu-west-1 }}"
    assert read(with_file(tmp_path, text, **changed)).partition == "stage"
    assert read(ENOUGH) == defaults


def test_only_the_given_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "elsewhere-1")
    monkeypatch.setenv("EMAIL_PURPOSE", "elsewhere")
    settings = read(ENOUGH)
    assert (settings.aws.region, settings.purpose) == ("us-east-1", None)


def test_a_value_is_taken_as_it_is_whatever_is_in_it() -> None:
    odd = 'p${x}"#//\\@'
    settings = read({**ENOUGH, "EMAIL_POSTMARK_ACCOUNT_TOKEN": odd})
    assert settings.postmark.account_token.get_secret_value() == odd


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("from-the-file\n", encoding="utf-8")
    environment = {name: value for name, value in ENOUGH.items() if name != "EMAIL_POSTMARK_ACCOUNT_TOKEN"}
    settings = read({**environment, "EMAIL_POSTMARK_ACCOUNT_TOKEN_FILE": str(secret)})
    assert settings.postmark.account_token.get_secret_value() == "from-the-file"


def test_a_variable_goes_before_its_file_unless_it_is_empty(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("another-key-of-sixteen-or-more", encoding="utf-8")
    both = {**ENOUGH, "ARDA_API_KEY_FILE": str(secret)}
    assert read(both).api_keys.valid() == (KEY,)
    assert read({**both, "ARDA_API_KEY": ""}).api_keys.valid() == ("another-key-of-sixteen-or-more",)


def test_a_secrets_file_that_cannot_be_read_is_listed_with_the_other_faults(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    environment = {
        name: value for name, value in ENOUGH.items() if name not in {"ARDA_API_KEY", "EMAIL_PARTITION"}
    }
    for path in (binary, tmp_path / "none"):
        faults = faults_of({**environment, "ARDA_API_KEY_FILE": str(path)})
        assert [fault.partition(":")[0] for fault in faults] == [
            "ARDA_API_KEY_FILE",
            "extras.partition",
            "extras.apiKeys.current",
        ]


def test_no_secret_is_in_the_settings_repr() -> None:
    shown = repr(read({**ENOUGH, "SENTRY_DSN": "https://hunter2@sentry.example.com/1"}))
    assert "hunter2" not in shown
    assert KEY not in shown


def test_both_api_keys_are_valid_while_a_rotation_goes_on() -> None:
    previous = "the-key-of-the-year-before"
    assert read({**ENOUGH, "ARDA_API_KEY_PREVIOUS": previous}).api_keys.valid() == (KEY, previous)


@pytest.mark.parametrize("name", ["EMAIL_OPERATOR_KEY", "EMAIL_READER_KEY"])
@pytest.mark.parametrize("key", ["fifteen-letters", KEY, "a-key-that-was-valid-before"])
def test_a_key_of_the_console_is_long_and_no_key_of_the_api(name: str, key: str) -> None:
    faults = faults_of({**ENOUGH, "ARDA_API_KEY_PREVIOUS": "a-key-that-was-valid-before", name: key})
    assert len(faults) == 1
    assert faults[0].startswith("extras.console")
    assert key not in faults[0]


def test_the_two_roles_of_the_console_have_two_keys() -> None:
    both = {"EMAIL_OPERATOR_KEY": "one-key-for-everybody", "EMAIL_READER_KEY": "one-key-for-everybody"}
    assert faults_of({**ENOUGH, **both}) == ["extras.console: Value error, use two keys for two roles"]


def test_the_purpose_names_the_environment_when_there_is_one() -> None:
    assert read({**ENOUGH, "EMAIL_PURPOSE": "demo"}).environment == "Alpha002-demo"


# --- reference.conf ------------------------------------------------------------


def paths_of(model: type[BaseModel]) -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        inner = field.annotation
        key = to_camel(name)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= {f"{key}.{path}" for path in paths_of(inner)}
        else:
            found.add(key)
    return found


def documented() -> dict[str, str]:
    """Path of each setting in `reference.conf`, with the comment above its first line."""
    found: dict[str, str] = {}
    groups: list[str] = []
    comment = ""
    for line in (line.strip() for line in REFERENCE.read_text(encoding="utf-8").splitlines()):
        if line.startswith("#"):
            comment = line
        elif line.endswith("{"):
            groups.append(line.removesuffix("{").strip())
            assert len(groups) < 3 or comment, f"the group {line} says nothing"
            comment = ""
        elif line == "}":
            groups.pop()
        elif line:
            path = ".".join([*groups, line.partition("=")[0].strip()])
            found.setdefault(path, comment)
            comment = ""
    return found


def test_every_setting_is_in_the_reference_and_nothing_else_is() -> None:
    settings = paths_of(Settings)
    expected = {
        f"{ROOT}.{path}" if path.startswith("routes.") else f"{ROOT}.extras.{path}" for path in settings
    }
    assert documented().keys() == expected


def test_every_setting_of_the_reference_says_what_it_is() -> None:
    assert [path for path, comment in documented().items() if len(comment) < 5] == []


# --- defaults that have to agree with one another --------------------------------


def test_a_lease_outlives_the_longest_call_under_it() -> None:
    settings = by_default()
    connect = settings.postmark.connect_timeout_seconds
    assert settings.send.lease_seconds > settings.postmark.read_timeout_seconds + connect
    assert settings.provisioning.lease_seconds > settings.postmark.webhook_timeout_seconds + connect


def test_the_policies_take_their_numbers_from_the_settings() -> None:
    settings = by_default()
    assert ProvisioningPolicy.of(settings).polling_window.total_seconds() == 24 * 3600
    assert ProvisioningPolicy.of(settings).polling_interval_seconds == 30
