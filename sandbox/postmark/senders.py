"""/senders: signatures. Their DKIM and return path are those of the domain; only `Confirmed` is their own."""

from sandbox.postmark import dkim
from sandbox.postmark.addresses import is_address
from sandbox.postmark.domains import (
    PUBLIC_DOMAINS,
    add_domain,
    checked_return_path,
    dkim_fields,
    set_return_path,
)
from sandbox.postmark.entities import Json, Signature
from sandbox.postmark.errors import ApiError
from sandbox.postmark.routing import Call, Route
from sandbox.postmark.world import World

FIRST_ID = 2_000_001
MAX_NOTE = 400


def _row(signature: Signature) -> Json:
    return {
        "Domain": signature.domain,
        "EmailAddress": signature.email,
        "ReplyToEmailAddress": signature.reply_to,
        "Name": signature.name,
        "Confirmed": signature.confirmed,
        "ID": signature.id,
    }


def show(world: World, signature: Signature) -> Json:
    whole = {**_row(signature), **dkim_fields(world.state.domains.named(signature.domain))}
    return {**whole, "ID": signature.id, "ConfirmationPersonalNote": signature.note}


async def list_senders(call: Call) -> Json:
    count, offset = call.page(500)
    found = sorted(call.world.state.signatures, key=lambda signature: signature.email.lower())
    return {
        "TotalCount": len(found),
        "SenderSignatures": [_row(row) for row in found[offset : offset + count]],
    }


async def get_sender(call: Call) -> Json:
    return show(call.world, _find(call))


async def create_sender(call: Call) -> Json:
    world, given = call.world, call.object(520, "The field 'FromEmail' is required.")
    email = _checked_email(given)
    signature = Signature(0, email, _checked_name(given), _checked_reply_to(given), _checked_note(given))
    return_path = checked_return_path(given.get("returnpathdomain"), signature.domain, 522)
    if world.state.signatures.named(email) is not None:
        raise ApiError(504, "This signature already exists.")
    domain = world.state.domains.named(signature.domain) or add_domain(world, signature.domain, "")
    if return_path:
        set_return_path(domain, return_path)
        world.state.domains.put(domain)
    signature.id = world.state.next_id("signature", FIRST_ID)
    world.state.signatures.put(signature)
    return show(world, signature)


def _checked_email(given: Json) -> str:
    email = given.get("fromemail")
    if not email:
        raise ApiError(520, "The field 'FromEmail' is required.")
    if not isinstance(email, str) or not is_address(email):
        raise ApiError(522, "The field 'FromEmail' has an invalid value.")
    if email.rpartition("@")[2].lower() in PUBLIC_DOMAINS:
        raise ApiError(503, "Signatures on public domains are not allowed.")
    return email


def _checked_name(given: Json) -> str:
    name = given.get("name")
    if not isinstance(name, str) or not name.strip():
        raise ApiError(520, "The field 'Name' is required.")
    return name


def _checked_reply_to(given: Json) -> str:
    reply_to = given.get("replytoemail") or ""
    if reply_to and (not isinstance(reply_to, str) or not is_address(reply_to)):
        raise ApiError(522, "The field 'ReplyToEmail' has an invalid value.")
    return str(reply_to)


def _checked_note(given: Json) -> str:
    note = given.get("confirmationpersonalnote") or ""
    if len(str(note)) > MAX_NOTE:
        raise ApiError(521, f"The field 'ConfirmationPersonalNote' may have up to {MAX_NOTE} characters.")
    return str(note)


async def edit_sender(call: Call) -> Json:
    world, signature = call.world, _find(call)
    given = call.object(502, "No data was given to update the signature with.")
    domain = world.state.domains.named(signature.domain)
    if given.get("returnpathdomain") is not None and domain is not None:
        set_return_path(domain, checked_return_path(given["returnpathdomain"], signature.domain, 522))
        world.state.domains.put(domain)
    signature.name = _checked_name(given) if "name" in given else signature.name
    signature.reply_to = _checked_reply_to(given) if "replytoemail" in given else signature.reply_to
    signature.note = _checked_note(given) if "confirmationpersonalnote" in given else signature.note
    world.state.signatures.put(signature)
    return show(world, signature)


async def delete_sender(call: Call) -> Json:
    signature = _find(call)
    call.world.state.signatures.remove(signature)
    return {"ErrorCode": 0, "Message": f"Signature {signature.email} removed."}


async def resend_confirmation(call: Call) -> Json:
    signature = _find(call)
    if signature.confirmed:
        raise ApiError(506, "This signature is already confirmed.")
    text = f"Confirmation email for Sender Signature {signature.email} was re-sent."
    return {"ErrorCode": 0, "Message": text}


async def request_new_dkim(call: Call) -> Json:
    signature = _find(call)
    domain = call.world.state.domains.named(signature.domain)
    if domain is None:
        raise ApiError(501, "This signature has no DKIM information.")
    if domain.pending_host:
        raise ApiError(505, "This DKIM is already being renewed.")
    dkim.rotate(domain, call.world.clock.now(), call.world.settings.dkim_key_bits)
    call.world.state.domains.put(domain)
    return {"ErrorCode": 0, "Message": f"A new DKIM key for {signature.email} was requested."}


def _find(call: Call) -> Signature:
    number = call.number("id")
    signature = call.world.state.signatures.get(number) if number is not None else None
    if signature is None:
        status = call.world.settings.signature_not_found_status
        raise ApiError(501, "The sender signature was not found.", status=status)
    return signature


ROUTES = [
    Route("GET", "/senders", "Account", list_senders),
    Route("POST", "/senders", "Account", create_sender),
    Route("GET", "/senders/{id}", "Account", get_sender),
    Route("PUT", "/senders/{id}", "Account", edit_sender),
    Route("DELETE", "/senders/{id}", "Account", delete_sender),
    Route("POST", "/senders/{id}/resend", "Account", resend_confirmation),
    Route("POST", "/senders/{id}/verifyspf", "Account", get_sender),
    Route("POST", "/senders/{id}/requestnewdkim", "Account", request_new_dkim),
]
