"""The fields of a job and of a configuration, each at its limit and one beyond."""

import base64
import json
from typing import Any

import pytest

from shared.ports.store import Store
from tests.unit.web.api import Api, a_configuration, a_job, code, faults

PDF = {"filename": "bill.pdf", "contentType": "application/pdf", "contentBase64": "JVBERi0="}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipient", "PERSON@Example.com"),
        ("recipient", "a" * 64 + "@" + "b" * 185 + ".com"),
        ("subject", "x" * 2000),
        ("replyToEmail", "Help.Desk@Example.com"),
        ("tag", "x" * 1000),
        ("metadata", {f"key-{number}": "x" * 80 for number in range(8)}),
        ("metadata", {"x" * 20: ""}),
        ("htmlBody", "x" * 5_000_000),
        ("attachments", [PDF, {**PDF, "filename": "run.exe"}]),
        ("attachments", [{**PDF, "contentBase64": ""}]),
        ("attachments", []),
    ],
)
def test_a_field_at_its_limit_is_accepted(api: Api, store: Store, field: str, value: Any) -> None:
    a_configuration(store)
    assert api.send(a_job(**{field: value})).status_code == 202


@pytest.mark.parametrize(
    ("field", "value", "at"),
    [
        ("configurationEId", "acme", "configurationEId"),
        ("configurationEId", 7, "configurationEId"),
        ("recipient", "Person <person@example.com>", "recipient"),
        ("recipient", "a@example.com, b@example.com", "recipient"),
        ("recipient", "nobody", "recipient"),
        ("recipient", "a@b\r\nBcc: c@d.example", "recipient"),
        ("recipient", ["a@example.com"], "recipient"),
        ("replyToEmail", "Help <help@example.com>", "replyToEmail"),
        ("subject", "", "subject"),
        ("subject", "x" * 2001, "subject"),
        ("subject", "one\r\nBcc: two", "subject"),
        ("subject", 7, "subject"),
        ("tag", "x" * 1001, "tag"),
        ("tag", "a\nb", "tag"),
        ("htmlBody", "x" * 5_000_001, "htmlBody"),
        ("textBody", "", "body"),
        ("metadata", {f"key-{number}": "" for number in range(9)}, "metadata"),
        ("metadata", {"x" * 21: ""}, "metadata." + "x" * 21),
        ("metadata", {"": "x"}, "metadata."),
        ("metadata", {"order": "x" * 81}, "metadata.order"),
        ("metadata", {"order": 7}, "metadata.order"),
        ("metadata", {"order": "1", "Order": "2"}, "metadata"),
        ("metadata", {"job": "mine"}, "metadata"),
        ("metadata", {"CLAIM": "mine"}, "metadata"),
        ("attachments", [{**PDF, "contentBase64": "JVBERi0"}], "attachments.0.contentBase64"),
        ("attachments", [{**PDF, "contentBase64": "JVBE\nRi0="}], "attachments.0.contentBase64"),
        ("attachments", [PDF, {**PDF, "contentBase64": "é==="}], "attachments.1.contentBase64"),
        ("attachments", [{**PDF, "filename": ""}], "attachments.0.filename"),
        ("attachments", [{**PDF, "contentType": "pdf"}], "attachments.0.contentType"),
        ("attachments", [{**PDF, "disposition": "inline"}], "attachments.0.disposition"),
        ("attachments", "bill.pdf", "attachments"),
        ("fromLocalPart", "ceo", "fromLocalPart"),
        ("colour", "red", "colour"),
    ],
)
def test_a_field_beyond_its_limit_is_named(api: Api, store: Store, field: str, value: Any, at: str) -> None:
    a_configuration(store)
    response = api.send(a_job(**{field: value}))
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == [at]


def test_a_body_is_measured_in_bytes_and_not_in_characters(api: Api) -> None:
    body = json.dumps(a_job(htmlBody="é" * 2_500_001), ensure_ascii=False)
    response = api.send(None, data=body.encode(), content_type="application/json")
    assert list(faults(response)) == ["htmlBody"]


def test_a_message_is_measured_with_its_attachments_in_base64(api: Api, store: Store) -> None:
    a_configuration(store)
    three_quarters = base64.b64encode(bytes(5_600_000)).decode()
    heavy = a_job(attachments=[{**PDF, "contentBase64": three_quarters}], htmlBody="x" * 2_600_000)
    assert code(api.send(heavy)) == (400, "invalid_fields")
    assert api.send({**heavy, "htmlBody": "x" * 2_500_000}).status_code == 202


def test_every_fault_is_told_at_once(api: Api) -> None:
    response = api.send({"recipient": "nobody", "colour": "red"})
    assert set(faults(response)) == {"configurationEId", "recipient", "subject", "colour"}


@pytest.mark.parametrize("field", ["recipient", "subject", "textBody", "tag", "configurationEId"])
def test_no_answer_quotes_what_was_sent(api: Api, field: str) -> None:
    secret = "s3cr3t\n"
    response = api.send(a_job(**{field: secret * 1000, "htmlBody": secret * 1_000_000}))
    assert response.status_code == 400
    assert "s3cr3t" not in response.get_data(as_text=True)


@pytest.mark.parametrize("name", ["x" * 500, "a\nb", "Bcc: person@example.com " * 9])
def test_a_strange_field_name_is_cut_and_made_printable(api: Api, name: str) -> None:
    response = api.send(a_job(**{name: 1}))
    (shown,) = faults(response)
    assert len(shown) <= 64
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, {"sendingDomainSlug", "signatureRequest"}),
        ({"sendingDomainSlug": "acme", "signatureRequest": {}}, {"signatureRequest.fromName"}),
        ({"sendingDomainSlug": "Acme", "signatureRequest": {"fromName": "A"}}, {"sendingDomainSlug"}),
        ({"sendingDomainSlug": "-acme", "signatureRequest": {"fromName": "A"}}, {"sendingDomainSlug"}),
        ({"sendingDomainSlug": "a" * 64, "signatureRequest": {"fromName": "A"}}, {"sendingDomainSlug"}),
        (
            {"sendingDomainSlug": "a", "signatureRequest": {"fromName": "A\nB", "fromLocalPart": "A B"}},
            {"signatureRequest.fromName", "signatureRequest.fromLocalPart"},
        ),
        (
            {"sendingDomainSlug": "a", "signatureRequest": {"fromName": "A", "replyToEmail": "A <a@b.c>"}},
            {"signatureRequest.replyToEmail"},
        ),
    ],
)
def test_a_configuration_with_faults_names_them(api: Api, body: Any, at: set[str]) -> None:
    response = api.post("/configuration", body)
    assert code(response) == (400, "invalid_fields")
    assert set(faults(response)) == at
