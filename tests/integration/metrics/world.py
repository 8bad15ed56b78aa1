"""Roles as processes, and what they show to whoever scrapes them."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import requests
from prometheus_client import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from sandbox.ports import LOOPBACK
from sandbox.process import Child, Program, bare_environment

ROOT = Path(__file__).parents[3]
NOBODY_SENDS = "http://127.0.0.1:1"


def role_environment(folder: Path, database_url: str, redis_url: str, *, port: int) -> dict[str, str]:
    return bare_environment(
        ARDA_API_KEY="the-api-key-of-these-tests",
        EMAIL_DATABASE_URL=database_url,
        EMAIL_INFRASTRUCTURE="Alpha002",
        EMAIL_KEY_MATERIAL_FILE=str(folder / "nowhere.json"),
        EMAIL_MAIL_ZONE_ID="Z1",
        EMAIL_MAIL_ZONE_NAME="dev.ardamails.com",
        EMAIL_METRICS_HOST=LOOPBACK,
        EMAIL_METRICS_PORT=str(port),
        EMAIL_PARTITION="dev",
        EMAIL_POSTMARK_ACCOUNT_TOKEN="account-token-of-tests",
        EMAIL_POSTMARK_BASE_URL=NOBODY_SENDS,
        EMAIL_PUBLIC_BASE_URL=NOBODY_SENDS,
        EMAIL_REDIS_URL=redis_url,
        EMAIL_RELEASE="of-tests",
    )


def python(name: str, folder: Path, environment: Mapping[str, str], *arguments: str) -> Child:
    """`python -m ...` whose processes share `folder/metrics`."""
    (folder / "metrics").mkdir(exist_ok=True)
    return Child(
        Program(
            name=name,
            argv=(sys.executable, "-m", *arguments),
            env={**environment, "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")},
            log=folder / f"{name}.log",
            cwd=ROOT,
            drain_seconds=10.0,
        )
    )


def scraped(port: int) -> dict[str, Metric] | None:
    """By name; None while nobody answers."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.get(f"http://{LOOPBACK}:{port}/metrics", timeout=10)
        except requests.ConnectionError:
            return None
    answer.raise_for_status()
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(metrics: Mapping[str, Metric] | None, name: str, **labels: str) -> float:
    """Of the sample with this name; 0.0 when there is none yet."""
    samples = (sample for metric in (metrics or {}).values() for sample in metric.samples)
    return sum(
        sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()
    )


def counted_by(folder: Path, name: str) -> dict[int, float]:
    """By each process, as it stands in its own file."""
    return dict(_counted(folder, name))


def _counted(folder: Path, name: str) -> Iterator[tuple[int, float]]:
    for file in (folder / "metrics").glob("histogram_*.db"):
        metrics = {metric.name: metric for metric in MultiProcessCollector.merge([str(file)])}
        yield int(file.stem.partition("_")[2]), value(metrics, name)
