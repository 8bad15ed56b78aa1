"""An answer in the place of AWS's wire, for handlers of botocore's event `before-send`."""

import io
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSResponse


def answer(url: str, status: int, body: bytes) -> AWSResponse:
    headers: Any = {"Content-Type": "text/xml"}
    return AWSResponse(url, status, headers, _Raw(body))


class _Raw(io.BytesIO):
    """As urllib3's answers are read."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()
