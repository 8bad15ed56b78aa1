"""Mail to send, with a canary in every part that is nobody else's."""

from base64 import b64encode

from sandbox.client import Json
from tests.acceptance.canary.values import Canaries, Kind


def letter(canaries: Canaries, name: str, *, to: str = "customer") -> Json:
    """A job's body without its configuration. `to` begins the recipient: the simulator's rules go by it."""

    def new(part: str, kind: Kind) -> str:
        return canaries.new(f"{part} of {name}", kind)

    content = f'Invoice\nfor "you" & <nobody else>: {new("the attachment", Kind.ATTACHMENT)}\n'.encode()
    return {
        "recipient": f"{to}.{new('the recipient', Kind.RECIPIENT)}@example.com",
        "replyToEmail": f"desk.{new('the reply-to', Kind.REPLY_TO)}@example.com",
        "subject": f'Your "order" at M\u00fcller & S\u00f6hne: {new("the subject", Kind.SUBJECT)}',
        "htmlBody": f'<p title="{new("the HTML body", Kind.BODY)}">It left the house today.</p>',
        "textBody": f"It left the house today.\n{new('the text body', Kind.BODY)}\n",
        "attachments": [
            {
                "filename": f"{new('the file name', Kind.ATTACHMENT)}.txt",
                "contentType": "text/plain",
                "contentBase64": b64encode(content).decode(),
            }
        ],
        # Callers search by it: no secret.
        "tag": "order",
        "metadata": {"order": new("the metadata", Kind.METADATA)},
    }
