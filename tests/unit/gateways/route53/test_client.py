"""A client that is made when it is used: it costs those nothing who never use it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import EndpointConnectionError

from shared.gateways.route53.client import route53_client_when_used


def test_what_is_wrong_with_its_arguments_shows_at_the_first_call() -> None:
    client = route53_client_when_used("no URL at all")
    with pytest.raises(ValueError, match="Invalid endpoint"):
        client.list_hosted_zones()


def test_threads_that_use_it_at_once_get_the_same_client(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    client = route53_client_when_used("http://127.0.0.1:9")
    with ThreadPoolExecutor(4) as threads:
        metas = list(threads.map(lambda _: client.meta, range(8)))
    assert len(set(map(id, metas))) == 1
    with pytest.raises(EndpointConnectionError):
        client.list_hosted_zones()
