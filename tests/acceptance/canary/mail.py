"""Mail of every fate, and a provider that quotes what it was given."""

from collections.abc import Iterable, Sequence
from uuid import uuid4

from sandbox.client import Json, expect, wait_for
from tests.acceptance.canary import callbacks
from tests.acceptance.canary.letters import letter
from tests.acceptance.canary.provider import SEND, item_refusal, quoting, refusal
from tests.acceptance.canary.tenants import Tenant
from tests.acceptance.canary.values import Kind
from tests.acceptance.canary.world import PATIENCE_SECONDS, World

_LETTER_OF = "SELECT 1 FROM dead_letter WHERE subject = 'message' AND actor = %s AND error_class = %s"
_BREAK = """
UPDATE email_job_content SET attachments = jsonb_build_array(jsonb_build_object(%s::text, 1)) WHERE job_id::text = %s
"""
_MEND = "UPDATE email_job_content SET attachments = '[]' WHERE job_id::text = %s"
_SUPPRESSED = "SELECT e_id::text FROM suppression_entry WHERE address = %s"
_REFUSED_LIFT = "SELECT 1 FROM provider_lift WHERE address = %s AND message IS NOT NULL"


def while_workers_are_away(world: World, tenant: Tenant) -> str:
    """Messages wait in Valkey. One is for a row that no handler can read, one for a change that no row takes.

    The job of one that bounced.
    """
    canaries, client = world.canaries, tenant.client
    single, broken = (
        tenant.mail(letter(canaries, name)) for name in ("the single mail", "the mail with a broken row")
    )
    bounces = tenant.mail(letter(canaries, "the mail that bounces", to="bounce-hard"))
    complains = tenant.mail(letter(canaries, "the mail that is complained of", to="complaint"))
    with world.database.refusing(
        "email_job", f"status <> 'DELIVERED' OR recipient <> '{single['recipient']}'"
    ):
        with world.without("send", "projection"):
            jobs = [_accepted(tenant, mail) for mail in (single, broken)]
            jobs += _accepted_as_batch(tenant, [bounces, complains])
            callbacks.of_a_stranger(world, tenant)
            world.database.run(
                _BREAK, canaries.new("a field that no release knows", Kind.ATTACHMENT), jobs[1]
            )
            world.look_at_valkey("while messages wait")
        world.wait_for_rows(_LETTER_OF, "SendJobs", "TypeError")
        world.database.run(_MEND, jobs[1])
        world.wait_for_rows(_LETTER_OF, "ProjectEvents", "DatabaseFault")
    for job, status in zip(jobs, ("DELIVERED", "DELIVERED", "BOUNCED", "COMPLAINED"), strict=True):
        wait_for_status(tenant, job, status)
    for suppressed in (bounces, complains):
        expect(client.send(suppressed), 403)
    for job in jobs:
        expect(client.get(f"/job/{job}/events"), 200)
        expect(client.timeline(job), 200)
    lifted_but_kept(world, tenant, bounces["recipient"])
    return jobs[2]


def in_doubt(world: World, tenant: Tenant) -> None:
    """It was taken and the answer was lost; the first search is answered with a fault that quotes the token."""
    lost, search = {"kind": "accept_then_500", "endpoint": SEND}, "/messages/outbound"
    late = {"kind": "delay_webhooks", "seconds": 30}
    with world.provider.saying(lost, late, refusal(search, 500, 0, tenant.server_token, count=1)):
        job = _accepted(tenant, tenant.mail(letter(world.canaries, "the mail in doubt")))
        wait_for_status(tenant, job, "SENT")
        went_out, _, searches_failed = world.provider.fired()
        assert (went_out, searches_failed) == (1, 1)


def refused(world: World, tenant: Tenant) -> None:
    """One message, one address that the provider gave up, and the whole account."""
    for number, (code, status) in enumerate(((300, "FAILED"), (406, "SUPPRESSED"), (405, "DELIVERED"))):
        mail = tenant.mail(letter(world.canaries, f"the mail that is refused with {code}"))
        words = (mail["recipient"], mail["recipient"].upper(), mail["replyToEmail"], tenant.server_token)
        with world.provider.saying(item_refusal(code, *words, count=1)):
            job = _accepted(tenant, mail)
            # The account's pause ends with one message that goes well: the same one.
            wait_for_status(tenant, job, status)
            assert world.provider.fired() == [1], number


def refused_until_failure(world: World, tenant: Tenant) -> None:
    mail = tenant.mail(letter(world.canaries, "the mail whose token is refused"))
    with world.provider.saying(refusal(SEND, 401, 10, tenant.server_token, mail["recipient"])):
        _accepted(tenant, mail)
        world.wait_for_rows(
            "SELECT 1 FROM email_configuration WHERE e_id::text = %s AND operational = 'FAILURE'", tenant.eid
        )
    expect(tenant.client.send(tenant.mail(letter(world.canaries, "the mail to a failed tenant"))), 409)


def lifted_but_kept(world: World, tenant: Tenant, address: str) -> None:
    """Off our list, and not off the provider's, which quotes the address and the token."""
    row = {"EmailAddress": address, "Status": "Failed", "Message": quoting(address, tenant.server_token)}
    answer = {
        "kind": "respond",
        "endpoint": "*/suppressions/delete",
        "status": 200,
        "body": {"Suppressions": [row]},
        "count": 1,
    }
    ((entry,),) = world.database.ask(_SUPPRESSED, address)
    with world.provider.saying(answer):
        expect(tenant.client.lift(entry, "the mailbox works again"), 200)
        world.wait_for_rows(_REFUSED_LIFT, address)
    assert tenant.client.suppressions()


def listed(world: World, tenant: Tenant) -> None:
    """A list that comes from elsewhere, with a line that cannot be taken."""
    good, bad = (
        f"{name}.{world.canaries.new(f'the recipient of a {name} line', Kind.RECIPIENT)}@example.com"
        for name in ("good", "bad")
    )
    tenant.client.import_suppressions(f'address,reason\r\n{good},MANUAL\r\n{bad},{bad}\r\n"{bad}\r\n')
    tenant.client.import_suppressions(f"address,reason\r\n{good},MANUAL\r\n{bad} {bad},MANUAL\r\n")
    assert good in "".join(tenant.client.export_suppressions(lifted=True))


def wait_for_status(tenant: Tenant, job: str, *statuses: str) -> None:
    wait_for(
        lambda: expect(tenant.client.job(job), 200).payload["status"],
        lambda status: status in statuses,
        seconds=PATIENCE_SECONDS,
        what=" or ".join(statuses),
    )


def _accepted(tenant: Tenant, mail: Json) -> str:
    return str(expect(tenant.client.send(mail), 202).payload["eId"])


def _accepted_as_batch(tenant: Tenant, mails: Sequence[Json]) -> Iterable[str]:
    """With two in it that are not: one that is no message, and one to nobody."""
    key = str(uuid4())
    wrong = [
        {**mails[0], "recipient": f"no address: {mails[0]['recipient']}"},
        {"subject": mails[0]["subject"]},
    ]
    sent = [{**mail, "idempotencyKey": f"{key}-{number}"} for number, mail in enumerate([*mails, *wrong])]
    results = expect(tenant.client.send_batch(sent), 200).body["results"]
    assert [result["status"] for result in results] == [202] * len(mails) + [400] * len(wrong)
    return [str(result["job"]["payload"]["eId"]) for result in results[: len(mails)]]
