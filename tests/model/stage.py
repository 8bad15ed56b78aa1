"""What every world stands on: settings, and the events that the provider posts."""

from functools import cache
from uuid import UUID

from shared import config
from shared.config.settings import Settings
from tests.unit.web.api import KEY

TEST_POST = {"RecordType": "Delivery", "MessageID": "00000000-0000-0000-0000-000000000000"}


@cache
def settings() -> Settings:
    """The defaults, but for small batches: three jobs are two calls."""
    read = config.read(
        {
            "EMAIL_INFRASTRUCTURE": "Alpha002",
            "EMAIL_PARTITION": "dev",
            "EMAIL_DATABASE_URL": "postgresql://nobody@localhost/none",
            "EMAIL_REDIS_URL": "redis://localhost:1/0",
            "EMAIL_MAIL_ZONE_ID": "Z1",
            "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
            "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-tests",
            "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
            "ARDA_API_KEY": KEY,
            "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
        }
    )
    return read.model_copy(update={"send": read.send.model_copy(update={"batch_size": 2})})


def told(kind: str, message_id: str, job_id: UUID, recipient: str) -> dict[str, object]:
    event: dict[str, object] = {
        "RecordType": kind,
        "MessageID": message_id,
        "Metadata": {"job": str(job_id)},
        "MessageStream": "outbound",
    }
    if kind == "Delivery":
        return {**event, "Recipient": recipient, "DeliveredAt": "2026-11-02T09:00:00Z"}
    ends_it = {"Type": "HardBounce", "Inactive": True} if kind == "Bounce" else {}
    return {**event, **ends_it, "Email": recipient, "BouncedAt": "2026-11-02T09:00:01Z"}
